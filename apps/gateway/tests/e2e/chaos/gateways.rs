//! Two gateways behind nginx on one PostgreSQL; one at a time is killed, frozen, or restarted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::round::Scene;
use super::{GOOD_WITHIN, campaign};
use crate::api::Api;
use crate::database::Syncs;
use crate::installation::Installation;
use crate::nginx::{Nginx, free_port};
use crate::server::Server;
use crate::waiting::{PATIENCE, say, wait_for};

/// What happens to a gateway.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `kill -9`, and a new start.
    Kill,
    /// It hangs for a while, its connections open.
    Freeze,
    /// It is told to end, and started again, as in a rolling restart.
    Restart,
}

const FAULTS: [Fault; 3] = [Fault::Kill, Fault::Freeze, Fault::Restart];

/// A place of the two: the port stays, the process does not.
pub(super) struct Gateway {
    pub(super) port: u16,
    server: Option<Server>,
}

impl Gateway {
    pub(super) fn start(installation: &Installation) -> Self {
        let port = free_port();
        Self { port, server: Some(Server::start(&mut installation.serve_on(port))) }
    }

    pub(super) fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    fn start_again(&mut self, installation: &Installation) -> Duration {
        let server = Server::start(&mut installation.serve_on(self.port));
        let took = server.ready_after;
        self.server = Some(server);
        took
    }

    /// Ends it in good order and starts it again; gives how long the start took.
    pub(super) fn restart(&mut self, installation: &Installation) -> Duration {
        self.server.take().expect("it runs").stop();
        self.start_again(installation)
    }

    pub(super) fn stop(self) {
        self.server.expect("it runs").stop();
    }

    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }
}

#[test]
fn one_of_two_gateways_fails_at_a_time() {
    campaign("gateways", Duration::from_secs(12), |round| {
        let installation = Installation::on_postgres(Syncs::Off);
        let mut gateways = [Gateway::start(&installation), Gateway::start(&installation)];
        let nginx = Nginx::start(&gateways.each_ref().map(|gateway| gateway.port));
        let api = installation.client(gateways[0].server());
        round.play(nginx.address, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 1_000);
                // Each fault comes once to each gateway before chance decides.
                let chance = |scene: &mut Scene<'_>, bound| usize::try_from(scene.random.below(bound)).unwrap();
                let (fault, victim) =
                    if number < 6 { (number % 3, number % 2) } else { (chance(scene, 3), chance(scene, 2)) };
                let said = strike(FAULTS[fault], &mut gateways[victim], &installation, scene);
                let good = scene.until_good(nginx.address);
                say(&format!("gateway {victim}: {:?}, {said}; an order was taken {good:?} after it", FAULTS[fault]));
                assert!(good <= GOOD_WITHIN);
            }
            gateways.each_ref().map(Gateway::address).to_vec()
        });
        drop(nginx);
        installation.verify();
        for gateway in gateways {
            gateway.stop();
        }
        installation.verify();
    });
}

/// Lets a fault happen, and says what was seen of it.
fn strike(fault: Fault, gateway: &mut Gateway, installation: &Installation, scene: &mut Scene<'_>) -> String {
    match fault {
        Fault::Kill => {
            gateway.server.take().expect("it runs").kill();
            let served = scene.until_served(8);
            let ready = gateway.start_again(installation);
            format!("eight answers {served:?} after it, ready again in {ready:?}")
        }
        Fault::Freeze => {
            gateway.server().freeze();
            let (began, before) = (Instant::now(), scene.answers());
            // Longer than the bounds on an order's way to the broker, when there is time for that.
            let most = if scene.is_long() && scene.random.below(4) == 0 { 12_000 } else { 3_000 };
            scene.pass(500, most);
            let (answers, frozen) = (scene.answers() - before, began.elapsed());
            gateway.server().thaw();
            let ready = Instant::now();
            let mut api = Api::new(gateway.address(), "");
            wait_for("readiness", PATIENCE, || {
                api.call("GET", "/readyz", None).is_ok_and(|answer| answer.status == 200).then_some(())
            });
            let ready = ready.elapsed();
            assert!(ready <= GOOD_WITHIN, "ready again in {ready:?}");
            format!("{answers} answers in {frozen:?}, ready again in {ready:?}")
        }
        Fault::Restart => {
            let began = Instant::now();
            let ready = gateway.restart(installation);
            format!("there again {:?} after it was told to end, ready in {ready:?}", began.elapsed())
        }
    }
}

//! The primary of two PostgreSQL servers is lost, and its synchronous standby takes its place.

use std::time::{Duration, Instant};

use super::postgres::{refusal, were_true};
use super::round::{LOOK, Played, Scene};
use super::{GOOD_WITHIN, campaign};
use crate::api::Api;
use crate::database::Database;
use crate::installation::Installation;
use crate::own_postgres::OwnPostgres;
use crate::server::Server;
use crate::story::resting;
use crate::waiting::say;

/// A commit that waits for a standby is given up after a second and then looked for, for five more. What waited behind it
/// is refused with it.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// Two servers, one of which is the primary. A server that was lost comes back as the standby of the other one.
struct Pair {
    servers: [OwnPostgres; 2],
    /// Which of them is the primary.
    primary: usize,
}

impl Pair {
    fn start() -> Self {
        let primary = OwnPostgres::start();
        let standby = primary.standby();
        Self { servers: [primary, standby], primary: 0 }
    }

    /// The address of both, of which the primary is asked.
    fn url(&self) -> String {
        let [one, other] = self.servers.each_ref().map(OwnPostgres::port);
        format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{other}/postgres?target_session_attrs=read-write")
    }

    fn primary(&mut self) -> &mut OwnPostgres {
        &mut self.servers[self.primary]
    }

    fn standby(&mut self) -> &mut OwnPostgres {
        &mut self.servers[1 - self.primary]
    }

    /// The standby becomes the primary.
    fn promote(&mut self) {
        self.standby().promote();
        self.primary = 1 - self.primary;
    }

    /// The one that was lost comes back, and is waited for from now on.
    fn mend(&mut self) {
        let [one, other] = &mut self.servers;
        let (primary, standby) = if self.primary == 0 { (one, other) } else { (other, one) };
        standby.follow(primary);
        primary.wait_for_standby();
    }
}

#[test]
fn a_synchronous_standby_takes_over() {
    campaign("failover", Duration::from_secs(12), |round| {
        let mut pair = Pair::start();
        let installation = Installation::on_database(Database::empty_on(&pair.url()));
        pair.primary().wait_for_standby();
        let mut command = installation.serve();
        // So that an order that waits for a standby is given up soon.
        let server = Server::start(command.args(["--set", "database.statement_timeout_ms=1000"]));
        let address = server.address;
        let mut bystander = installation.client(&server);
        let mut refused = Vec::new();
        let Played { books, .. } = round.play(address, installation.client(&server), |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(300, 1_000);
                // Every other time the standby was out of reach when the primary was lost.
                let cut_off = number % 2 == 1;
                if cut_off {
                    pair.standby().freeze(true);
                    refuses(&mut bystander, scene, &mut refused);
                    // By now each client has something that waits for the standby. It is given up and asked for again,
                    // and nobody may be told that it was done.
                    let before = scene.answers();
                    scene.pass(3_000, 4_000);
                    assert_eq!(scene.answers(), before, "answered before the standby had it");
                }
                pair.primary().kill();
                if cut_off {
                    pair.standby().freeze(false);
                }
                refuses(&mut bystander, scene, &mut refused);
                scene.pass(0, 1_000);
                let began = Instant::now();
                pair.promote();
                let promoted = began.elapsed();
                let good = scene.until_good(address);
                say(&format!(
                    "promoted in {promoted:?}, cut off before: {cut_off}; an order was taken {good:?} after it"
                ));
                assert!(good <= GOOD_WITHIN);
                scene.pass(300, 1_000);
                pair.mend();
            }
            vec![address]
        });
        were_true(&refused, &books);
        installation.verify();
        server.stop();
        installation.verify();
        drop(installation);
        drop(pair);
    });
}

/// A request is refused now.
fn refuses(bystander: &mut Api, scene: &Scene<'_>, refused: &mut Vec<(String, String)>) {
    let name = format!("{LOOK}while-away-{}", refused.len());
    let (outcome, after) = refusal(bystander, &resting(&scene.account, &name), REFUSED_WITHIN);
    say(&format!("refused after {after:?}: {outcome}"));
    refused.push((name, outcome));
}

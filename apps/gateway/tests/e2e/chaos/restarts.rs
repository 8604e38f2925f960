//! A rolling restart of two gateways behind nginx: no client sees anything of it.

use std::time::{Duration, Instant};

use super::campaign;
use super::gateways::Gateway;
use crate::database::Syncs;
use crate::installation::Installation;
use crate::nginx::Nginx;
use crate::waiting::say;

#[test]
fn no_client_sees_a_rolling_restart() {
    campaign("restarts", Duration::from_secs(7), |round| {
        let installation = Installation::on_postgres(Syncs::Off);
        let mut gateways = [Gateway::start(&installation), Gateway::start(&installation)];
        let nginx = Nginx::start(&gateways.each_ref().map(|gateway| gateway.port));
        let api = installation.client(gateways[0].server());
        let played = round.unseen().play(nginx.address, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 800);
                let (began, before) = (Instant::now(), scene.answers());
                let ready = gateways[number % 2].restart(&installation);
                let (took, answers) = (began.elapsed(), scene.answers() - before);
                say(&format!("gateway {} restarted in {took:?}, ready in {ready:?}: {answers} answers", number % 2));
            }
            gateways.each_ref().map(Gateway::address).to_vec()
        });
        say(&format!("{} of {} commands were done at once", played.at_once, played.commands));
        assert_eq!(played.at_once, played.commands, "nobody was told to come again");
        drop(nginx);
        installation.verify();
        for gateway in gateways {
            gateway.stop();
        }
        installation.verify();
    });
}

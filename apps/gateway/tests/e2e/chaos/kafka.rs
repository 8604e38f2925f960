//! Everything about Kafka fails in turn, and no client sees any of it: brokers of three that are killed, a cluster that
//! hangs, relays that are killed or stopped. Afterwards every event is on its topics, the first occurrences in order.

use std::process::Command;
use std::time::{Duration, Instant};

use super::campaign;
use super::round::Scene;
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::{OwnKafka, Topics};
use crate::server::Server;
use crate::waiting::say;

/// Brokers of the cluster.
const BROKERS: usize = 3;

/// What happens.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// `kill -9` of a broker, and a new start on its data.
    KillBroker,
    /// The whole cluster hangs, its connections open.
    Hang,
    /// `kill -9` of a relay, and a new start.
    KillRelay,
    /// A relay is stopped for longer than the others wait for it, and wakes up.
    FreezeRelay,
}

const FAULTS: [Fault; 4] = [Fault::KillBroker, Fault::KillRelay, Fault::Hang, Fault::FreezeRelay];

fn relay(installation: &Installation, topics: &Topics) -> Server {
    let mut command: Command = installation.serve();
    Server::start(topics.configure(command.args(["--roles", "relay"])))
}

#[test]
fn nothing_about_kafka_is_seen_by_clients_or_lost() {
    campaign("kafka", Duration::from_secs(20), |round| {
        let mut kafka = OwnKafka::start(BROKERS);
        let topics = Topics::on(&kafka.brokers()).kept_on(BROKERS);
        let installation = Installation::on_postgres(Syncs::Off);
        let mut command = installation.serve();
        let server = Server::start(command.args(["--roles", "gateway,execution,market-data"]));
        let mut relays = [relay(&installation, &topics), relay(&installation, &topics)].map(Some);
        let api = installation.client(&server);
        let account = installation.client(&server).account();
        let played = round.unseen().play(server.address, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 1_500);
                let chance = |scene: &mut Scene<'_>, bound| usize::try_from(scene.random.below(bound)).unwrap();
                let fault = FAULTS[if number < FAULTS.len() { number } else { chance(scene, 4) }];
                let (broker, victim) = (chance(scene, 3), chance(scene, 2));
                let began = Instant::now();
                match fault {
                    Fault::KillBroker => {
                        kafka.kill(broker);
                        scene.pass(1_000, 4_000);
                        kafka.start_again();
                    }
                    Fault::Hang => {
                        kafka.freeze(true);
                        scene.pass(1_000, 6_000);
                        kafka.freeze(false);
                    }
                    Fault::KillRelay => {
                        relays[victim].take().expect("it runs").kill();
                        scene.pass(200, 1_000);
                        relays[victim] = Some(relay(&installation, &topics));
                    }
                    Fault::FreezeRelay => {
                        let frozen = relays[victim].as_ref().expect("it runs");
                        frozen.freeze();
                        scene.pass(6_000, 8_000);
                        frozen.thaw();
                    }
                }
                say(&format!("{fault:?}, for {:?}", began.elapsed()));
            }
            vec![server.address]
        });
        assert_eq!(played.at_once, played.commands, "clients see nothing of it");
        topics.hold(&played.books, &account);
        for server in relays.into_iter().flatten().chain([server]) {
            server.stop();
        }
        installation.verify();
    });
}

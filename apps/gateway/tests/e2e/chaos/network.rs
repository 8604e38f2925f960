//! The ways between Velox and PostgreSQL, Kafka and the registry go bad, in each of toxiproxy's ways, and good again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{GOOD_WITHIN, campaign};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::{OwnKafka, Topics};
use crate::server::Server;
use crate::toxiproxy::Toxiproxy;
use crate::waiting::say;

/// What happens to the way: toxiproxy's word, and its attributes.
pub(super) fn faults() -> [(&'static str, Value); 6] {
    [
        ("latency", json!({ "latency": 200, "jitter": 150 })),
        ("reset_peer", json!({ "timeout": 0 })),
        // Connections stay, and everything on them is lost.
        ("timeout", json!({ "timeout": 0 })),
        ("slicer", json!({ "average_size": 24, "size_variation": 12, "delay": 300 })),
        ("bandwidth", json!({ "rate": 16 })),
        ("down", Value::Null),
    ]
}

#[test]
fn the_way_to_the_database_goes_bad() {
    campaign("network", Duration::from_secs(11), |round| {
        let installation = Installation::on_postgres(Syncs::Off);
        let database = installation.database();
        let proxy = Toxiproxy::start(&database.server());
        let mut command = installation.serve();
        let server = Server::start(command.env("VELOX_DATABASE_URL", database.url_through(&proxy.entry)));
        let address = server.address;
        let faults = faults();
        round.play(address, installation.client(&server), |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 800);
                // Each once, before chance decides.
                let place = if number < faults.len() { number } else { scene.random.below(6).try_into().unwrap() };
                let (kind, attributes) = &faults[place];
                let stream = if scene.random.below(2) == 0 { "upstream" } else { "downstream" };
                let before = scene.answers();
                match attributes {
                    Value::Null => proxy.close(),
                    attributes => proxy.poison(kind, stream, attributes),
                }
                scene.pass(500, if scene.is_long() { 6_000 } else { 2_000 });
                proxy.heal();
                let answers = scene.answers() - before;
                let good = scene.until_good(address);
                say(&format!("{kind} {stream}: {answers} answers meanwhile; an order was taken {good:?} after it"));
                assert!(good <= GOOD_WITHIN);
            }
            vec![address]
        });
        installation.verify();
        server.stop();
        installation.verify();
    });
}

/// No client sees it, and afterwards everything is on its topics.
#[test]
fn the_ways_to_kafka_and_the_registry_go_bad() {
    campaign("network, to Kafka", Duration::from_secs(14), |round| {
        let (kafka, to_kafka) = OwnKafka::behind(Toxiproxy::start, |way| &way.entry);
        let (topics, to_registry) = Topics::on(&to_kafka.entry).with_registry_behind(Toxiproxy::start);
        let installation = Installation::on_postgres(Syncs::Off);
        let server = Server::start(topics.configure(&mut installation.serve()));
        let api = installation.trader(&server);
        let account = installation.client(&server).account();
        let faults = faults();
        let played = round.unseen().play(server.address, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(200, 800);
                let place = if number < faults.len() { number } else { scene.random.below(6).try_into().unwrap() };
                let (kind, attributes) = &faults[place];
                let stream = if scene.random.below(2) == 0 { "upstream" } else { "downstream" };
                for way in [&to_kafka, &to_registry] {
                    match attributes {
                        Value::Null => way.close(),
                        attributes => way.poison(kind, stream, attributes),
                    }
                }
                scene.pass(500, if scene.is_long() { 6_000 } else { 2_000 });
                [&to_kafka, &to_registry].into_iter().for_each(Toxiproxy::heal);
                say(&format!("{kind} {stream}"));
            }
            vec![server.address]
        });
        assert_eq!(played.at_once, played.commands, "clients see nothing of it");
        topics.hold(&played.books, &account);
        server.stop();
        installation.verify();
        drop(kafka);
    });
}

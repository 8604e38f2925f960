//! Kills at random moments, while clients place and cancel orders and somebody follows the streams.

pub(crate) mod client;
pub(crate) mod door;
pub(crate) mod follower;

use std::time::Duration;

use crate::audit::Books;
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kill_points::READY_WITHIN;
use crate::random::{Random, seed};
use crate::stack::Stack;
use crate::waiting::say;
use client::{Client, Entry, Way};
use door::Door;
use follower::Follower;

/// Who places orders at the same time.
const CLIENTS: u64 = 4;
/// The shortest and the longest time between readiness and the next kill.
const LIFE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(700));

fn kills(usual: u32) -> u32 {
    match std::env::var("VELOX_TEST_TIER").as_deref() {
        Ok("full") => 50,
        _ => usual,
    }
}

#[test]
fn kills_at_random_moments_on_sqlite() {
    survive(Stack::Whole(Installation::on_sqlite()), kills(12));
}

#[test]
fn kills_at_random_moments_on_postgres() {
    survive(Stack::Whole(Installation::on_postgres(Syncs::Off)), kills(6));
}

/// Each kill hits the gateway that clients are at, which go to the other one, and a process of another role.
#[test]
fn kills_at_random_moments_on_a_split_stack() {
    survive(Stack::split(), kills(6));
}

fn survive(mut stack: Stack, kills: u32) {
    let seed = seed();
    say(&format!("{kills} kills with VELOX_TEST_SEED={seed}"));
    let mut random = Random::seeded(seed);
    let mut server = stack.start();
    let mut api = stack.installation().trader(&server);
    let account = api.account();
    let door = Door::default();
    let (journal, streams, server) = std::thread::scope(|scope| {
        let _ends_everybody = door.close_on_drop();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = Client::new(number, seed, &door, Way::Direct, &api.token, &account);
                scope.spawn(move || client.run())
            })
            .collect();
        let follower = Follower::new(&door, &api.token, &account);
        let follower = scope.spawn(move || follower.run());
        door.open(server.address);
        for kill in 1..=kills {
            let life = random.between(LIFE.0, LIFE.1);
            door.watch(life);
            door.shut();
            let took;
            (server, took) = stack.crash(server, &mut random, |server| door.open(server.address));
            say(&format!("kill {kill} after {life:?}: ready again after {took:?}"));
            assert!(took <= READY_WITHIN, "seed {seed}: it was ready only {took:?} after kill {kill}");
        }
        door.no_more_orders();
        let journal: Vec<Entry> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        api.move_to(server.address);
        let books = Books::at_rest(&mut api, &account);
        door.ends_at(&books);
        (journal, follower.join().unwrap(), server)
    });
    let books = Books::read(&mut api, &account);
    let again = journal.iter().filter(|entry| entry.tries > 1).count();
    let (orders, events) = (books.orders.len(), books.events.len());
    say(&format!("{} commands, {again} sent more than once, {orders} orders, {events} events", journal.len()));
    assert!(journal.len() > 20 && events > 40, "seed {seed}: too little happened to mean anything");
    books.agree();
    client::agree(&journal, &books, |_| false);
    for (channel, messages) in streams {
        books.were_streamed(channel, 0, &messages);
    }
    let mut elsewhere = stack.installation().client(stack.other_than(&server));
    assert_eq!(Books::read(&mut elsewhere, &account), books, "seed {seed}: the same wherever one asks");
    stack.holds(&books, &account);
    stack.installation().verify();

    // What stands, stands after one more.
    stack.kill(server);
    let server = stack.start();
    let mut api = stack.installation().client(&server);
    assert_eq!(Books::read(&mut api, &account), books, "seed {seed}");
    stack.stop(server);
}

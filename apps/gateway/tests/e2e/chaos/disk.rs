//! The disk is full, and has room again.

use std::time::{Duration, Instant};

use super::postgres::were_true;
use super::round::{Played, Round, Scene};
use super::{GOOD_WITHIN, campaign};
use crate::api::Api;
use crate::database::Database;
use crate::installation::Installation;
use crate::own_postgres::OwnPostgres;
use crate::small_disk::SmallDisk;
use crate::story::resting;
use crate::waiting::{PATIENCE, say, wait_for};

#[test]
fn the_disk_of_postgres_is_full() {
    campaign("disk, of PostgreSQL", Duration::from_secs(5), |round| {
        let Some(disk) = SmallDisk::mount(192) else { return };
        // Little is kept ready, so that the log ahead soon wants room.
        let settings = ["max_wal_size=32MB", "min_wal_size=32MB"];
        let mut postgres = OwnPostgres::start_in(disk.folder(), &settings);
        let installation = Installation::on_database(Database::empty_on(&postgres.url()));
        fills(round, &disk, &installation, |number, room| match room {
            // Every other time there is no room for what every commit writes either, and PostgreSQL ends.
            Room::None if number % 2 == 1 => postgres.exhaust_log(),
            Room::None => {}
            Room::Again => postgres.start_again(),
        });
        drop(installation);
        drop(postgres);
    });
}

#[test]
fn the_disk_of_the_embedded_store_is_full() {
    campaign("disk, of the embedded store", Duration::from_secs(4), |round| {
        // What clients leave on it has room, however long that lasts.
        let Some(disk) = SmallDisk::mount(64 + 4 * round.seconds()) else { return };
        let installation = Installation::on_sqlite_in(disk.folder());
        fills(round, &disk, &installation, |_, _| {});
        drop(installation);
    });
}

/// What a disk has.
enum Room {
    None,
    Again,
}

/// Lets a disk be full now and then; whoever is on it is told.
fn fills(round: Round, disk: &SmallDisk, installation: &Installation, mut tell: impl FnMut(usize, Room)) {
    let server = installation.start();
    let address = server.address;
    let mut bystander = installation.client(&server);
    let mut refused = Vec::new();
    let Played { books, .. } = round.play(address, installation.client(&server), |scene| {
        for number in 0.. {
            if !scene.goes_on() {
                break;
            }
            scene.pass(300, 1_000);
            disk.fill();
            let began = Instant::now();
            refuses(&mut bystander, scene, &mut refused);
            let (after, before) = (began.elapsed(), scene.answers());
            let read = bystander.call("GET", &format!("/v1/orders?account_id={}", scene.account), None).unwrap();
            tell(number, Room::None);
            scene.pass(500, 2_000);
            let answers = scene.answers() - before;
            disk.free();
            tell(number, Room::Again);
            let good = scene.until_good(address);
            let outcome = &refused.last().unwrap().1;
            say(&format!("full, and an order was {outcome} after {after:?}; a list was read with {}", read.status));
            say(&format!("{answers} answers while it was full; an order was taken {good:?} after it"));
            assert!(matches!(read.status, 200 | 503), "{read:?}");
            assert!(good <= GOOD_WITHIN);
        }
        vec![address]
    });
    were_true(&refused, &books);
    installation.verify();
    server.stop();
    installation.verify();
}

/// Places orders until one is refused.
fn refuses(bystander: &mut Api, scene: &mut Scene<'_>, refused: &mut Vec<(String, String)>) {
    wait_for("an order to be refused", PATIENCE, || {
        let name = scene.look();
        let answer = bystander.call("POST", "/v1/orders", Some(&resting(&scene.account, &name))).unwrap();
        if matches!(answer.status, 201 | 422) {
            return None;
        }
        assert_eq!(answer.status, 503, "{answer:?}");
        refused.push((name, answer.text("outcome").to_owned()));
        Some(())
    });
}

//! Redis is killed, hangs, or is reached badly. Nobody who trades may notice; no limit gets weaker.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use velox_testkit::OwnRedis;

use super::campaign;
use super::network::faults;
use super::round::{Round, Scene};
use crate::api::Api;
use crate::audit::{number, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::nginx::Nginx;
use crate::server::Server;
use crate::side_by_side::{health, heard};
use crate::socket::Socket;
use crate::story::resting;
use crate::toxiproxy::Toxiproxy;
use crate::waiting::{PATIENCE, say, wait_for};

/// Sign-ins that one address may try in a minute, on both gateways together.
const QUOTA: u32 = 4;
/// How soon a stream on one gateway brings what was done on the other, with Redis or without.
const STREAMED_WITHIN: Duration = Duration::from_secs(3);
/// Between two tries to sign in.
const PAUSE: Duration = Duration::from_millis(40);

/// How Redis goes away.
trait Away {
    /// Lets the next fault begin, and says which one it is, and whether Redis forgets by it.
    fn begin(&mut self, number: usize, scene: &mut Scene<'_>) -> (String, bool);
    /// Ends it.
    fn end(&mut self);
}

struct Process(OwnRedis);

impl Away for Process {
    fn begin(&mut self, number: usize, _: &mut Scene<'_>) -> (String, bool) {
        let Self(redis) = self;
        let kills = number.is_multiple_of(2);
        if kills {
            redis.kill()
        } else {
            redis.freeze(true)
        }
        (if kills { "killed" } else { "frozen" }.to_owned(), kills)
    }

    fn end(&mut self) {
        let Self(redis) = self;
        if redis.is_gone() { redis.start_again() } else { redis.freeze(false) }
    }
}

struct Way(Toxiproxy);

impl Away for Way {
    fn begin(&mut self, number: usize, scene: &mut Scene<'_>) -> (String, bool) {
        let faults = faults();
        let (kind, attributes) = &faults[number % faults.len()];
        let stream = if scene.random.below(2) == 0 { "upstream" } else { "downstream" };
        match attributes {
            Value::Null => self.0.close(),
            attributes => self.0.poison(kind, stream, attributes),
        }
        (format!("{kind} {stream}"), false)
    }

    fn end(&mut self) {
        self.0.heal();
    }
}

#[test]
fn redis_is_killed_and_hangs() {
    campaign("redis", Duration::from_secs(6), |round| {
        let redis = OwnRedis::start();
        let url = redis.url();
        nobody_notices(round, &url, Process(redis));
    });
}

#[test]
fn the_network_to_redis_goes_bad() {
    campaign("redis, its network", Duration::from_secs(9), |round| {
        let redis = OwnRedis::start();
        let proxy = Toxiproxy::start(&redis.place());
        let url = OwnRedis::url_at(&proxy.entry);
        nobody_notices(round, &url, Way(proxy));
        drop(redis);
    });
}

fn nobody_notices(round: Round, url: &str, mut redis: impl Away) {
    let installation = Installation::on_postgres(Syncs::Off);
    let gateways = [(); 2].map(|()| {
        let mut command = installation.serve();
        command.args(["--set", "limits.gateways=2", "--set", &format!("limits.logins_per_minute={QUOTA}")]);
        Server::start(command.env("VELOX_REDIS_URL", url))
    });
    let places = gateways.each_ref().map(|gateway| gateway.address);
    let nginx = Nginx::start(&places.map(|place| place.port()));
    let api = installation.client(&gateways[0]);
    let mut looker = installation.client(&gateways[0]);
    is_back(&mut looker, &gateways);
    let over = AtomicBool::new(false);
    let (played, flushes, tries) = std::thread::scope(|scope| {
        let _ends_the_guesser = SetOnDrop(&over);
        let guesser = scope.spawn(|| guess(places, &over));
        let mut flushes = Vec::new();
        let played = round.play(nginx.address, api, |scene| {
            for number in 0.. {
                if !scene.goes_on() {
                    break;
                }
                scene.pass(100, 500);
                let before = scene.answers();
                let (fault, forgets) = redis.begin(number, scene);
                scene.pass(300, if scene.is_long() { 6_000 } else { 1_200 });
                let streamed = streams(scene, places, number);
                redis.end();
                flushes.extend(forgets.then(Instant::now));
                say(&format!("{fault}: {} answers; streamed after {streamed:?}", scene.answers() - before));
                assert!(streamed <= STREAMED_WITHIN);
                is_back(&mut looker, &gateways);
            }
            places.to_vec()
        });
        over.store(true, Ordering::Relaxed);
        (played, flushes, guesser.join().unwrap())
    });
    let missed = played.commands - played.at_once;
    say(&format!(
        "{} of {} commands were done at once; {} sign-ins tried, {} allowed, Redis forgot {} times",
        played.at_once,
        played.commands,
        tries.tried,
        tries.allowed.len(),
        flushes.len()
    ));
    assert!(missed * 1_000 <= played.commands, "{missed} of {} commands failed", played.commands);
    limit_held(&tries.allowed, &flushes);
    let before = gateways.each_ref().map(|gateway| heard(gateway, "here"));
    for (gateway, before) in gateways.iter().zip(before) {
        wait_for("signals to come again", PATIENCE, || (heard(gateway, "here") > before).then_some(()));
    }
    drop(nginx);
    gateways.into_iter().for_each(Server::stop);
    installation.verify();
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until both gateways have it.
fn is_back(api: &mut Api, gateways: &[Server; 2]) {
    for gateway in gateways {
        wait_for("Redis to be there", PATIENCE, || (health(api, gateway, "redis") == "up").then_some(()));
    }
}

/// Places an order on one gateway, and gives how long it took to come out of a stream of the other one.
fn streams(scene: &mut Scene<'_>, places: [SocketAddr; 2], turn: usize) -> Duration {
    let [here, there] = [places[turn % 2], places[1 - turn % 2]];
    let mut api = Api::new(here, &scene.api.token);
    let mut socket = Socket::connect(there, &api.token).unwrap();
    let [before, name] = [scene.look(), scene.look()];
    let mark = api.place(&resting(&scene.account, &before));
    socket.follow("orders", &scene.account, number(&mark, "last_seq")).unwrap();
    socket.until("the subscription", |message| message["type"] == "subscribed");
    let began = Instant::now();
    let order = api.place(&resting(&scene.account, &name));
    let id = text(&order, "id");
    socket.until("the order", |message| message["data"]["order_id"] == id);
    began.elapsed()
}

/// What somebody saw who guessed passwords.
struct Tries {
    tried: usize,
    /// When a guess was looked at.
    allowed: Vec<Instant>,
}

/// Guesses passwords on both gateways in turn, and sees that both stay ready.
fn guess(places: [SocketAddr; 2], over: &AtomicBool) -> Tries {
    let mut apis = places.map(|place| Api::new(place, ""));
    let mut tries = Tries { tried: 0, allowed: Vec::new() };
    let guess = json!({ "email": "nobody@example.com", "password": "a guess of somebody else's password" });
    while !over.load(Ordering::Relaxed) {
        let api = &mut apis[tries.tried % 2];
        let answer = api.call("POST", "/v1/auth/login", Some(&guess)).unwrap();
        match answer.status {
            401 => tries.allowed.push(Instant::now()),
            429 => {}
            _ => panic!("{answer:?}"),
        }
        tries.tried += 1;
        assert_eq!(api.call("GET", "/readyz", None).unwrap().status, 200, "Redis is only missed");
        std::thread::park_timeout(PAUSE);
    }
    tries
}

/// Checks that in no stretch of time more was allowed than the quota, once more for each time that Redis forgot, and what
/// had come back by then.
fn limit_held(allowed: &[Instant], flushes: &[Instant]) {
    for (first, began) in allowed.iter().enumerate() {
        for (last, ended) in allowed.iter().enumerate().skip(first) {
            let forgotten = flushes.iter().filter(|flush| (began..=ended).contains(flush)).count();
            let bursts = 1 + u128::try_from(forgotten).unwrap();
            let refilled = (*ended - *began).as_millis() * u128::from(QUOTA) / 60_000;
            // A part of one on either end.
            let most = u128::from(QUOTA) * bursts + refilled + 2;
            let count = u128::try_from(last - first + 1).unwrap();
            assert!(count <= most, "{count} in {:?}, with {bursts} bursts", *ended - *began);
        }
    }
}

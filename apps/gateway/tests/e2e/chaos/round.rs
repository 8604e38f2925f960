//! [`Round`]: clients and a follower at work, faults meanwhile, the audit afterwards.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::api::Api;
use crate::audit::Books;
use crate::campaign::client::{self, Client, Entry, Way};
use crate::campaign::door::Door;
use crate::campaign::follower::Follower;
use crate::random::Random;
use crate::side_by_side::metric_at;
use crate::story::resting;
use crate::waiting::{PATIENCE, say, wait_for};

/// Who places orders at the same time.
const CLIENTS: u64 = 4;

/// A stretch of faults, and who trades meanwhile.
pub(super) struct Round {
    seed: u64,
    length: Duration,
    way: Way,
}

/// What came of a round.
pub(super) struct Played {
    pub(super) books: Books,
    /// How many commands the clients had.
    pub(super) commands: usize,
    /// How many of them were done when they were sent the first time.
    pub(super) at_once: usize,
}

/// What faults have to do with those who trade.
pub(super) struct Scene<'a> {
    door: &'a Door,
    began: Instant,
    length: Duration,
    /// Which fault comes, and when.
    pub(super) random: Random,
    /// Somebody signed in, for looks of one's own.
    pub(super) api: Api,
    /// The account that all trade on.
    pub(super) account: String,
    looks: u32,
}

impl Round {
    pub(super) const fn new(seed: u64, length: Duration) -> Self {
        Self { seed, length, way: Way::Faulty }
    }

    /// How long it is, in whole seconds.
    pub(super) fn seconds(&self) -> u32 {
        u32::try_from(self.length.as_secs()).unwrap()
    }

    /// The same with faults that no client may see.
    pub(super) fn unseen(self) -> Self {
        Self { way: Way::Unbroken, ..self }
    }

    /// Lets clients trade at `front` while `faults` does what it does; then checks the books at each of the places that
    /// it gives back.
    pub(super) fn play(
        self,
        front: SocketAddr,
        mut api: Api,
        faults: impl FnOnce(&mut Scene<'_>) -> Vec<SocketAddr>,
    ) -> Played {
        let Self { seed, length, way } = self;
        api.move_to(front);
        let (account, token) = (api.account(), api.token.clone());
        let door = Door::default();
        let (journal, streams, books) = std::thread::scope(|scope| {
            let _ends_everybody = door.close_on_drop();
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| {
                    let client = Client::new(number, seed, &door, way, &token, &account);
                    scope.spawn(move || client.run())
                })
                .collect();
            let follower = Follower::new(&door, &token, &account);
            let follower = scope.spawn(move || follower.run());
            door.open(front);
            let (random, account) = (Random::seeded(seed), account.clone());
            let mut scene = Scene { door: &door, began: Instant::now(), length, random, api, account, looks: 0 };
            let places = faults(&mut scene);
            door.no_more_orders();
            let journal: Vec<Entry> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
            let Scene { mut api, account, .. } = scene;
            let mut books = places.into_iter().map(|place| {
                api.move_to(place);
                wait_for("a pool that nobody waits for", PATIENCE, || has_connections(place).then_some(()));
                Books::at_rest(&mut api, &account)
            });
            let first = books.next().expect("somebody has the books");
            for other in books {
                assert_eq!(other, first, "seed {seed}: the same books wherever one asks");
            }
            door.ends_at(&first);
            (journal, follower.join().unwrap(), first)
        });
        let count = |is: fn(&Entry) -> bool| journal.iter().filter(|entry| is(entry)).count();
        say(&format!(
            "{} commands, {} sent more than once, {} given up as not executed, {} orders, {} events",
            journal.len(),
            count(|entry| entry.tries > 1),
            count(Entry::was_given_up),
            books.orders.len(),
            books.events.len()
        ));
        books.agree();
        client::agree(&journal, &books, |name| name.starts_with(LOOK));
        for (channel, messages) in streams {
            books.were_streamed(channel, 0, &messages);
        }
        let at_once = count(|entry| entry.tries == 1 && !entry.was_given_up());
        Played { books, commands: journal.len(), at_once }
    }
}

/// Whether the process at an address has a connection to PostgreSQL that nobody uses, and none is waited for; true of one
/// that has no pool.
fn has_connections(place: SocketAddr) -> bool {
    let [size, available, waiting] =
        ["size", "available", "waiting"].map(|name| metric_at(place, &format!("velox_database_pool_{name}")));
    size == 0 || (available > 0 && waiting == 0)
}

/// How the names of orders begin that are placed to see whether it works.
pub(super) const LOOK: &str = "look-";

impl Scene<'_> {
    /// Whether there is time for another fault.
    pub(super) fn goes_on(&self) -> bool {
        self.began.elapsed() < self.length
    }

    /// Whether there is time for faults that take theirs.
    pub(super) fn is_long(&self) -> bool {
        self.length >= Duration::from_secs(45)
    }

    /// Lets between `least` and `most` milliseconds pass, while clients trade.
    pub(super) fn pass(&mut self, least: u64, most: u64) {
        let time = self.random.between(Duration::from_millis(least), Duration::from_millis(most));
        self.door.watch(time);
    }

    /// How many answers clients have so far.
    pub(super) fn answers(&self) -> u64 {
        self.door.answers()
    }

    /// Waits until clients have so many answers more, and gives how long that took.
    pub(super) fn until_served(&self, answers: u64) -> Duration {
        let (began, goal) = (Instant::now(), self.door.answers() + answers);
        wait_for("clients to be served", PATIENCE, || (self.door.answers() >= goal).then_some(()));
        began.elapsed()
    }

    /// The name of an order that is placed for a look.
    pub(super) fn look(&mut self) -> String {
        self.looks += 1;
        format!("{LOOK}{}", self.looks)
    }

    /// Waits until an order is taken or denied, and gives how long that took.
    pub(super) fn until_good(&mut self, front: SocketAddr) -> Duration {
        let began = Instant::now();
        let name = self.look();
        let order = resting(&self.account, &name);
        wait_for("an order to be decided", PATIENCE, || {
            let answer = self.api.call("POST", "/v1/orders", Some(&order));
            if answer.is_err() {
                self.api.move_to(front);
            }
            // An account that has nothing left to buy with gets a denial, which is as durable.
            answer.is_ok_and(|answer| matches!(answer.status, 201 | 422)).then_some(())
        });
        began.elapsed()
    }
}

//! [`Stack`]: everything that runs of an installation while a story is told.

use std::process::Command;
use std::time::Duration;

use crate::audit::Books;
use crate::database::Syncs;
use crate::installation::Installation;
use crate::kafka::Topics;
use crate::random::Random;
use crate::risk::until_worked_off;
use crate::server::Server;

/// The roles of a split installation.
pub(crate) const ROLES: [&str; 5] = ["execution", "relay", "market-data", "risk", "gateway"];
pub(crate) const EXECUTION: usize = 0;
pub(crate) const RELAY: usize = 1;
pub(crate) const MARKET_DATA: usize = 2;
pub(crate) const RISK: usize = 3;
pub(crate) const GATEWAY: usize = 4;

/// Processes of each role but the gateway's.
const WORKERS: usize = 2;

/// An installation that is split into roles around PostgreSQL and Kafka.
pub(crate) struct Split {
    pub(crate) installation: Installation,
    pub(crate) topics: Topics,
    /// Two processes of each role, and the gateways besides the one that clients are at; `None` for one that does not run.
    pub(crate) workers: [Vec<Option<Server>>; ROLES.len()],
}

impl Split {
    /// One of which nothing runs yet, with so many gateways besides the one that clients are at.
    pub(crate) fn new(topics: Topics, gateways: usize) -> Self {
        let workers = [WORKERS, WORKERS, WORKERS, WORKERS, gateways].map(|count| (0..count).map(|_| None).collect());
        Self { installation: Installation::on_postgres(Syncs::Off), topics, workers }
    }

    /// The command of a process that plays a role.
    pub(crate) fn serve(&self, role: usize) -> Command {
        let mut command = self.installation.serve();
        // A busy machine may take longer to miss somebody than orders usually wait to be routed.
        command.args(["--roles", ROLES[role], "--set", "trading.route_bound_ms=20000"]);
        self.topics.configure(&mut command);
        command
    }

    /// Starts one more process of a role.
    pub(crate) fn start_another(&self, role: usize) -> Server {
        Server::start(&mut self.serve(role))
    }

    /// Starts those that do not run, each role's one after the other, all roles at once.
    pub(crate) fn start_missing(&mut self) {
        let commands: [Command; ROLES.len()] = std::array::from_fn(|role| self.serve(role));
        std::thread::scope(|scope| {
            for (places, mut command) in self.workers.iter_mut().zip(commands) {
                scope.spawn(move || {
                    for place in places.iter_mut().filter(|place| place.is_none()) {
                        *place = Some(Server::start(&mut command));
                    }
                });
            }
        });
    }

    /// Ends those that run in good order, once they have worked off what they were given.
    pub(crate) fn stop(&mut self) {
        until_worked_off(self.workers[RISK].iter().flatten());
        self.workers.iter_mut().flatten().filter_map(Option::take).for_each(Server::stop);
    }
}

/// Everything that runs of an installation besides the server that clients are at, and how that one is started.
pub(crate) enum Stack {
    /// That server plays every role.
    Whole(Installation),
    /// It is one of two gateways, and there are two processes of each other role.
    Split(Box<Split>),
}

impl Stack {
    /// A split one, on the Kafka of the tests.
    pub(crate) fn split() -> Self {
        Self::Split(Box::new(Split::new(Topics::new(), 1)))
    }

    /// What stays when all of it ends.
    pub(crate) fn installation(&self) -> &Installation {
        match self {
            Self::Whole(installation) => installation,
            Self::Split(split) => &split.installation,
        }
    }

    /// The command of the server that clients are at.
    pub(crate) fn serve(&self) -> Command {
        match self {
            Self::Whole(installation) => installation.serve(),
            Self::Split(split) => split.serve(GATEWAY),
        }
    }

    /// Starts the server that clients are at, and then whatever else does not run.
    pub(crate) fn start(&mut self) -> Server {
        let server = Server::start(&mut self.serve());
        if let Self::Split(split) = self {
            split.start_missing();
        }
        server
    }

    /// The other gateway; the server itself where there is none.
    pub(crate) fn other_than<'a>(&'a self, server: &'a Server) -> &'a Server {
        match self {
            Self::Whole(_) => server,
            Self::Split(split) => split.workers[GATEWAY][0].as_ref().expect("it runs"),
        }
    }

    /// Kills everything.
    pub(crate) fn kill(&mut self, server: Server) {
        server.kill();
        if let Self::Split(split) = self {
            split.workers.iter_mut().flatten().filter_map(Option::take).for_each(Server::kill);
        }
    }

    /// Kills the server that clients are at and, of a split stack, a process of another role, and brings both back. Says
    /// to `open` where clients are served next: by the other gateway at once, or by the server when it is back. Gives who
    /// serves them then, and how long the one that was killed took to be ready again.
    pub(crate) fn crash(&mut self, server: Server, random: &mut Random, open: impl Fn(&Server)) -> (Server, Duration) {
        server.kill();
        let Self::Split(split) = self else {
            let server = self.start();
            open(&server);
            let took = server.ready_after;
            return (server, took);
        };
        let other = split.workers[GATEWAY][0].take().expect("it runs");
        open(&other);
        let mut chance = |bound: usize| usize::try_from(random.below(u64::try_from(bound).unwrap())).unwrap();
        // The gateway is the last of the roles.
        let (role, place) = (chance(GATEWAY), chance(WORKERS));
        split.workers[role][place].take().expect("it runs").kill();
        let again = split.start_another(GATEWAY);
        let took = again.ready_after;
        split.workers[GATEWAY][0] = Some(again);
        split.workers[role][place] = Some(split.start_another(role));
        (other, took)
    }

    /// Checks that all of an account's events are on the topics, where there are any.
    pub(crate) fn holds(&self, books: &Books, account: &str) {
        if let Self::Split(split) = self {
            split.topics.hold(books, account);
        }
    }

    /// Ends everything in good order, after which nothing may be found wrong.
    pub(crate) fn stop(&mut self, server: Server) {
        server.stop();
        if let Self::Split(split) = self {
            split.stop();
        }
        self.installation().verify();
    }
}

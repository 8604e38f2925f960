//! What tests need: started by the first that needs it, shared, stopped after the last.

use crate::postgres::{self, Cluster, Durability, Installation};
use crate::redis::{self, Redis};
use crate::{kafka, nginx, python, toxiproxy};
use anyhow::Context;
use std::path::PathBuf;
use std::process::Command;

/// The variable with the path of this program, for tests that kill a server of their own: `xtask postgres --data`,
/// `xtask kafka --data`.
const XTASK: &str = "VELOX_TEST_XTASK";

/// What must be there before something can run, and how it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// A PostgreSQL without syncs, in `VELOX_TEST_POSTGRES_URL`.
    Postgres,
    /// A PostgreSQL that syncs, in `VELOX_TEST_POSTGRES_DURABLE_URL`.
    DurablePostgres,
    /// The means to run a PostgreSQL that may be killed, in `VELOX_TEST_XTASK`.
    OwnPostgres,
    /// A Redis that keeps nothing, in `VELOX_TEST_REDIS_URL`.
    Redis,
    /// One broker whose data are thrown away, in `VELOX_TEST_KAFKA_BROKERS`, and a Schema Registry, in
    /// `VELOX_TEST_SCHEMA_REGISTRY_URL`.
    Kafka,
    /// The means to run brokers and a registry that may be killed, in `VELOX_TEST_XTASK`.
    OwnKafka,
    /// The program, in `VELOX_TEST_NGINX`.
    Nginx,
    /// The program, in `VELOX_TEST_TOXIPROXY`.
    Toxiproxy,
    /// The virtual environment with the packages of `tests/requirements.txt`, in `VIRTUAL_ENV`.
    Python,
}

/// Servers that run, and the reason of those that do not: nothing is tried twice.
pub(crate) struct Servers {
    /// A PostgreSQL that was there before us, used in place of both of ours.
    given: Option<String>,
    /// Found before a build may put another file in its place.
    xtask: PathBuf,
    postgres: Option<Result<Cluster, String>>,
    durable_postgres: Option<Result<Cluster, String>>,
    redis: Option<Result<Redis, String>>,
    kafka: Option<Result<kafka::Cluster, String>>,
    toxiproxy: Option<Result<PathBuf, String>>,
    python: Option<Result<PathBuf, String>>,
}

impl Servers {
    /// None runs yet. `given` is the address of a PostgreSQL that is used instead of starting one.
    pub(crate) fn new(given: Option<String>) -> anyhow::Result<Servers> {
        let xtask = std::env::current_exe().context("cannot find myself")?;
        let nothing = (None, None, None, None, None, None);
        let (postgres, durable_postgres, redis, kafka, toxiproxy, python) = nothing;
        Ok(Servers { given, xtask, postgres, durable_postgres, redis, kafka, toxiproxy, python })
    }

    /// Begins to start what takes long to be usable, for whoever will need it: nobody waits for it here.
    pub(crate) fn begin(&mut self, mut needs: impl Iterator<Item = Need>) {
        if needs.any(|need| need == Need::Kafka) {
            let _the_reason_is_kept = once(&mut self.kafka, begin_kafka);
        }
    }

    /// Starts what is needed, unless it runs already, and tells the command where it is.
    pub(crate) fn provide(&mut self, needs: &[Need], command: &mut Command) -> anyhow::Result<()> {
        self.begin(needs.iter().copied());
        for need in needs {
            match need {
                Need::Postgres => command.envs(self.postgres(Durability::Volatile, postgres::URL)?),
                Need::DurablePostgres => command.envs(self.postgres(Durability::Synced, postgres::DURABLE_URL)?),
                Need::OwnPostgres => {
                    Installation::find()?;
                    command.env(XTASK, &self.xtask)
                }
                Need::Redis => command.env(redis::URL, once(&mut self.redis, Redis::start)?.url()),
                Need::Kafka => command.envs(self.kafka()?),
                Need::OwnKafka => {
                    kafka::prepare()?;
                    command.env(XTASK, &self.xtask)
                }
                Need::Nginx => command.env(nginx::PROGRAM, nginx::find()?),
                Need::Toxiproxy => command.env(toxiproxy::PROGRAM, once(&mut self.toxiproxy, toxiproxy::prepare)?),
                Need::Python => command.env("VIRTUAL_ENV", once(&mut self.python, python::prepare)?),
            };
        }
        Ok(())
    }

    /// What is told of Kafka, once it is usable.
    fn kafka(&mut self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let kafka = once(&mut self.kafka, begin_kafka)?;
        let Err(trouble) = kafka.wait() else { return Ok(kafka.variables()) };
        self.kafka = Some(Err(format!("{trouble:#}")));
        Err(trouble)
    }

    /// What is told of a server, its address under this name.
    fn postgres(
        &mut self,
        durability: Durability,
        address: &'static str,
    ) -> anyhow::Result<Vec<(&'static str, String)>> {
        if let Some(given) = &self.given {
            return Ok(vec![(address, given.clone())]);
        }
        let slot = match durability {
            Durability::Volatile => &mut self.postgres,
            Durability::Synced => &mut self.durable_postgres,
        };
        once(slot, || Cluster::start(durability)).map(|server| server.variables(address))
    }
}

fn begin_kafka() -> anyhow::Result<kafka::Cluster> {
    kafka::Cluster::begin(&kafka::Wish { registry: true, ..kafka::Wish::default() })
}

fn once<T>(slot: &mut Option<Result<T, String>>, make: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<&mut T> {
    let made = slot.get_or_insert_with(|| make().map_err(|error| format!("{error:#}")));
    made.as_mut().map_err(|reason| anyhow::anyhow!(reason.clone()))
}

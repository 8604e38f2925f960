//! [`Risk`]: the risk role, which processes share by account.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velox_kernel::MemberId;
use velox_messages::Topic;

use super::kafka::Topics;
use crate::config::Role;
use crate::dead_letters::DeadLetters;
use crate::http::health::{Health, HealthCheck};
use crate::risk::{RiskMonitor, RiskPorts, RiskRecords, RiskSettings, RiskShare};
use crate::shards::{GroupKeeper, GroupShare, GroupState, ShardKeeper, ShardTimes};
use crate::shutdown::Shutdown;

/// Into how many shards the role's work is cut where there is no Kafka. The same in every process, and for ever.
const SHARDS: u32 = 32;
/// Records that may wait before the role is said to be behind: more than come while processes share the work anew.
const BEHIND: u64 = 10_000;
/// How long Kafka may take to say into how many partitions its topic is cut, before it is taken to be as configured.
const UNANSWERED: Duration = Duration::from_secs(5);

/// The risk role.
pub(super) struct Risk {
    pub(super) ports: RiskPorts,
    pub(super) member: MemberId,
    /// Whether other processes may play the role.
    pub(super) is_shared: bool,
    /// The consumer group that shares it, where there is Kafka.
    pub(super) group: Option<RiskGroup>,
}

/// The consumer group that shares the role.
pub(super) struct RiskGroup {
    pub(super) topics: Arc<Topics>,
    pub(super) dead_letters: DeadLetters,
    /// Its name in the group, if it has one.
    pub(super) instance: String,
    /// Into how many partitions its topic is to be cut.
    pub(super) configured: u32,
    pub(super) state: GroupState,
}

impl Risk {
    /// Plays the role until the shutdown begins.
    pub(super) async fn run(self, shutdown: Shutdown) {
        let Self { ports, member, is_shared, group } = self;
        let (name, settings) = (Role::Risk.as_str(), RiskSettings::default());
        match group {
            Some(RiskGroup { topics, dead_letters, instance, configured, state }) => {
                let partitions = topics.partitions(Topic::Orders);
                tokio::pin!(partitions);
                let (mut count, mut is_kafkas) = tokio::select! {
                    () = shutdown.begun() => return,
                    count = &mut partitions => (count, true),
                    () = tokio::time::sleep(UNANSWERED) => (configured, false),
                };
                loop {
                    let store = Arc::clone(&ports.shards);
                    let (keeper, GroupShare { held, records, positions, held_back }) =
                        GroupKeeper::new(store, name, member, count, state.clone());
                    let reader = RiskRecords::new(Arc::clone(&topics.codec), dead_letters.clone());
                    let share = RiskShare::Group { held, records, reader, positions, held_back };
                    let join = topics.group(name, Topic::Orders, &instance);
                    let monitor = RiskMonitor::new(ports.clone(), share, settings);
                    let working = async {
                        tokio::join!(keeper.run(join, shutdown.clone()), monitor.run(shutdown.clone()));
                    };
                    let other = async {
                        if !is_kafkas {
                            let said = (&mut partitions).await;
                            if said != count {
                                return said;
                            }
                        }
                        std::future::pending().await
                    };
                    tokio::select! {
                        () = working => return,
                        // The topic was made otherwise than is configured now.
                        said = other => (count, is_kafkas) = (said, true),
                    }
                }
            }
            None if is_shared => {
                let store = Arc::clone(&ports.shards);
                let (keeper, held) = ShardKeeper::new(store, name, member, SHARDS, ShardTimes::default());
                let monitor = RiskMonitor::new(ports, RiskShare::Shards(held), settings);
                tokio::join!(keeper.run(shutdown.clone()), monitor.run(shutdown));
            }
            None => RiskMonitor::new(ports, RiskShare::All, settings).run(shutdown).await,
        }
    }
}

/// How the role's group is doing here. It is only missed: orders are judged when they are placed all the same.
pub(super) struct RiskHealth(pub(super) GroupState);

#[async_trait]
impl HealthCheck for RiskHealth {
    fn name(&self) -> &'static str {
        "risk"
    }

    fn required(&self) -> bool {
        false
    }

    async fn check(&self) -> Health {
        let look = self.0.look();
        let behind: u64 = look.lag.values().sum();
        if look.orphans > 0 {
            return Health::degraded(format!(
                "the consumer group gives {} partitions to nobody: this process has them by the store, without their records",
                look.orphans
            ));
        }
        if !look.is_member {
            return Health::degraded("the consumer group has given this process no part yet: it watches no account");
        }
        if let Some(waiting) = waiting(&look.held_back) {
            return Health::degraded(waiting);
        }
        if behind <= BEHIND {
            return Health::up();
        }
        let worst = look.lag.iter().max_by_key(|(_, lag)| **lag).map_or(0, |(partition, _)| *partition);
        Health::degraded(format!("{behind} records wait; partition {worst} has the most of them"))
    }
}

/// Which partitions wait for something else than their turn, in words.
fn waiting(held_back: &BTreeSet<u32>) -> Option<String> {
    let first = held_back.first()?;
    Some(format!(
        "the records of {} partitions wait, partition {first} among them, the log says why: the other partitions go on",
        held_back.len()
    ))
}

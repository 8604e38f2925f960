//! Members that have a name in their group.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::time::timeout;
use velox_kafka::{GroupNews, GroupWorker, InstanceName, join_group};

use crate::{PATIENCE, name, options, topic};

/// A member of a group, and what it was told.
struct Member {
    worker: GroupWorker,
    partitions: BTreeSet<u32>,
    /// How often it got partitions or lost some.
    changes: usize,
    /// How often it was told that it is one.
    looks: usize,
}

impl Member {
    fn join(group: &str, topic: &str, instance: Option<&InstanceName>) -> Self {
        let worker = join_group(&options(), group, topic, instance).unwrap();
        Self { worker, partitions: BTreeSet::new(), changes: 0, looks: 0 }
    }

    /// Takes in what it is told next.
    async fn hear(&mut self) {
        match self.worker.next().await.expect("it goes on") {
            GroupNews::Assigned { partitions, place } => {
                self.changes += 1;
                self.partitions.extend(&partitions);
                place.send(partitions.into_iter().map(|partition| (partition, Some(0))).collect()).unwrap();
            }
            GroupNews::Revoked { partitions, finished, .. } => {
                self.changes += 1;
                self.partitions.retain(|partition| !partitions.contains(partition));
                finished.send(()).unwrap();
            }
            GroupNews::Lag(_) => self.looks += 1,
            GroupNews::Record(_) | GroupNews::Trouble(_) => {}
        }
    }

    /// Returns once it is told anew that it is a member, which is every two seconds.
    async fn until_look(&mut self) {
        let looks = self.looks;
        let hearing = async {
            while self.looks == looks {
                self.hear().await;
            }
        };
        timeout(PATIENCE, hearing).await.unwrap();
    }
}

/// Lets both hear what they are told until both are so.
async fn until(one: &mut Member, other: &mut Member, reached: impl Fn(&Member, &Member) -> bool) {
    let hearing = async {
        while !reached(one, other) {
            tokio::select! {
                () = one.hear() => {}
                () = other.hear() => {}
            }
        }
    };
    timeout(PATIENCE, hearing).await.unwrap();
}

/// Returns once both were told anew that they are members: nothing is being shared anew.
async fn until_both_are_members(one: &mut Member, other: &mut Member) {
    let looks = (one.looks, other.looks);
    until(one, other, |one, other| one.looks > looks.0 && other.looks > looks.1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_comes_back_by_its_name_has_its_partitions_and_the_others_hear_nothing_of_it() {
    let (topic, group) = (topic(4).await, name("group"));
    // As two processes know the name, one after the other.
    let [before, after] = [(); 2].map(|()| InstanceName::new("named"));
    let mut nameless = Member::join(&group, &topic, None);
    let mut named = Member::join(&group, &topic, Some(&before));
    until(&mut named, &mut nameless, |one, other| one.partitions.len() == 2 && other.partitions.len() == 2).await;
    until_both_are_members(&mut named, &mut nameless).await;
    let (had, changes) = (named.partitions, nameless.changes);
    // It is away for two seconds: the other one hears within one that a member has left, and after six that one is missed.
    nameless.until_look().await;
    drop(named.worker);
    nameless.until_look().await;
    let mut again = Member::join(&group, &topic, Some(&after));
    until(&mut again, &mut nameless, |one, _| one.looks > 0).await;
    until_both_are_members(&mut again, &mut nameless).await;
    assert_eq!(again.partitions, had);
    assert_eq!(nameless.changes, changes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_name_another_one_has_taken_has_ended() {
    let (topic, group) = (topic(1).await, name("group"));
    let [of_first, of_second] = [(); 2].map(|()| InstanceName::new("the same"));
    let join = |name: &InstanceName| join_group(&options(), &group, &topic, Some(name)).unwrap();
    let mut first = join(&of_first);
    let given = async |member: &mut GroupWorker| {
        while let Some(news) = member.next().await {
            if let GroupNews::Assigned { place, .. } = news {
                place.send(vec![(0, Some(0))]).unwrap();
                return;
            }
        }
        panic!("it has ended");
    };
    timeout(PATIENCE, given(&mut first)).await.unwrap();
    let mut second = join(&of_second);
    let (given, ended) = tokio::join!(
        timeout(PATIENCE, given(&mut second)),
        timeout(PATIENCE, async {
            while let Some(news) = first.next().await {
                if let GroupNews::Revoked { finished, .. } = news {
                    let _ = finished.send(());
                }
            }
        })
    );
    given.unwrap();
    ended.unwrap();
    assert!(of_first.is_taken() && !of_second.is_taken());
    // It comes back as somebody else, and takes nothing from the one that has the name.
    let mut again = join(&of_first);
    let (speaks, goes_on) = (Mutex::new(false), Mutex::new(true));
    let both = async {
        loop {
            tokio::select! {
                news = again.next() => match news.expect("it goes on") {
                    GroupNews::Assigned { place, partitions } => {
                        place.send(partitions.into_iter().map(|partition| (partition, Some(0))).collect()).unwrap();
                    }
                    GroupNews::Lag(_) => return *speaks.lock() = true,
                    _ => {}
                },
                news = second.next() => match news {
                    Some(GroupNews::Revoked { finished, .. }) => finished.send(()).unwrap(),
                    Some(_) => {}
                    None => return *goes_on.lock() = false,
                },
            }
        }
    };
    timeout(PATIENCE, both).await.unwrap();
    assert!(*speaks.lock() && *goes_on.lock() && !of_second.is_taken());
}

//! The contract of [`ShardStore`], and a fake.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;
use velox_kernel::{Fence, Member, MemberId, RoleLook, Shard, ShardStore, ShardsAway};

/// Keeps shards in memory.
#[derive(Debug, Default)]
pub struct MemoryShards(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    roles: BTreeMap<&'static str, RoleLook>,
    away: bool,
}

impl MemoryShards {
    /// Whether whoever has this fence has the shard.
    #[must_use]
    pub fn holds(&self, fence: Fence) -> bool {
        let kept = self.0.lock();
        let shards = kept.roles.get(fence.role).map(|look| look.shards.as_slice()).unwrap_or_default();
        shards.iter().any(|shard| shard.number == fence.shard && shard.epoch == fence.epoch)
    }

    /// How far a shard's topic is worked off.
    pub(crate) fn note_position(&self, fence: Fence, position: u64) {
        let mut kept = self.0.lock();
        let shards = kept.roles.get_mut(fence.role).map(|look| look.shards.as_mut_slice()).unwrap_or_default();
        let mine = shards.iter_mut().find(|shard| shard.number == fence.shard && shard.epoch == fence.epoch);
        mine.into_iter().for_each(|shard| shard.position = Some(position));
    }

    /// Whether it answers.
    pub fn set_away(&self, away: bool) {
        self.0.lock().away = away;
    }

    /// Loses sight of a member until it beats.
    pub fn lose_sight(&self, member: MemberId) {
        let mut kept = self.0.lock();
        let members = kept.roles.values_mut().flat_map(|look| &mut look.members);
        members.filter(|known| known.id == member).for_each(|known| known.is_present = false);
    }

    fn with<T>(&self, role: &'static str, work: impl FnOnce(&mut RoleLook) -> T) -> Result<T, ShardsAway> {
        let mut kept = self.0.lock();
        if kept.away {
            return Err(ShardsAway("as told".to_owned()));
        }
        Ok(work(kept.roles.entry(role).or_default()))
    }
}

#[async_trait]
impl ShardStore for MemoryShards {
    async fn beat(
        &self,
        role: &'static str,
        member: MemberId,
        count: u32,
        gone: &[MemberId],
    ) -> Result<RoleLook, ShardsAway> {
        self.with(role, |look| {
            match look.members.iter_mut().find(|known| known.id == member) {
                Some(known) => *known = Member { beat: known.beat + 1, is_present: true, ..*known },
                None => look.members.push(Member { id: member, beat: 1, is_present: true }),
            }
            look.members.retain(|known| !gone.contains(&known.id));
            look.members.sort_unstable_by_key(|known| known.id);
            look.shards.iter_mut().filter(|shard| shard.owner == Some(member)).for_each(|shard| shard.beat += 1);
            for number in 0..count {
                if look.shards.iter().all(|shard| shard.number != number) {
                    look.shards.push(Shard { number, epoch: 0, beat: 0, owner: None, position: None });
                }
            }
            look.shards.sort_unstable_by_key(|shard| shard.number);
            look.clone()
        })
    }

    async fn take(&self, role: &'static str, member: MemberId, seen: &[Shard]) -> Result<Vec<Shard>, ShardsAway> {
        self.with(role, |look| {
            let mut taken = Vec::new();
            for seen in seen {
                let as_seen = |shard: &&mut Shard| {
                    (shard.number, shard.epoch, shard.beat) == (seen.number, seen.epoch, seen.beat)
                };
                if let Some(shard) = look.shards.iter_mut().find(as_seen) {
                    *shard = Shard { epoch: shard.epoch + 1, beat: shard.beat + 1, owner: Some(member), ..*shard };
                    taken.push(*shard);
                }
            }
            taken
        })
    }

    async fn set_position(&self, fence: Fence, position: u64) -> Result<bool, ShardsAway> {
        self.with(fence.role, |_| ())?;
        let holds = self.holds(fence);
        if holds {
            self.note_position(fence, position);
        }
        Ok(holds)
    }

    async fn release(
        &self,
        role: &'static str,
        member: MemberId,
        shards: &[u32],
        leaves: bool,
    ) -> Result<(), ShardsAway> {
        self.with(role, |look| {
            let owned = |shard: &&mut Shard| shard.owner == Some(member) && shards.contains(&shard.number);
            look.shards.iter_mut().filter(owned).for_each(|shard| shard.owner = None);
            look.members.retain(|known| !leaves || known.id != member);
        })
    }
}

/// Two members share three shards of `role`, which nobody else uses.
///
/// # Panics
/// When the store does not do what the port says.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn shard_store_contract(store: &dyn ShardStore, role: &'static str, one: MemberId, two: MemberId) {
    let look = store.beat(role, one, 3, &[]).await.expect("the store answers");
    assert_eq!(look.members, [Member { id: one, beat: 1, is_present: true }]);
    assert_eq!(
        look.shards.iter().map(|shard| (shard.number, shard.epoch, shard.owner)).collect::<Vec<_>>(),
        [(0, 0, None), (1, 0, None), (2, 0, None)]
    );
    let taken = store.take(role, one, &look.shards).await.expect("the store answers");
    assert!(taken.iter().all(|shard| shard.epoch == 1 && shard.owner == Some(one)));
    assert_eq!(taken.len(), 3);

    // What was seen before that is not what stands there any more.
    let late = store.take(role, two, &look.shards).await.expect("the store answers");
    assert_eq!(late, []);
    let look = store.beat(role, one, 3, &[]).await.expect("the store answers");
    assert_eq!(look.members, [Member { id: one, beat: 2, is_present: true }]);
    assert!(look.shards.iter().zip(&taken).all(|(now, before)| now.beat > before.beat && now.epoch == before.epoch));
    assert_eq!(store.take(role, two, &taken).await.expect("the store answers"), [], "its owner is there");

    // A second one comes, and takes what it thinks is free.
    let look = store.beat(role, two, 3, &[]).await.expect("the store answers");
    assert_eq!(look.members.len(), 2);
    assert!(look.members.iter().all(|member| member.is_present));
    let stolen = store.take(role, two, &look.shards[..1]).await.expect("the store answers");
    assert_eq!((stolen[0].number, stolen[0].epoch, stolen[0].owner), (0, 2, Some(two)));
    let look = store.beat(role, one, 3, &[]).await.expect("the store answers");
    assert_eq!(
        (look.shards[0].beat, look.shards[0].owner),
        (stolen[0].beat, Some(two)),
        "only its owner's beat counts"
    );

    // Whoever has a shard notes how far its topic was worked off, and the next one begins there.
    let (theirs, lost) = (Fence { role, shard: 0, epoch: 2 }, Fence { role, shard: 0, epoch: 1 });
    assert_eq!(store.set_position(theirs, 7).await, Ok(true));
    assert_eq!(store.set_position(lost, 9).await, Ok(false), "it is another one's by now");
    let look = store.beat(role, one, 3, &[]).await.expect("the store answers");
    assert_eq!(look.shards.iter().map(|shard| shard.position).collect::<Vec<_>>(), [Some(7), None, None]);
    assert_eq!(store.set_position(theirs, 3).await, Ok(true), "a topic that was made anew begins anew");

    // What is given up is free; what another one has is not given up.
    store.release(role, one, &[0, 1], false).await.expect("the store answers");
    let look = store.beat(role, two, 3, &[]).await.expect("the store answers");
    let owners: Vec<_> = look.shards.iter().map(|shard| shard.owner).collect();
    assert_eq!(owners, [Some(two), None, Some(one)]);
    store.release(role, one, &[2], true).await.expect("the store answers");
    let look = store.beat(role, two, 4, &[]).await.expect("the store answers");
    assert_eq!(look.members.iter().map(|member| member.id).collect::<Vec<_>>(), [two]);
    assert_eq!(look.shards.len(), 4, "a role may be cut into more shards later");
    let look = store.beat(role, one, 4, &[two]).await.expect("the store answers");
    assert_eq!(look.members.len(), 1, "who is said to be gone is forgotten");
}

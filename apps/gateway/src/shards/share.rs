//! [`Watch`]: who is there and what is free, as far as one process can see; and what it should do about it.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;
use velox_kernel::{MemberId, RoleLook, Shard};

use super::keeper::ShardTimes;

/// What one process has seen of the others. There are no clocks in the store: somebody whose beat stands still for long
/// enough, by this process's own watch, is gone; sooner when the store does not see it any more.
#[derive(Debug)]
pub(super) struct Watch {
    times: ShardTimes,
    members: HashMap<MemberId, (u64, Instant)>,
    shards: HashMap<u32, ((u64, u64), Instant)>,
}

/// What to do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Shards that nobody has.
    pub(super) free: Vec<Shard>,
    /// Shards to take: those of the free ones that are this member's part.
    pub(super) take: Vec<Shard>,
    /// Shards to give up, because others have come.
    pub(super) give: Vec<u32>,
    /// Shards that are this member's as far as the store knows, though it gave them up or never learned that it took them,
    /// and that are not its part any more: nobody else takes them while it is there.
    pub(super) stray: Vec<u32>,
    /// Members who are gone.
    pub(super) gone: Vec<MemberId>,
}

impl Watch {
    pub(super) fn new(times: ShardTimes) -> Self {
        Self { times, members: HashMap::new(), shards: HashMap::new() }
    }

    /// What to do when the role stands like this.
    pub(super) fn steps(
        &mut self,
        me: MemberId,
        look: &RoleLook,
        held: &BTreeMap<u32, u64>,
        count: u32,
        now: Instant,
    ) -> Steps {
        let RoleLook { shards, members } = look;
        self.members.retain(|known, _| members.iter().any(|member| member.id == *known));
        let ShardTimes { beat, patience } = self.times;
        let (mut gone, mut live) = (Vec::new(), Vec::new());
        for member in members {
            let since = still(&mut self.members, member.id, member.beat, now);
            let patience = if member.is_present { patience } else { beat * 2 };
            if since >= patience && member.id != me { &mut gone } else { &mut live }.push(member.id);
        }
        live.sort_unstable();
        let target = target(me, &live, count);
        let (mut mine, mut free) = (Vec::new(), Vec::new());
        for shard in shards.iter().filter(|shard| shard.number < count) {
            let since = still(&mut self.shards, shard.number, (shard.epoch, shard.beat), now);
            match shard.owner {
                _ if is_held(shard, me, held) => mine.push(shard.number),
                Some(owner) if owner != me && since < patience && !gone.contains(&owner) => {}
                _ => free.push(*shard),
            }
        }
        let give = mine.split_off(target.min(mine.len()));
        // Each begins at another place, so that those who look at the same moment do not take the same.
        let place = live.iter().position(|member| *member == me).unwrap_or(0);
        if !free.is_empty() {
            let offset = place * free.len() / live.len().max(1);
            free.rotate_left(offset);
        }
        let mut take = free.clone();
        let left = take.split_off(target.saturating_sub(mine.len()).min(take.len()));
        let stray = left.iter().filter(|shard| shard.owner == Some(me)).map(|shard| shard.number).collect();
        Steps { free, take, give, stray, gone }
    }
}

/// Whether a shard is a member's, which holds these under these epochs, as the member knows it.
pub(super) fn is_held(shard: &Shard, me: MemberId, held: &BTreeMap<u32, u64>) -> bool {
    shard.owner == Some(me) && held.get(&shard.number) == Some(&shard.epoch)
}

/// How long something has stood still.
fn still<K: Hash + Eq, V: PartialEq>(seen: &mut HashMap<K, (V, Instant)>, key: K, value: V, now: Instant) -> Duration {
    match seen.get(&key) {
        Some((known, since)) if *known == value => now.saturating_duration_since(*since),
        _ => {
            seen.insert(key, (value, now));
            Duration::ZERO
        }
    }
}

/// How many shards are a member's part: all have as many as the others, or one more.
fn target(me: MemberId, live: &[MemberId], count: u32) -> usize {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let (each, more) = (count / live.len().max(1), count % live.len().max(1));
    let place = live.iter().position(|member| *member == me).unwrap_or(usize::MAX);
    each + usize::from(place < more)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;
    use velox_kernel::Member;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);
    const TIMES: ShardTimes = ShardTimes { beat: Duration::from_secs(1), patience: PATIENCE };

    fn member(number: u128) -> MemberId {
        MemberId::new(Uuid::from_u128(number))
    }

    fn look(owners: &[Option<u128>], members: &[(u128, u64)], beat: u64) -> RoleLook {
        let shard = |(number, owner): (u32, &Option<u128>)| Shard {
            number,
            epoch: 1,
            beat,
            owner: owner.map(member),
            position: None,
        };
        RoleLook {
            shards: (0..).zip(owners).map(shard).collect(),
            members: members
                .iter()
                .map(|(id, beat)| Member { id: member(*id), beat: *beat, is_present: true })
                .collect(),
        }
    }

    /// What a member holds that was told of all that are its.
    fn held(look: &RoleLook, me: u128) -> BTreeMap<u32, u64> {
        let mine = look.shards.iter().filter(|shard| shard.owner == Some(member(me)));
        mine.map(|shard| (shard.number, shard.epoch)).collect()
    }

    /// The steps of the first member, or another, that knows what it has.
    fn steps_of(watch: &mut Watch, me: u128, look: &RoleLook, count: u32) -> Steps {
        watch.steps(member(me), look, &held(look, me), count, Instant::now())
    }

    fn numbers(shards: &[Shard]) -> Vec<u32> {
        shards.iter().map(|shard| shard.number).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_alone_takes_all_and_gives_half_to_the_second() {
        let mut watch = Watch::new(TIMES);
        let steps = steps_of(&mut watch, 1, &look(&[None; 5], &[(1, 1)], 0), 5);
        assert_eq!(numbers(&steps.take), [0, 1, 2, 3, 4]);
        let both = [(1, 2), (2, 1)];
        let steps = steps_of(&mut watch, 1, &look(&[Some(1); 5], &both, 1), 5);
        assert_eq!((steps.give, steps.take.len()), (vec![3, 4], 0));
        let given = [Some(1), Some(1), Some(1), None, None];
        let mut second = Watch::new(TIMES);
        let steps = steps_of(&mut second, 2, &look(&given, &both, 1), 5);
        let mut taken = numbers(&steps.take);
        taken.sort_unstable();
        assert_eq!(taken, [3, 4]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_gave_up_and_does_not_take_again_strays() {
        let look = look(&[Some(1); 4], &[(1, 2), (2, 1)], 1);
        let steps = Watch::new(TIMES).steps(member(1), &look, &BTreeMap::new(), 4, Instant::now());
        assert_eq!((numbers(&steps.take), steps.stray), (vec![0, 1], vec![2, 3]));
        let steps = Watch::new(TIMES).steps(member(2), &look, &BTreeMap::new(), 4, Instant::now());
        assert_eq!((numbers(&steps.take), steps.stray), (vec![], vec![]), "another's are no business of its");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stands_still_is_gone_and_not_sooner() {
        let mut watch = Watch::new(TIMES);
        let owned = [Some(2), Some(2), Some(1)];
        let steps = steps_of(&mut watch, 1, &look(&owned, &[(1, 1), (2, 7)], 3), 3);
        assert_eq!(steps, Steps::default());
        tokio::time::advance(PATIENCE - Duration::from_millis(1)).await;
        let steps = steps_of(&mut watch, 1, &look(&owned, &[(1, 2), (2, 7)], 3), 3);
        assert_eq!(steps, Steps::default());
        tokio::time::advance(Duration::from_millis(1)).await;
        let steps = steps_of(&mut watch, 1, &look(&owned, &[(1, 3), (2, 7)], 3), 3);
        assert_eq!((numbers(&steps.take), steps.gone), (vec![0, 1], vec![member(2)]));
        // One beat, and it is there.
        let steps = steps_of(&mut watch, 1, &look(&owned, &[(1, 4), (2, 8)], 4), 3);
        assert_eq!(steps, Steps::default());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_the_store_does_not_see_is_gone_soon_unless_it_beats() {
        let mut watch = Watch::new(TIMES);
        let unseen = |beat| {
            let mut look = look(&[Some(2), Some(1)], &[(1, 1), (2, beat)], 3);
            look.members[1].is_present = false;
            look
        };
        assert_eq!(steps_of(&mut watch, 1, &unseen(7), 2).gone, []);
        tokio::time::advance(TIMES.beat * 2 - Duration::from_millis(1)).await;
        assert_eq!(steps_of(&mut watch, 1, &unseen(7), 2).gone, []);
        assert_eq!(steps_of(&mut watch, 1, &unseen(8), 2).gone, [], "it has come back");
        tokio::time::advance(TIMES.beat * 2).await;
        let steps = steps_of(&mut watch, 1, &unseen(8), 2);
        assert_eq!((numbers(&steps.take), steps.gone), (vec![0], vec![member(2)]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_does_not_know_that_it_has_it_takes_anew() {
        let mut watch = Watch::new(TIMES);
        let look = look(&[Some(1), Some(1), Some(1)], &[(1, 1)], 0);
        let known = BTreeMap::from([(0, 1), (1, 7)]);
        let steps = watch.steps(member(1), &look, &known, 3, Instant::now());
        assert_eq!((numbers(&steps.take), steps.give), (vec![1, 2], vec![]));
    }

    #[test]
    fn parts_are_even_and_whole() {
        for members in 1..8_u128 {
            let live: Vec<MemberId> = (1..=members).map(member).collect();
            let parts: Vec<usize> = live.iter().map(|me| target(*me, &live, 12)).collect();
            assert_eq!(parts.iter().sum::<usize>(), 12);
            assert!(parts.iter().max().zip(parts.iter().min()).is_some_and(|(most, least)| most - least <= 1));
        }
    }
}

//! [`BoundedCache`]: a map that forgets, for what every request asks.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

use parking_lot::RwLock;

/// A map of bounded size in two halves: what is found in the old half moves to the young one, and when the young half
/// is full, the old one is dropped and the young one takes its place. What is used stays; no clock, no list, one lock.
///
/// A value loaded from a store while an invalidation ran may be older than the invalidation. So a load takes an
/// [`Epoch`] first, and [`BoundedCache::insert`] drops the value when anything was removed since.
pub(crate) struct BoundedCache<K, V> {
    half: usize,
    halves: RwLock<Halves<K, V>>,
}

struct Halves<K, V> {
    epoch: u64,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

/// A moment between two invalidations.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

impl<K: Hash + Eq, V: Clone> BoundedCache<K, V> {
    /// A cache of at most `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        let halves = Halves { epoch: 0, young: HashMap::new(), old: HashMap::new() };
        Self { half: (capacity / 2).max(1), halves: RwLock::new(halves) }
    }

    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        {
            let halves = self.halves.read();
            if let Some(value) = halves.young.get(key) {
                return Some(value.clone());
            }
            halves.old.get(key)?;
        }
        // Looked up again under the write lock: it may have been removed in between, and must not come back.
        let mut halves = self.halves.write();
        let (key, value) = halves.old.remove_entry(key)?;
        halves.put(key, value.clone(), self.half);
        Some(value)
    }

    /// To be taken before the load whose result goes to [`BoundedCache::insert`].
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(self.halves.read().epoch)
    }

    /// Keeps a value, unless something was removed since `loaded_in`.
    pub(crate) fn insert(&self, key: K, value: V, loaded_in: Epoch) {
        let mut halves = self.halves.write();
        if halves.epoch == loaded_in.0 {
            halves.old.remove(&key);
            halves.put(key, value, self.half);
        }
    }

    /// Removes what `gone` picks, and makes every load that is under way forget its result.
    pub(crate) fn invalidate(&self, gone: impl Fn(&K, &V) -> bool) {
        let mut halves = self.halves.write();
        halves.epoch += 1;
        halves.young.retain(|key, value| !gone(key, value));
        halves.old.retain(|key, value| !gone(key, value));
    }

    /// Removes one entry, and makes every load that is under way forget its result.
    pub(crate) fn remove<Q: Hash + Eq + ?Sized>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let mut halves = self.halves.write();
        halves.epoch += 1;
        halves.young.remove(key);
        halves.old.remove(key);
    }
}

impl<K: Hash + Eq, V> Halves<K, V> {
    fn put(&mut self, key: K, value: V, half: usize) {
        if self.young.len() >= half && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(cache: &BoundedCache<u32, u32>, keys: impl IntoIterator<Item = u32>) {
        for key in keys {
            cache.insert(key, key, cache.epoch());
        }
    }

    #[test]
    fn stays_within_its_bound_and_keeps_what_is_used() {
        let cache = BoundedCache::new(8);
        for key in 0..1_000 {
            fill(&cache, [key]);
            assert_eq!(cache.get(&0), Some(0), "used on every turn, at {key}");
        }
        let halves = cache.halves.read();
        assert!(halves.young.len() + halves.old.len() <= 8);
        assert!(!halves.young.contains_key(&500) && !halves.old.contains_key(&500));
    }

    #[test]
    fn a_removal_makes_loads_under_way_forget() {
        let cache = BoundedCache::new(8);
        let before = cache.epoch();
        cache.remove(&7);
        cache.insert(7, 7, before);
        assert_eq!(cache.get(&7), None);
        fill(&cache, [7, 8]);
        cache.invalidate(|_, value| *value == 7);
        assert_eq!((cache.get(&7), cache.get(&8)), (None, Some(8)));
    }
}

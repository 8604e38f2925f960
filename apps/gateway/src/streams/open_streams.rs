//! [`OpenStreams`]: how many streams each user has open.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use velox_kernel::UserId;

/// How many streams each user has open in this process, over either transport.
#[derive(Debug)]
pub struct OpenStreams {
    most: usize,
    users: Mutex<HashMap<UserId, usize>>,
}

impl OpenStreams {
    /// Nobody has one; each user may have `most`.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, users: Mutex::default() })
    }

    /// Takes a place of the user's; `None` when all are taken.
    #[must_use]
    pub fn enter(self: &Arc<Self>, user: UserId) -> Option<OpenStream> {
        let mut users = self.users.lock();
        let open = users.entry(user).or_default();
        if *open >= self.most {
            return None;
        }
        *open += 1;
        Some(OpenStream { streams: Arc::clone(self), user })
    }
}

/// A place among a user's streams, given back when dropped.
#[derive(Debug)]
pub struct OpenStream {
    streams: Arc<OpenStreams>,
    user: UserId,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut users = self.streams.users.lock();
        if let Some(open) = users.get_mut(&self.user) {
            *open -= 1;
            if *open == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_has_so_many_places_and_gets_them_back() {
        let streams = OpenStreams::new(2);
        let [ada, grace] = [1, 2].map(|number| UserId::new(uuid::Uuid::from_u128(number)));
        let (one, two) = (streams.enter(ada), streams.enter(ada));
        assert!(one.is_some() && two.is_some());
        assert!(streams.enter(ada).is_none());
        assert!(streams.enter(grace).is_some());
        drop(one);
        let three = streams.enter(ada);
        assert!(three.is_some());
        drop((two, three));
        assert!(streams.users.lock().is_empty(), "who has none is forgotten");
    }
}

//! [`Follower`]: follows an account's channels, and comes back after each loss with the last event that it has.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::Value;

use super::door::{CHANNELS, Door};
use crate::audit::number;
use crate::socket::{Heard, Socket};
use crate::waiting::PATIENCE;

/// Follows an account's channels.
pub(crate) struct Follower<'a> {
    door: &'a Door,
    token: String,
    account: String,
    messages: BTreeMap<&'static str, Vec<Value>>,
}

impl<'a> Follower<'a> {
    pub(crate) fn new(door: &'a Door, token: &str, account: &str) -> Self {
        let messages = CHANNELS.map(|channel| (channel, Vec::new())).into();
        Self { door, token: token.to_owned(), account: account.to_owned(), messages }
    }

    /// Follows until it has the last event of each channel; gives what came, in the order in which it came.
    pub(crate) fn run(mut self) -> BTreeMap<&'static str, Vec<Value>> {
        let mut progress = Instant::now();
        while !self.has_everything() {
            assert!(progress.elapsed() < PATIENCE * 2, "the streams do not come to their end");
            let Ok(mut socket) = Socket::connect(self.door.enter(), &self.token) else {
                self.door.pause();
                continue;
            };
            let begun =
                CHANNELS.iter().all(|channel| socket.follow(channel, &self.account, self.last(channel)).is_ok());
            while begun && !self.has_everything() && progress.elapsed() < PATIENCE * 2 {
                self.door.check();
                match socket.hear() {
                    // It was closed while the store was away, and has come back too early: it asks anew.
                    Heard::Message(message) if message["code"] == "store_unavailable" => {
                        self.door.pause();
                        break;
                    }
                    Heard::Message(message) => {
                        progress = Instant::now();
                        self.take(message);
                    }
                    Heard::Silence => {}
                    Heard::Closed(_) | Heard::Lost => break,
                }
            }
        }
        self.messages
    }

    fn take(&mut self, message: Value) {
        assert_ne!(message["type"], "error", "{message}");
        // Only events have a predecessor; what is not one is the protocol's own.
        if message["prev_seq"].is_u64() {
            let channel = message["channel"].as_str().unwrap();
            self.messages.get_mut(channel).unwrap().push(message);
        }
    }

    fn last(&self, channel: &str) -> u64 {
        self.messages[channel].last().map_or(0, |message| number(message, "seq"))
    }

    fn has_everything(&self) -> bool {
        CHANNELS.iter().all(|channel| self.door.end_of(channel).is_some_and(|end| self.last(channel) >= end))
    }
}

//! The risk role: whoever has lost as much as is allowed is halted, once, by whoever watches the account.

#![allow(clippy::panic, reason = "tests")]

mod groups;
mod halts;
mod watch;

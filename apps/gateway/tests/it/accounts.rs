//! The lanes on a store that fails as told, alone and beside another process.

#![allow(clippy::panic, reason = "tests")]

mod conflicts;
mod failures;
pub(crate) mod faulty_store;
pub(crate) mod fences;
mod keeping_up;
pub(crate) mod ledger;
mod loading;
mod model;
mod words;

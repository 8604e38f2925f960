//! The trading routes over real sockets, on the real lanes and a store in memory.

mod accounts;
mod bad_orders;
mod failures;
mod orders;
mod positions;
pub(crate) mod world;

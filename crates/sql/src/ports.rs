//! The ports, forwarded to the repository: written once, because both adapters do the same.
//!
//! The adapter brings a macro `read!(self, area::function(arguments))` that runs a repository function on a connection,
//! and `change!` that does so in a transaction.

mod brokers;
mod identity;
mod market;
mod relay;
mod shards;
mod trading;

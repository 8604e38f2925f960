//! Streams over real sockets, on the real lanes and a store in memory.

mod bounds;
mod listener;
mod long_log;
mod resume;
mod standing;
mod stuck;

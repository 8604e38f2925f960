//! Streams: cursors on the accounts' logs and the market's newest prices, over WebSocket and Server-Sent Events.

mod channel;
mod client_message;
mod connection;
mod desk;
mod market_hub;
mod notice;
mod open_streams;
mod outbox;
mod private_feed;
mod resume;
mod standing;
mod subscription;

pub use channel::Channel;
pub use client_message::{ClientMessage, Subscribe};
pub use connection::Connection;
pub use desk::{Standing, StreamDesk, StreamSettings};
pub use market_hub::{MarketCursor, MarketHub, MarketTold, Slot};
pub use notice::{CloseReason, Notice, StreamError};
pub use open_streams::{OpenStream, OpenStreams};
pub use outbox::{Ending, Frame, Frames, Outbox, Position};
pub use resume::Resume;

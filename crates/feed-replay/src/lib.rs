//! Recorded market data, played as if it happened now.

mod bar_replay;
mod bundled;
mod pace;
mod read;
mod recording;
mod tick_replay;

pub use bar_replay::{BarReplay, BarReplaySettings};
pub use bundled::bundled_recording;
pub use pace::{InvalidSpeed, ReplayClock, Speed};
pub use read::{ReadError, read_bars, read_quotes, read_trades};
pub use recording::{EmptyRecording, Recording};
pub use tick_replay::{TickRecording, TickReplay};

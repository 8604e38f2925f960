//! Shapes that only exist on the wire: exact numbers in two spellings, secrets, and members that may be left out.

mod number;
mod patch;
mod secret;
mod text;

pub use number::{
    PositiveDecimal, PositivePercent, UnsignedDecimal, WireDecimal, WireMoney, WireNumber, WirePrice, WireQuantity,
};
pub use patch::Patch;
pub use secret::WireSecret;
pub use text::{WireText, present};

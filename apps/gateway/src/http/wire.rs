//! Shapes that only exist on the wire: exact numbers in two spellings, and members that may be left out.

mod number;
mod patch;

pub use number::{WireDecimal, WireMoney, WireNumber, WirePrice, WireQuantity};
pub use patch::Patch;

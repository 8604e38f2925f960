//! [`Number`]: a measured number on the wire. Never money.

use serde::{Deserialize, Serialize, Serializer, ser};

/// A finite double. What is not a number, or infinite, is not written: JSON has no word for it and would say null.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Deserialize)]
#[serde(transparent)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.0.is_finite() {
            return Err(ser::Error::custom(format_args!("{} is not a finite number", self.0)));
        }
        serializer.serialize_f64(self.0)
    }
}

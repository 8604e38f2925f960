//! The values that messages are made of, as they stand in Avro and in JSON.
//!
//! A serializer that says it is for people (`serde_json`) gets texts; the one for Avro gets what its schema names.

mod amount;
mod id;
mod moment;
mod number;

use std::borrow::Cow;

pub use amount::Amount;
pub use id::Id;
pub use moment::Moment;
pub use number::Number;

/// A word of a set that may grow, such as an order's status: text in Avro, too, because a new symbol of an enum would
/// be unreadable for those who do not know it yet.
pub type Word = Cow<'static, str>;

//! [`Moment`]: a time on the wire.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use velox_kernel::Timestamp;

/// A time: in Avro a `timestamp-micros`, in JSON RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub Timestamp);

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl From<Moment> for Timestamp {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            self.0.serialize(serializer)
        } else {
            serializer.serialize_i64(self.0.micros())
        }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Time;
        impl de::Visitor<'_> for Time {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a time of the form 2026-01-31T12:00:00Z, or microseconds since 1970 within the years 1 to 9999",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Moment, E> {
                text.parse().map(Moment).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, micros: i64) -> Result<Moment, E> {
                let time = Timestamp::from_micros(micros);
                // What is out of range is held at its ends: then it is not the time that was written.
                if time.micros() == micros {
                    Ok(Moment(time))
                } else {
                    Err(E::invalid_value(de::Unexpected::Signed(micros), &self))
                }
            }

            fn visit_u64<E: de::Error>(self, micros: u64) -> Result<Moment, E> {
                self.visit_i64(i64::try_from(micros).unwrap_or(i64::MAX))
            }
        }
        deserializer.deserialize_any(Time)
    }
}

//! The schemas and the structs are one, and an independent reader reads what is written.

use serde_json::{Map, Value};
use velox_messages::{Format, Formats, Message, Topic};

use crate::codec::bench;
use crate::samples;

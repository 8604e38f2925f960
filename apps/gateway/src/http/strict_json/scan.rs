//! What serde lets pass: doubled keys anywhere, and nesting without end.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The deepest nesting of objects and arrays.
const DEEPEST: usize = 16;

/// Checks syntax, doubled keys, depth and characters of a whole text.
pub(super) fn check(text: &str) -> Result<(), Fault> {
    shallow_enough(text).map_err(Fault::Malformed)?;
    // The first pass over the whole text finds every error of syntax, with line and column.
    let whole: &RawValue = serde_json::from_str(text).map_err(not_json)?;
    check_value(whole, &mut String::new())
}

fn not_json(error: serde_json::Error) -> Fault {
    Fault::Malformed(format!("The body is not JSON: {error}."))
}

/// What is wrong with a body that may well be JSON.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not what every reader of JSON reads alike; the words name the place.
    Malformed(String),
    /// The text at this pointer has the character U+0000, which no text in PostgreSQL may have.
    Zero(String),
}

/// Counts brackets outside of strings, before anything recursive sees the text.
fn shallow_enough(text: &str) -> Result<(), String> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(format!("The body is nested more than {DEEPEST} deep."));
                }
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

fn check_value(value: &RawValue, pointer: &mut String) -> Result<(), Fault> {
    let text = value.get();
    match text.as_bytes().first() {
        Some(b'{') => {
            let object: Object<'_> = serde_json::from_str(text).map_err(not_json)?;
            let mut seen = BTreeSet::new();
            for (key, member) in &object.0 {
                let length = pointer.len();
                super::push_token(pointer, key);
                if !seen.insert(key.as_ref()) {
                    return Err(Fault::Malformed(format!("The key at {pointer} is given twice.")));
                }
                if key.contains('\0') {
                    return Err(Fault::Zero(pointer.clone()));
                }
                check_value(member, pointer)?;
                pointer.truncate(length);
            }
        }
        Some(b'[') => {
            let array: Vec<&RawValue> = serde_json::from_str(text).map_err(not_json)?;
            for (place, element) in array.into_iter().enumerate() {
                let length = pointer.len();
                super::push_token(pointer, &place.to_string());
                check_value(element, pointer)?;
                pointer.truncate(length);
            }
        }
        // It can only be written as an escape (RFC 8259 §7), which nearly no text has.
        Some(b'"') if text.contains("\\u0000") => {
            let text: Cow<'_, str> = serde_json::from_str(text).map_err(not_json)?;
            if text.contains('\0') {
                return Err(Fault::Zero(pointer.clone()));
            }
        }
        _ => {}
    }
    Ok(())
}

/// An object as it stands in the text, doubled keys included.
struct Object<'de>(Vec<(Cow<'de, str>, &'de RawValue)>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    members.push((key, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// A key, borrowed unless it carries escapes.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

//! [`StrictJson`]: a JSON body that is exactly what the route takes, or a precise refusal.

mod body;
mod scan;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use garde::Validate;
use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;
use velox_kernel::error_code;

pub(super) use body::too_large;

use super::Problem;

/// The longest message of a decoder that is shown to the client, in bytes.
const LONGEST_MESSAGE: usize = 200;

/// A body of `T`: `application/json` in UTF-8, within its size and depth, without doubled keys, of the right types,
/// and valid by `T`'s own garde rules. Types for it carry `#[serde(deny_unknown_fields)]`.
#[derive(Debug)]
pub struct StrictJson<T>(pub T);

impl<T> FromRequest for StrictJson<T>
where
    T: DeserializeOwned + Validate<Context: Default> + 'static,
{
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            body::require_json(request.headers())?;
            let bytes = body::read(&request, payload).await?;
            read_json(&bytes).map(Self)
        }
        .boxed_local()
    }
}

/// Reads a value out of the bytes of a body.
///
/// # Errors
/// `malformed_json` (400) with line and column, or `invalid_request` (422) with JSON pointers.
pub fn read_json<T>(bytes: &[u8]) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate<Context: Default>,
{
    let malformed = |detail: String| Problem::of(error_code::MALFORMED_JSON).detail(detail);
    let text = std::str::from_utf8(bytes)
        .map_err(|error| malformed(format!("The body is not UTF-8 after byte {}.", error.valid_up_to())))?;
    if text.trim_ascii().is_empty() {
        return Err(malformed("The body is empty; this route takes a JSON value.".to_owned()));
    }
    scan::check(text).map_err(|fault| match fault {
        scan::Fault::Malformed(detail) => malformed(detail),
        scan::Fault::Zero(pointer) => {
            Problem::of(error_code::INVALID_REQUEST).field(pointer, "has the character U+0000")
        }
    })?;
    let mut decoder = serde_json::Deserializer::from_str(text);
    let value: T = serde_path_to_error::deserialize(&mut decoder).map_err(|error| refuse(&error))?;
    value.validate().map_err(|report| {
        report.iter().fold(Problem::of(error_code::INVALID_REQUEST), |problem, (path, error)| {
            problem.field(pointer_of_rule(&path.to_string()), error)
        })
    })?;
    Ok(value)
}

/// A value of the wrong shape: where, and what would have been right.
fn refuse(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let message = error.inner().to_string();
    // The position is the decoder's; the pointer says it better.
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let mut pointer = String::new();
    for segment in error.path() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => push_token(&mut pointer, key),
            Segment::Unknown => {}
        }
    }
    for kind in ["unknown field `", "missing field `"] {
        if let Some((name, _)) = message.strip_prefix(kind).and_then(|rest| rest.split_once('`')) {
            let mut token = String::new();
            push_token(&mut token, name);
            if !pointer.ends_with(&token) {
                pointer.push_str(&token);
            }
        }
    }
    let mut shown = message.to_owned();
    if shown.len() > LONGEST_MESSAGE {
        let end = (0..=LONGEST_MESSAGE).rev().find(|end| shown.is_char_boundary(*end)).unwrap_or(0);
        shown.truncate(end);
        shown.push('…');
    }
    let place = if pointer.is_empty() { "the body" } else { pointer.as_str() };
    Problem::of(error_code::INVALID_REQUEST).detail(format!("{place}: {shown}")).field(pointer.clone(), shown)
}

/// Adds a reference token with its escapes (RFC 6901 §3).
fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    for character in token.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// garde's `a.b[0].c` as `/a/b/0/c`.
fn pointer_of_rule(path: &str) -> String {
    let mut pointer = String::new();
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        push_token(&mut pointer, part);
    }
    pointer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;
    use crate::http::wire::{Patch, WireNumber};
    use velox_kernel::Price;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Leg {
        #[garde(range(min = 1))]
        count: u32,
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[garde(skip)]
        price: Option<WireNumber<Price>>,
        #[garde(skip)]
        #[serde(default)]
        note: Patch<String>,
        #[garde(dive)]
        #[serde(default)]
        legs: Vec<Leg>,
    }

    async fn refusal(text: &str) -> (u16, Value) {
        let problem = read_json::<Sample>(text.as_bytes()).unwrap_err();
        let body = actix_web::body::to_bytes(problem.respond(None).into_body()).await.unwrap();
        (problem.code().status, serde_json::from_slice(&body).unwrap())
    }

    #[test]
    fn reads_numbers_from_their_literal_text() {
        for text in [r#"{"price": 1e-05}"#, r#"{"price": "0.00001"}"#, r#"{"price": 0.000010}"#] {
            assert_eq!(read_json::<Sample>(text.as_bytes()).unwrap().price.unwrap().0.to_string(), "0.00001");
        }
        assert!(read_json::<Sample>(br#"{"price": null}"#).unwrap().price.is_none());
    }

    #[test]
    fn takes_a_backslash_before_zeros_for_what_it_is() {
        let sample = read_json::<Sample>(br#"{"note": "\\u0000"}"#).unwrap();
        assert_eq!(sample.note, Patch::Value(r"\u0000".to_owned()));
    }

    #[test]
    fn tells_absent_from_null() {
        let note = |text: &str| read_json::<Sample>(text.as_bytes()).unwrap().note;
        assert_eq!(note("{}"), Patch::Absent);
        assert_eq!(note(r#"{"note": null}"#), Patch::Null);
        assert_eq!(note(r#"{"note": "x"}"#), Patch::Value("x".to_owned()));
    }

    #[actix_web::test]
    async fn points_at_what_is_wrong() {
        for (text, status, pointer, words) in [
            (r#"{"price": "abc"}"#, 422, "/price", "is not a decimal number"),
            (r#"{"price": 1234567890123456789012345678901234567890}"#, 422, "/price", "is too large"),
            (r#"{"price": 1e400}"#, 422, "/price", "is too large"),
            (r#"{"price": true}"#, 422, "/price", "decimal number"),
            (r#"{"legs": [{"count": 1}, {"count": "x"}]}"#, 422, "/legs/1/count", "expected u32"),
            (r#"{"legs": [{"count": 1}, {"count": 0}]}"#, 422, "/legs/1/count", "lower than 1"),
            (r#"{"legs": [{}]}"#, 422, "/legs/0/count", "missing field"),
            (r#"{"legs": [{"count": 1, "a/b": 1}]}"#, 422, "/legs/0/a~1b", "unknown field"),
            (r#"{"legs": [{"count": 1e999}]}"#, 422, "/legs/0/count", "number out of range"),
            ("[]", 422, "", "invalid"),
            (r#"{"note": "a\u0000"}"#, 422, "/note", "has the character U+0000"),
            (r#"{"legs": [{"count": 1}, {"\u0000": 1}]}"#, 422, "/legs/1/\0", "has the character U+0000"),
            (r#"{"price": 1e400, "note": "\u0000"}"#, 422, "/note", "has the character U+0000"),
            (r#""\\\u0000""#, 422, "", "has the character U+0000"),
        ] {
            let (got, body) = refusal(text).await;
            assert_eq!(got, status, "{text}: {body}");
            assert_eq!(body["errors"][0]["pointer"], pointer, "{text}: {body}");
            assert!(body["errors"][0]["detail"].as_str().unwrap().contains(words), "{text}: {body}");
        }
    }

    #[actix_web::test]
    async fn refuses_what_is_not_json() {
        for (text, words) in [
            ("", "empty"),
            (" \n", "empty"),
            (r#"{"price": NaN}"#, "line 1 column 11"),
            ("{\"price\": 1,\n}", "line 2"),
            (r#"{"price": 1} x"#, "trailing"),
            (r#"{"price": 01}"#, "line 1"),
            (r#"{"price": 1, "price": 2}"#, "/price"),
            (r#"{"legs": [{"count": 1, "c\u006funt": 2}]}"#, "/legs/0/count"),
        ] {
            let (status, body) = refusal(text).await;
            assert_eq!((status, &body["code"]), (400, &Value::from("malformed_json")), "{text}: {body}");
            assert!(body["detail"].as_str().unwrap().contains(words), "{text}: {body}");
        }
        let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(refusal(&deep).await.1["detail"].as_str().unwrap().contains("deep"));
    }
}

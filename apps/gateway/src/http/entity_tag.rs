//! [`IfMatch`] and [`entity_tag`]: changes that hold only for the version they were made on (RFC 9110 §13.1.1).

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use velox_kernel::error_code;

use super::Problem;

/// The `ETag` header of something at a version.
#[must_use]
pub fn entity_tag(version: u64) -> (HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

/// The version that a change was made on, out of `If-Match`; `None` when any will do: no header, or `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all(header::IF_MATCH);
        ready(match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(value), None) => read(value),
            (Some(_), Some(_)) => Err(Problem::parameter("If-Match", "is given twice")),
        })
    }
}

fn read(value: &HeaderValue) -> Result<IfMatch, Problem> {
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(IfMatch(None));
    }
    // A weak tag never matches here (RFC 9110 §8.8.3.2), and versions count from 1.
    if text.starts_with("W/\"") {
        return Ok(IfMatch(Some(0)));
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match version.and_then(|version| version.parse().ok()) {
        Some(version) => Ok(IfMatch(Some(version))),
        None => Err(Problem::parameter("If-Match", "must be one ETag as this resource gave it, such as \"3\"")),
    }
}

impl IfMatch {
    /// The refusal of a change when somebody else was first: 412 when a version was named, otherwise 409.
    #[must_use]
    pub fn refuse(self) -> Problem {
        match self.0 {
            Some(_) => Problem::of(error_code::PRECONDITION_FAILED),
            None => Problem::of(error_code::CONFLICT).detail("Somebody else kept changing it; read it again."),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn reads_one_strong_tag() {
        let of = |text: &'static str| read(&HeaderValue::from_static(text)).ok();
        assert_eq!(of("\"3\""), Some(IfMatch(Some(3))));
        assert_eq!(of("*"), Some(IfMatch(None)));
        assert_eq!(of("W/\"3\""), Some(IfMatch(Some(0))));
        for text in ["3", "\"3", "\"a\"", "\"1\", \"2\"", ""] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}

//! The request id: the client's, when it sends a well-formed one, or a new one.

use std::fmt::Write;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest};
use velox_kernel::{Ids, RequestId};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id taken from a client, in bytes.
const LONGEST: usize = 64;

/// The id of the request, kept in place.
#[derive(Clone, Copy)]
pub struct RequestIdText {
    bytes: [u8; LONGEST],
    length: usize,
}

impl RequestIdText {
    /// Letters, digits, `-`, `_`, `.`, `:` and `/` are taken, up to 64; anything else could forge log lines.
    pub(super) fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        let given = headers.get(&HEADER).and_then(|value| value.to_str().ok());
        match given.filter(|text| well_formed(text)) {
            Some(text) => Self::keep(text),
            None => {
                let mut id = Self { bytes: [0; LONGEST], length: 0 };
                // A typed id has 30 characters: it fits.
                let _ = write!(id, "{}", RequestId::new(ids.next()));
                id
            }
        }
    }

    fn keep(text: &str) -> Self {
        let mut id = Self { bytes: [0; LONGEST], length: 0 };
        let _ = id.write_str(text);
        id
    }

    /// The id of a request inside a handler.
    #[must_use]
    pub fn of_request(request: &HttpRequest) -> Option<Self> {
        request.extensions().get::<Self>().copied()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    pub(super) fn put(&self, headers: &mut HeaderMap) {
        if let Ok(value) = HeaderValue::from_bytes(&self.bytes[..self.length]) {
            headers.insert(HEADER, value);
        }
    }
}

impl Write for RequestIdText {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn well_formed(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b))
}

#[cfg(test)]
mod tests {
    use velox_testkit::CountingIds;

    use super::*;

    #[test]
    fn takes_well_formed_ids_and_replaces_the_others() {
        let ids = CountingIds::default();
        let mut headers = HeaderMap::new();
        assert!(RequestIdText::of(&headers, &ids).as_str().starts_with("req_"));
        headers.insert(HEADER, HeaderValue::from_static("trace-1/2.3:4_5"));
        assert_eq!(RequestIdText::of(&headers, &ids).as_str(), "trace-1/2.3:4_5");
        for bad in ["", "a b", "x\"y", &"x".repeat(65)] {
            if let Ok(value) = HeaderValue::try_from(bad) {
                headers.insert(HEADER, value);
            }
            assert!(RequestIdText::of(&headers, &ids).as_str().starts_with("req_"), "{bad}");
        }
    }
}

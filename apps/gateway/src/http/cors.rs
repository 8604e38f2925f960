//! Cross-origin requests (Fetch standard, CORS protocol): only origins that the configuration names.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use velox_kernel::error_code;

use super::Problem;

const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, if-match, last-event-id, velox-position, x-request-id",
);
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, velox-position, x-request-id",
);

/// The origins that may call from a browser. Credentials are never allowed: access is by bearer token.
#[derive(Clone, Debug, Default)]
pub struct Cors {
    any: bool,
    origins: Vec<String>,
}

impl Cors {
    /// Allows the origins; `*` allows every one.
    #[must_use]
    pub fn new(origins: &[String]) -> Self {
        Self { any: origins.iter().any(|origin| origin == "*"), origins: origins.to_vec() }
    }

    fn allowed<'a>(&self, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = request.get(header::ORIGIN)?;
        let known = self.any || self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes());
        known.then_some(origin)
    }

    /// Whether a WebSocket or stream request from a browser of this origin is allowed; those without one are.
    #[must_use]
    pub fn admits(&self, request: &HeaderMap) -> bool {
        request.get(header::ORIGIN).is_none_or(|origin| self.allowed(request).is_some() || same_origin(request, origin))
    }

    /// Adds what lets the browser hand the answer to its page.
    pub(super) fn allow(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = self.allowed(request) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }

    /// Answers `OPTIONS`, a browser's preflight or a plain question.
    pub(super) fn preflight(&self, request: &HeaderMap, allow: &HeaderValue) -> Result<HttpResponse, Problem> {
        let mut answer = HttpResponse::NoContent();
        answer.insert_header((header::ALLOW, allow.clone()));
        if request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
            if self.allowed(request).is_none() {
                return Err(error_code::ORIGIN_NOT_ALLOWED.into());
            }
            answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, allow.clone()));
            answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS));
            answer.insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
        }
        Ok(answer.finish())
    }
}

/// Whether the origin is this server, as the client addressed it.
fn same_origin(request: &HeaderMap, origin: &HeaderValue) -> bool {
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
    match (request.get(header::HOST).and_then(text), text(origin)) {
        (Some(host), Some(origin)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(&host))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers.insert(header::HOST, HeaderValue::from_static("localhost:3000"));
        headers
    }

    #[test]
    fn admits_named_origins_and_itself() {
        let cors = Cors::new(&["https://app.example".to_owned()]);
        assert!(cors.admits(&from("https://app.example")));
        assert!(cors.admits(&from("http://localhost:3000")));
        assert!(cors.admits(&HeaderMap::new()));
        assert!(!cors.admits(&from("https://evil.example")));
        assert!(!cors.admits(&from("null")));
        assert!(Cors::new(&["*".to_owned()]).admits(&from("https://evil.example")));
    }
}

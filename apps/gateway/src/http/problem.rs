//! [`Problem`]: every refusal and failure, as `application/problem+json` (RFC 9457).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use velox_kernel::{ErrorCode, error_code};

/// The media type of every problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What became of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing was done.
    NotExecuted,
    /// It was done; only the answer failed.
    Executed,
    /// It may have been done; send it again under the same id.
    Unknown,
}

/// What is wrong with one place of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body; empty for the whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "/quantity")]
    pub pointer: Option<String>,
    /// Which query, path or header parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// What is wrong there.
    #[schema(example = "is not a decimal number")]
    pub detail: String,
}

/// The members of a problem document; a problem may carry further ones, such as the denied order.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Where the kind of problem is described.
    #[serde(rename = "type")]
    #[schema(example = "/docs/errors#invalid_request")]
    kind: String,
    /// The kind of problem, for people.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// This occurrence, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// The kind of problem, for programs.
    #[schema(example = "invalid_request")]
    code: &'a str,
    /// Whether the same request may succeed later.
    retryable: bool,
    /// What became of the request.
    outcome: Outcome,
    /// The request's id, as in `X-Request-Id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    /// What is wrong, place by place.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(flatten)]
    #[schema(ignore)]
    extra: &'a Map<String, Value>,
}

/// A refusal or failure on its way to the client. Cheap to move: one pointer.
pub struct Problem(Box<Inner>);

struct Inner {
    code: ErrorCode,
    detail: Option<Cow<'static, str>>,
    outcome: Outcome,
    errors: Vec<FieldError>,
    extra: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<String>,
}

impl Problem {
    /// A problem of the kind. Its outcome is `not_executed`, but `unknown` for `outcome_unknown` and `internal`.
    #[must_use]
    pub fn of(code: ErrorCode) -> Self {
        let open = code == error_code::OUTCOME_UNKNOWN || code == error_code::INTERNAL;
        let outcome = if open { Outcome::Unknown } else { Outcome::NotExecuted };
        Self(Box::new(Inner {
            code,
            detail: None,
            outcome,
            errors: Vec::new(),
            extra: Map::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// An internal failure; `cause` goes to the log and never to the client.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::of(error_code::INTERNAL).caused_by(cause)
    }

    /// A query, path or header parameter that is not of the form it needs.
    #[must_use]
    pub fn parameter(name: &str, detail: impl fmt::Display) -> Self {
        let mut problem = Self::of(error_code::INVALID_PARAMETER).detail(format!("`{name}` {detail}"));
        let error = FieldError { pointer: None, parameter: Some(name.to_owned()), detail: detail.to_string() };
        problem.0.errors.push(error);
        problem
    }

    /// Says what happened this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names a wrong place of the body by its JSON pointer.
    #[must_use]
    pub fn field(mut self, pointer: impl Into<String>, detail: impl fmt::Display) -> Self {
        self.0.errors.push(FieldError { pointer: Some(pointer.into()), parameter: None, detail: detail.to_string() });
        self
    }

    /// Adds a member of its own, such as the denied order. A standard member is not replaced.
    #[must_use]
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        const STANDARD: [&str; 9] =
            ["type", "title", "status", "detail", "code", "retryable", "outcome", "request_id", "errors"];
        if !STANDARD.contains(&name) {
            self.0.extra.insert(name.to_owned(), serde_json::to_value(value).unwrap_or(Value::Null));
        }
        self
    }

    /// Says what became of the request.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = outcome;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says when to try again, in whole seconds, at least one.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        match HeaderValue::try_from(seconds.to_string()) {
            Ok(value) => self.header(header::RETRY_AFTER, value),
            Err(_) => self,
        }
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The problem that an answer of another library's making with this status stands for.
    #[must_use]
    pub fn from_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            400 => error_code::INVALID_PARAMETER,
            401 => error_code::UNAUTHENTICATED,
            403 => error_code::FORBIDDEN,
            404 => error_code::NOT_FOUND,
            405 => error_code::METHOD_NOT_ALLOWED,
            406 => error_code::NOT_ACCEPTABLE,
            408 => error_code::REQUEST_TIMEOUT,
            409 => error_code::CONFLICT,
            413 => error_code::PAYLOAD_TOO_LARGE,
            414 => error_code::URI_TOO_LONG,
            415 => error_code::UNSUPPORTED_MEDIA_TYPE,
            422 => error_code::INVALID_REQUEST,
            429 => error_code::RATE_LIMITED,
            503 => error_code::OVERLOADED,
            _ if status.is_client_error() => error_code::INVALID_REQUEST,
            _ => error_code::INTERNAL,
        };
        Self::of(code)
    }

    /// Its kind.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.0.code
    }

    /// What goes to the log and not to the client.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer, for the request of this id.
    #[must_use]
    pub fn respond(&self, request_id: Option<&str>) -> HttpResponse {
        let inner = &self.0;
        let body = ProblemBody {
            kind: format!("/docs/errors#{}", inner.code.name),
            title: inner.code.title,
            status: inner.code.status,
            detail: inner.detail.as_deref(),
            code: inner.code.name,
            retryable: inner.code.retryable,
            outcome: inner.outcome,
            request_id,
            errors: &inner.errors,
            extra: &inner.extra,
        };
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)));
        for (name, value) in &inner.headers {
            response.append_header((name.clone(), value.clone()));
        }
        let mut response = response.body(serde_json::to_vec(&body).unwrap_or_default());
        response.extensions_mut().insert(inner.outcome);
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.detail.as_deref().unwrap_or(self.0.code.title))
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.code.name)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.respond(None)
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Self::of(code)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[actix_web::test]
    async fn carries_its_members_and_keeps_the_standard_ones() {
        let problem = Problem::of(error_code::ORDER_DENIED)
            .detail("too much")
            .field("/quantity", "is above the limit")
            .extra("order", "ord_1")
            .extra("code", "mine")
            .retry_after(Duration::from_millis(1001))
            .caused_by("secret");
        let response = problem.respond(Some("req_1"));
        assert_eq!(response.headers().get(header::RETRY_AFTER).unwrap(), "2");
        let body = actix_web::body::to_bytes(response.into_body()).await.unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["code"], "order_denied");
        assert_eq!(body["type"], "/docs/errors#order_denied");
        assert_eq!(body["order"], "ord_1");
        assert_eq!(body["outcome"], "not_executed");
        assert_eq!(body["errors"][0]["pointer"], "/quantity");
        assert_eq!(body["request_id"], "req_1");
        assert!(!body.to_string().contains("secret"));
    }
}

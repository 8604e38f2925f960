//! [`Asked`]: what a request says of itself beside its body.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use velox_kernel::{ClientOrderId, Origin};

use crate::http::{Problem, origin_of};

/// Names a request that may be sent again: the client order id when the body gives none.
pub(super) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// What a request says of itself beside its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// What stands in the envelope of the events that follow.
    pub(super) origin: Origin,
    /// Its idempotency key.
    pub(super) key: Option<ClientOrderId>,
}

impl FromRequest for Asked {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(key(request.headers()).map(|key| Self { origin: origin_of(request), key }))
    }
}

fn key(headers: &HeaderMap) -> Result<Option<ClientOrderId>, Problem> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::parameter("Idempotency-Key", "is given twice"));
    }
    // What is no text is no name either: the empty one says so.
    let text = value.to_str().unwrap_or_default();
    text.parse().map(Some).map_err(|error| Problem::parameter("Idempotency-Key", error))
}

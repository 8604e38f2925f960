//! `Velox-Position`: what a reader has seen of the store, where a replica answers lists.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use velox_kernel::{Freshness, StorePosition};

use super::Problem;

/// The header, on answers to what changes something and on requests that list.
const POSITION: HeaderName = HeaderName::from_static("velox-position");

/// How new a list has to be: at least as new as the position the request names, else as new as can be.
#[derive(Clone, Copy, Debug)]
pub struct SeenPosition(pub Freshness);

impl FromRequest for SeenPosition {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(POSITION) else { return ready(Ok(Self(Freshness::Now))) };
        let position = value.to_str().unwrap_or_default().parse();
        let position = position.map_err(|error| Problem::parameter("Velox-Position", error));
        ready(position.map(|position| Self(Freshness::Since(position))))
    }
}

/// Tells the position from which on a list shows what was just done; one that no replica ever has when it is not known.
pub(super) fn tell(headers: &mut HeaderMap, position: Option<StorePosition>) {
    let position = position.unwrap_or(StorePosition::new(u64::MAX));
    if let Ok(value) = HeaderValue::try_from(position.to_string()) {
        headers.insert(POSITION, value);
    }
}

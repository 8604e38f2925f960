//! [`ClientLabel`]: the client's name for itself, for the list of sign-ins.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest};
use velox_identity::SessionLabel;

use crate::http::Problem;

/// What `User-Agent` says; empty when it says nothing.
pub(super) struct ClientLabel(pub(super) SessionLabel);

impl FromRequest for ClientLabel {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let said = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        ready(Ok(Self(SessionLabel::new(said.unwrap_or_default()))))
    }
}

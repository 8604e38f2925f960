//! [`IdempotencyKeyText`]: the client's name for a request that it may send again.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::Problem;

/// The longest key, in bytes.
const LONGEST: usize = 255;

/// The `Idempotency-Key` header: 1 to 255 visible ASCII characters; `None` when there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKeyText(pub Option<String>);

impl FromRequest for IdempotencyKeyText {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut values = request.headers().get_all("idempotency-key");
        ready(match (values.next(), values.next()) {
            (None, _) => Ok(Self(None)),
            (Some(_), Some(_)) => Err(Problem::parameter("Idempotency-Key", "is given twice")),
            (Some(value), None) => match value.to_str() {
                Ok(text) if (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) => {
                    Ok(Self(Some(text.to_owned())))
                }
                _ => Err(Problem::parameter("Idempotency-Key", "must be 1 to 255 visible ASCII characters")),
            },
        })
    }
}

//! The bytes of a body: their kind, their size and the time they take.

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::{Bytes, BytesMut};
use actix_web::{HttpMessage, HttpRequest};
use futures_util::StreamExt;
use velox_kernel::error_code;

use crate::http::Problem;
use crate::http::edge::Edge;
use crate::http::frame::MaxBody;

/// Refuses bodies that are not plain JSON.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refuse = |detail: &'static str| {
        Problem::of(error_code::UNSUPPORTED_MEDIA_TYPE)
            .detail(detail)
            .header(header::ACCEPT, HeaderValue::from_static("application/json"))
    };
    if headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(refuse("Send the body without a content encoding."));
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let utf8 = parts.filter(|part| !part.is_empty()).all(|part| {
        part.split_once('=').is_some_and(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    });
    if json && utf8 { Ok(()) } else { Err(refuse("Send `Content-Type: application/json`, in UTF-8.")) }
}

/// The refusal of a body above `most` bytes.
pub(crate) fn too_large(most: usize) -> Problem {
    Problem::of(error_code::PAYLOAD_TOO_LARGE).detail(format!("The body may have up to {most} bytes."))
}

/// Reads the whole body within the row's size and the edge's time.
pub(super) async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Problem> {
    let edge = Edge::of(request).ok_or_else(|| Problem::internal("no edge in the app's data"))?;
    let most = request.extensions().get::<MaxBody>().map_or(edge.max_body, |most| most.0);
    let all = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| unreadable(&error, most))?;
            if bytes.len() + chunk.len() > most {
                return Err(too_large(most));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(edge.body_timeout, all)
        .await
        .unwrap_or_else(|_| Err(Problem::of(error_code::REQUEST_TIMEOUT).detail("The body did not arrive in time.")))
}

fn unreadable(error: &PayloadError, most: usize) -> Problem {
    match error {
        PayloadError::Overflow => too_large(most),
        other => Problem::of(error_code::MALFORMED_JSON).detail("The body ended before its end.").caused_by(other),
    }
}

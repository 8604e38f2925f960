//! `Velox-Position`: what a reader has seen of the store, where a replica answers lists.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{FromRequest, HttpRequest};
use utoipa::IntoParams;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Required};
use velox_kernel::{Freshness, StorePosition};

use super::Problem;

/// The header, on answers to what changes something and on requests that list.
const POSITION: HeaderName = HeaderName::from_static("velox-position");
/// The header as documents write it.
pub(super) const NAME: &str = "Velox-Position";

/// How new a list has to be: at least as new as the position the request names, else as new as can be.
#[derive(Clone, Copy, Debug)]
pub struct SeenPosition(pub Freshness);

impl FromRequest for SeenPosition {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(value) = request.headers().get(POSITION) else { return ready(Ok(Self(Freshness::Now))) };
        let position = value.to_str().unwrap_or_default().parse();
        let position = position.map_err(|error| Problem::parameter(NAME, error));
        ready(position.map(|position| Self(Freshness::Since(position))))
    }
}

impl IntoParams for SeenPosition {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The newest `Velox-Position` that this client was given: the list shows at least everything up to \
                     there, and may come from a read replica that is a little behind. Without it the list shows \
                     everything that was done before it was asked for.";
        let parameter = ParameterBuilder::new().name(NAME).parameter_in(ParameterIn::Header).required(Required::False);
        vec![parameter.description(Some(about)).schema(Some(form("^[0-9a-fA-F]{16}$"))).build()]
    }
}

/// What the document says of the header of answers.
pub(super) fn described() -> Header {
    let about = "Where the installation has a read replica, on every answer to what may have changed something: a list \
                 that is asked for with it shows that.";
    HeaderBuilder::new().schema(Some(form("^[0-9a-f]{16}$"))).description(Some(about)).build()
}

/// Where that stands in the document.
pub(super) fn reference() -> RefOr<Header> {
    RefOr::Ref(Ref::new(format!("#/components/headers/{NAME}")))
}

fn form(pattern: &str) -> Object {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build()
}

/// Tells the position from which on a list shows what was just done; one that no replica ever has when it is not known.
pub(super) fn tell(headers: &mut HeaderMap, position: Option<StorePosition>) {
    let position = position.unwrap_or(StorePosition::new(u64::MAX));
    if let Ok(value) = HeaderValue::try_from(position.to_string()) {
        headers.insert(POSITION, value);
    }
}

//! [`PathId`] and [`PathPair`]: path parameters by type.

use std::fmt;
use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::FutureExt;

use super::Problem;

/// The last parameter of the path: an id, a symbol. Refuses with `invalid_parameter` (400), naming it.
#[derive(Clone, Copy, Debug)]
pub struct PathId<T>(pub T);

impl<T> FromRequest for PathId<T>
where
    T: FromStr<Err: fmt::Display>,
{
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(nth(request, request.match_info().iter().count().saturating_sub(1)).map(Self))
    }
}

/// The first and the second parameter of the path.
#[derive(Clone, Copy, Debug)]
pub struct PathPair<A, B>(pub A, pub B);

impl<A, B> FromRequest for PathPair<A, B>
where
    A: FromStr<Err: fmt::Display>,
    B: FromStr<Err: fmt::Display>,
{
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(nth(request, 0).and_then(|first| Ok(Self(first, nth(request, 1)?))))
    }
}

/// The parameter at a place of the path, with its percent-encoding undone.
fn nth<T: FromStr<Err: fmt::Display>>(request: &HttpRequest, place: usize) -> Result<T, Problem> {
    let absent = || Problem::internal("the path has no such parameter");
    let (name, _) = request.match_info().iter().nth(place).ok_or_else(absent)?;
    let decoded = web::Path::<Vec<String>>::extract(request).now_or_never().and_then(Result::ok).ok_or_else(absent)?;
    decoded.get(place).ok_or_else(absent)?.parse().map_err(|error| Problem::parameter(name, error))
}

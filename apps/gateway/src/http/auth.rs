//! Who is calling: the bearer token, the [`Authenticator`] that knows it, and the [`Caller`] it stands for.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use async_trait::async_trait;
use velox_kernel::{Actor, error_code};

use super::Problem;

/// Why a token stands for nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthProblem {
    /// Not a token of ours, or one that was tampered with.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its session was ended.
    #[error("the session was ended")]
    Revoked,
    /// Whether it is good cannot be told now; the text goes to the log.
    #[error("tokens cannot be checked: {0}")]
    Unavailable(String),
}

/// Knows access tokens. The frame asks it before a handler runs and before a body is read.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// Who the token stands for. Called on every authenticated request: hits must be cheap.
    async fn authenticate(&self, token: &str) -> Result<Actor, AuthProblem>;

    /// Whether the actor's organisation is the one that runs the installation. Asked on the few rows that are its alone.
    async fn is_host(&self, actor: &Actor) -> Result<bool, AuthProblem>;
}

/// An authenticator of an installation without users: nobody gets in.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodyGetsIn;

#[async_trait]
impl Authenticator for NobodyGetsIn {
    async fn authenticate(&self, _token: &str) -> Result<Actor, AuthProblem> {
        Err(AuthProblem::Invalid)
    }

    async fn is_host(&self, _actor: &Actor) -> Result<bool, AuthProblem> {
        Ok(false)
    }
}

impl From<AuthProblem> for Problem {
    fn from(problem: AuthProblem) -> Self {
        let code = match &problem {
            AuthProblem::Invalid => error_code::UNAUTHENTICATED,
            AuthProblem::Expired => error_code::TOKEN_EXPIRED,
            AuthProblem::Revoked => error_code::SESSION_REVOKED,
            AuthProblem::Unavailable(cause) => return Self::of(error_code::STORE_UNAVAILABLE).caused_by(cause),
        };
        Self::of(code).header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="velox", error="invalid_token""#),
        )
    }
}

/// The token of an `Authorization: Bearer …` header (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let missing = |detail: &'static str| {
        Problem::of(error_code::UNAUTHENTICATED)
            .detail(detail)
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer realm="velox""#))
    };
    let mut values = headers.get_all(header::AUTHORIZATION);
    let value = values.next().ok_or_else(|| missing("Send `Authorization: Bearer <access token>`."))?;
    if values.next().is_some() {
        return Err(missing("Send one Authorization header only."));
    }
    let value = value.to_str().map_err(|_| missing("The Authorization header is not text."))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(token.trim()),
        _ => Err(missing("The Authorization header must be `Bearer <access token>`.")),
    }
}

/// The actor that the frame authenticated for this request: what a handler hands to its use case first.
#[derive(Clone, Debug)]
pub struct Caller(pub Actor);

impl Deref for Caller {
    type Target = Actor;

    fn deref(&self) -> &Actor {
        &self.0
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    /// Fails with 401 on a row that is declared public, where nobody was authenticated.
    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(|| Problem::of(error_code::UNAUTHENTICATED)))
    }
}

//! The frame around every handler: request id, limits, access, deadline, panics, problems, headers, metrics, log.
//!
//! It wraps each path's resource, not the app, so it knows its rows without looking anything up.

use std::cell::Cell;
use std::future::{Ready, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready};
use actix_web::http::header::{self, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span, field};
use velox_kernel::{AccountId, Allowance, TraceContext, error_code};

use super::auth::{Caller, bearer};
use super::edge::Edge;
use super::limiter::{Counted, Limiter};
use super::metrics::RowMetrics;
use super::request_id::RequestIdText;
use super::request_trace;
use super::table::{Access, Row};
use super::{Outcome, Problem, security_headers};

/// The longest request target taken, in bytes.
const LONGEST_TARGET: usize = 8 * 1024;

/// The rows of one path, made ready.
pub(super) struct PathRows {
    pub(super) pattern: &'static str,
    pub(super) rows: Vec<(Row, RowMetrics)>,
    /// Metrics of what no row answers.
    pub(super) others: RowMetrics,
    /// The `Allow` header; `None` where there is no such path.
    pub(super) allow: Option<HeaderValue>,
}

/// The largest body of the request's row, for the extractors; kept in the request's extensions.
#[derive(Clone, Copy)]
pub(super) struct MaxBody(pub(super) usize);

/// Names the account a request is about, on its log lines.
pub fn note_account(account: AccountId) {
    Span::current().record("account", field::display(account));
}

/// Makes [`FrameService`]s for one path.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) edge: Arc<Edge>,
    pub(super) path: Arc<PathRows>,
}

impl<S> Transform<S, ServiceRequest> for Frame
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = FrameService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(FrameService { service: Rc::new(service), frame: Rc::new(self.clone()) }))
    }
}

/// The frame of one path in one worker.
pub(super) struct FrameService<S> {
    service: Rc<S>,
    frame: Rc<Frame>,
}

impl<S> Service<ServiceRequest> for FrameService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Error>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let (service, frame) = (Rc::clone(&self.service), Rc::clone(&self.frame));
        let id = RequestIdText::of(request.headers(), &*frame.edge.ids);
        let span = tracing::info_span!(
            "request",
            request_id = id.as_str(),
            method = request.method().as_str(),
            route = frame.path.pattern,
            user = field::Empty,
            account = field::Empty,
        );
        let trace = request_trace::begin(&span, &request);
        async move { Ok(frame.run(&*service, request, id, trace).await) }.instrument(span).boxed_local()
    }
}

impl Frame {
    async fn run<S>(
        &self,
        service: &S,
        request: ServiceRequest,
        id: RequestIdText,
        trace: Option<TraceContext>,
    ) -> ServiceResponse<BoxBody>
    where
        S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    {
        let started = Instant::now();
        let _in_flight = self.edge.connections.request();
        let row = self.path.rows.iter().find(|(row, _)| row.answers(request.method()));
        let http = request.request().clone();
        http.extensions_mut().insert(id);
        if let Some(trace) = trace {
            http.extensions_mut().insert(trace);
        }

        let mut told = None;
        let response = self.answer(service, request, &http, row.map(|(row, _)| row), &mut told).await;
        let mut response = self.finish(&http, response, &id);
        // Who reads a replica next names it, and sees what was done here: also what was denied, or is not known.
        if let Some(replica) = &self.edge.replica
            && !http.method().is_safe()
            && http.extensions().contains::<MaxBody>()
        {
            // What is still under way may come after everything that there is now.
            let is_open = response.extensions().get::<Outcome>() == Some(&Outcome::Unknown);
            let newest = if is_open { None } else { replica.newest().await };
            super::seen_position::tell(response.headers_mut(), newest);
        }
        if let Some((limiter, allowance)) = told {
            limiter.tell(response.headers_mut(), allowance);
        }

        let metrics = row.map_or(&self.path.others, |(_, metrics)| metrics);
        let status = response.status().as_u16();
        let took = started.elapsed();
        metrics.count(status, took);
        velox_telemetry::answered(status);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        match status {
            // Failures were logged with their cause by `finish`.
            500.. => {}
            400.. => tracing::info!(status, micros, "refused"),
            _ => tracing::debug!(status, micros, "answered"),
        }
        ServiceResponse::new(http, response)
    }

    /// Everything that is decided before a handler runs: `Some` is an answer without one.
    async fn admit<'a>(
        &'a self,
        request: &HttpRequest,
        row: Option<&Row>,
        told: &mut Option<(&'a Limiter, Allowance)>,
    ) -> Result<Option<HttpResponse>, Problem> {
        if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
            return Err(Problem::of(error_code::URI_TOO_LONG));
        }
        let Some(allow) = &self.path.allow else {
            return Err(Problem::of(error_code::NOT_FOUND).detail("No route has this path."));
        };
        let Some(row) = row else {
            if *request.method() == Method::OPTIONS {
                return self.edge.cors.preflight(request.headers(), allow).map(Some);
            }
            return Err(Problem::of(error_code::METHOD_NOT_ALLOWED).header(header::ALLOW, allow.clone()));
        };
        let limiter = self.edge.limiters.of(row.limit);
        let caller = match row.access {
            Access::Public => Counted::sender(request, &self.edge.proxies),
            access => match self.authenticate(request, access).await {
                Ok(user) => user,
                Err(problem) => {
                    // Guessing tokens is counted by address, so that it cannot go on for free.
                    if let Some(limiter) = self.edge.limiters.of(super::Limit::Usual) {
                        let allowance = limiter.count(Counted::sender(request, &self.edge.proxies)).await;
                        *told = Some((limiter, allowance));
                        if !allowance.allowed {
                            return Err(limiter.refuse(allowance));
                        }
                    }
                    return Err(problem);
                }
            },
        };
        if let Some(limiter) = limiter {
            let allowance = limiter.count(caller).await;
            *told = Some((limiter, allowance));
            if !allowance.allowed {
                return Err(limiter.refuse(allowance));
            }
        }
        let most = row.max_body.unwrap_or(self.edge.max_body);
        request.extensions_mut().insert(MaxBody(most));
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > most) {
            return Err(super::strict_json::too_large(most));
        }
        Ok(None)
    }

    async fn authenticate(&self, request: &HttpRequest, access: Access) -> Result<Counted, Problem> {
        let actor = self.edge.authenticator.authenticate(bearer(request.headers())?).await?;
        Span::current().record("user", field::display(actor.user));
        if let Access::May(permission) | Access::HostMay(permission) = access
            && !actor.may(permission)
        {
            return Err(Problem::of(error_code::FORBIDDEN)
                .detail(format!("The role {} does not carry what this needs.", actor.role)));
        }
        if matches!(access, Access::HostMay(_)) && !self.edge.authenticator.is_host(&actor).await? {
            return Err(Problem::of(error_code::FORBIDDEN).detail(
                "All tenants share this: only the organisation that runs the installation, that of its first user, may \
                 change it.",
            ));
        }
        let counted = Counted::User(actor.user);
        request.extensions_mut().insert(Caller(actor));
        Ok(counted)
    }

    /// Admits the request and runs its handler, both under one deadline; a panic becomes a problem.
    async fn answer<'a, S>(
        &'a self,
        service: &S,
        request: ServiceRequest,
        http: &HttpRequest,
        row: Option<&Row>,
        told: &mut Option<(&'a Limiter, Allowance)>,
    ) -> HttpResponse
    where
        S: Service<ServiceRequest, Response = ServiceResponse<BoxBody>, Error = Error>,
    {
        let admitted = Cell::new(false);
        let work = async {
            match self.admit(http, row, told).await {
                Ok(Some(answer)) => answer,
                Ok(None) => {
                    admitted.set(true);
                    match service.call(request).await {
                        Ok(response) => response.into_parts().1,
                        Err(error) => HttpResponse::from_error(error),
                    }
                }
                Err(problem) => problem.into(),
            }
        };
        let problem = match timeout(self.edge.request_timeout, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(response)) => return response,
            // The panic hook has logged message and place.
            Ok(Err(_panic)) => Problem::internal("the handler panicked"),
            Err(_late) if !admitted.get() => {
                Problem::of(error_code::STORE_UNAVAILABLE).caused_by("the token could not be checked in time")
            }
            Err(_late) if http.method().is_safe() => Problem::of(error_code::OVERLOADED)
                .detail("The answer was not ready in time.")
                .caused_by("the handler took too long"),
            Err(_late) => Problem::of(error_code::OUTCOME_UNKNOWN).caused_by("the handler took too long"),
        };
        problem.into()
    }

    /// Makes every refusal and failure a problem document, logs failures, and adds the headers of every answer.
    fn finish(&self, request: &HttpRequest, response: HttpResponse, id: &RequestIdText) -> HttpResponse {
        let mut response = if response.status().as_u16() < 400 { response } else { as_problem(request, response, id) };
        if self.edge.shutdown.has_begun() && !response.head().upgrade() {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        let headers = response.headers_mut();
        id.put(headers);
        security_headers::put(headers);
        self.edge.cors.allow(request.headers(), headers);
        response
    }
}

impl From<Problem> for HttpResponse {
    fn from(problem: Problem) -> Self {
        Self::from_error(problem)
    }
}

fn as_problem(request: &HttpRequest, response: HttpResponse, id: &RequestIdText) -> HttpResponse {
    let given = response.headers().get(header::CONTENT_TYPE);
    if response.error().is_none() && given.is_some_and(|kind| kind == super::problem::MEDIA_TYPE) {
        return response;
    }
    let stands_for;
    let problem = match response.error().and_then(|error| error.as_error::<Problem>()) {
        Some(problem) => problem,
        None => {
            let mut other = Problem::from_status(response.status());
            if let Some(error) = response.error() {
                other = other.caused_by(error);
            }
            stands_for = other;
            &stands_for
        }
    };
    let code = problem.code();
    if code.status >= 500 {
        tracing::error!(code = code.name, status = code.status, cause = problem.cause(), "{problem}");
    }
    let mut answer = if code == error_code::INTERNAL && request.method().is_safe() {
        // Reading changes nothing, whatever went wrong.
        Problem::of(code).outcome(Outcome::NotExecuted).respond(Some(id.as_str()))
    } else {
        problem.respond(Some(id.as_str()))
    };
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

//! HTTP: one table of routes, the frame around every handler, and the extractors handlers are written with.

mod auth;
mod cors;
mod edge;
pub mod error_docs;
mod frame;
pub mod health;
mod limiter;
mod metrics;
mod mount;
pub mod openapi;
mod path;
mod problem;
mod query;
mod request_id;
mod routes;
mod security_headers;
mod server;
mod strict_json;
pub mod system;
mod table;
pub mod wire;

pub use auth::{AuthProblem, Authenticator, Caller, NobodyGetsIn};
pub use cors::Cors;
pub use edge::{Connections, Edge, EdgePorts};
pub use frame::note_account;
pub use limiter::{Counted, Limiter, Limiters, Standing};
pub use metrics::recorder;
pub use path::{PathId, PathPair};
pub use problem::{FieldError, MEDIA_TYPE, Outcome, Problem, ProblemBody};
pub use query::{PageQuery, StrictQuery, page_request, read_query};
pub use request_id::RequestIdText;
pub use routes::routes;
pub use server::{ListenError, Server};
pub use strict_json::{StrictJson, read_json};
pub use table::{Access, Endpoint, Group, Limit, RouteTable, Row, Schemas};

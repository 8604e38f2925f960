//! A server on a port of its own, and a client that sends exactly the bytes it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Data;
use async_trait::async_trait;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;
use velox::config::{Config, Sources, load};
use velox::http::health::HealthChecks;
use velox::http::{AuthProblem, Authenticator, Edge, EdgePorts, RouteTable, Server};
use velox::shutdown::Shutdown;
use velox_kernel::{Actor, OrgId, Role, SessionId, UserId};
use velox_testkit::{CountingIds, TestClock};

use crate::routes::{Executed, Gate};

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Knows the tokens `admin`, `trader` and `viewer` of the host, `guest`, an admin of another organisation, and a few
/// that are no good.
struct KnownTokens;

#[async_trait]
impl Authenticator for KnownTokens {
    async fn authenticate(&self, token: &str) -> Result<Actor, AuthProblem> {
        match token {
            "expired" => return Err(AuthProblem::Expired),
            "revoked" => return Err(AuthProblem::Revoked),
            "unavailable" => return Err(AuthProblem::Unavailable("the store is away".to_owned())),
            "hangs" => return std::future::pending().await,
            _ => {}
        }
        let (org, role) = match token {
            "guest" => (Uuid::from_u128(1), Role::Admin),
            role => (Uuid::nil(), role.parse().map_err(|_| AuthProblem::Invalid)?),
        };
        let user = Uuid::from_u128(u128::try_from(token.len()).unwrap());
        Ok(Actor { org: OrgId::new(org), user: UserId::new(user), role, session: SessionId::new(Uuid::nil()) })
    }

    async fn is_host(&self, actor: &Actor) -> Result<bool, AuthProblem> {
        Ok(actor.org == OrgId::new(Uuid::nil()))
    }
}

/// A running server and what its handlers share with the test.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    pub(crate) shutdown: Shutdown,
    pub(crate) executed: Arc<Executed>,
    pub(crate) gate: Arc<Gate>,
}

pub(crate) fn config(set: &[(&str, &str)]) -> Config {
    let defaults = [("server.port", "0"), ("server.workers", "1"), ("server.request_timeout_ms", "300")];
    let flags = defaults.iter().chain(set);
    let flags = flags.map(|(key, value)| ("--set".to_owned(), (*key).to_owned(), (*value).to_owned())).collect();
    load(&Sources { flags, ..Sources::default() }).unwrap().config
}

pub(crate) fn start(table: RouteTable, health: HealthChecks, set: &[(&str, &str)]) -> Running {
    let config = config(set);
    let shutdown = Shutdown::default();
    let ports = EdgePorts {
        clock: Arc::new(TestClock::default()),
        ids: Arc::new(CountingIds::default()),
        authenticator: Arc::new(KnownTokens),
        health,
        shutdown: shutdown.clone(),
        limits: None,
        replica: None,
    };
    let (executed, gate) = (Arc::new(Executed::default()), Arc::new(Gate::default()));
    let wire = {
        let (executed, gate) = (Arc::clone(&executed), Arc::clone(&gate));
        move |app: &mut actix_web::web::ServiceConfig| {
            app.app_data(Data::from(Arc::clone(&executed))).app_data(Data::from(Arc::clone(&gate)));
        }
    };
    let server = Server::start(&config.server, Arc::new(Edge::new(&config, ports, table)), wire).unwrap();
    Running { address: server.address, server, shutdown, executed, gate }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// One connection.
pub(crate) struct Client(TcpStream);

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn send(&mut self, raw: &[u8]) {
        // The server may answer and close before it has read everything.
        let _ = self.0.write_all(raw).await;
    }

    /// Reads one answer of a known length; a `HEAD` has none.
    pub(crate) async fn receive(&mut self, with_body: bool) -> Answer {
        tokio::time::timeout(PATIENCE, self.read(with_body)).await.expect("no answer in time")
    }

    async fn read(&mut self, with_body: bool) -> Answer {
        let mut bytes = Vec::new();
        let mut chunk = [0; 16_384];
        let head_end = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            let read = self.0.read(&mut chunk).await.unwrap();
            assert!(read > 0, "closed without an answer: {:?}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&chunk[..read]);
        };
        let mut body = bytes.split_off(head_end);
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while with_body && body.len() < length {
            let read = self.0.read(&mut chunk).await.unwrap();
            assert!(read > 0, "closed within a body");
            body.extend_from_slice(&chunk[..read]);
        }
        answer.body = body;
        answer
    }

    /// Whether the server closes the connection now.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.0.read(&mut [0; 1])).await.expect("still open");
        matches!(read, Ok(0) | Err(_))
    }
}

/// A request on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut raw = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n").into_bytes();
    for (name, value) in headers {
        raw.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        raw.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    raw.extend_from_slice(b"\r\n");
    raw.extend_from_slice(body);
    let mut client = Client::connect(address).await;
    client.send(&raw).await;
    client.receive(method != "HEAD").await
}

/// Holds an answer to what every problem has.
pub(crate) fn assert_problem(answer: &Answer, status: u16, code: &str, about: &str) {
    let body = answer.json();
    assert_eq!((answer.status, body["code"].as_str()), (status, Some(code)), "{about}: {answer:?} {body}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{about}");
    assert_eq!(body["status"], status, "{about}");
    assert_eq!(body["type"], format!("/docs/errors#{code}"), "{about}");
    assert_eq!(body["request_id"].as_str(), answer.header("x-request-id"), "{about}");
    assert!(answer.header("x-request-id").is_some(), "{about}");
    for member in ["title", "retryable", "outcome"] {
        assert!(!body[member].is_null(), "{about}: {member}");
    }
}

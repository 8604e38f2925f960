//! [`HttpRegistry`]: the client.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use velox_messages::{Compatibility, RegistryError, SchemaId, SchemaRegistry};

use crate::address::{Address, InvalidRegistryUrl};
use crate::answer::Answer;

/// The longest answer that is read, in bytes; schemas are a few thousand.
const LONGEST_ANSWER: u64 = 1 << 20;
/// Requests at once: each has a thread. More than there are topics, whose schemas are registered together.
const MOST_REQUESTS: usize = 8;
/// The greatest id that registries give.
const GREATEST_ID: u32 = i32::MAX.unsigned_abs();
/// How the API names what it speaks.
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// How long a registry may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegistryDeadlines {
    /// For a connection; 2 s by default.
    pub connect: Duration,
    /// For everything: waiting for a turn, connection, and the answer's last byte; 5 s by default.
    pub whole: Duration,
}

impl Default for RegistryDeadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(2), whole: Duration::from_secs(5) }
    }
}

/// A schema registry that speaks Confluent's API.
pub struct HttpRegistry {
    agent: Agent,
    address: Arc<Address>,
    turns: Arc<Semaphore>,
    whole: Duration,
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Found {
    schema: String,
    #[serde(rename = "schemaType", default)]
    kind: Option<String>,
}

impl HttpRegistry {
    /// A client of the registry at a URL such as `https://user:password@registry:8081`; a path is kept. Nothing is
    /// asked yet.
    ///
    /// # Errors
    /// [`InvalidRegistryUrl`].
    pub fn new(url: &SecretString, deadlines: RegistryDeadlines) -> Result<Self, InvalidRegistryUrl> {
        let address = Address::parse(url)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // Credentials go nowhere but where they were sent.
            .max_redirects(0)
            .timeout_connect(Some(deadlines.connect.min(deadlines.whole)))
            .timeout_global(Some(deadlines.whole))
            .user_agent(concat!("velox/", env!("CARGO_PKG_VERSION")));
        let config = if address.is_secure() { config.tls_config(tls()) } else { config };
        Ok(Self {
            agent: Agent::new_with_config(config.build()),
            address: Arc::new(address),
            turns: Arc::new(Semaphore::new(MOST_REQUESTS)),
            whole: deadlines.whole,
        })
    }

    async fn ask(&self, method: &'static str, parts: &[&str], body: Option<String>) -> Result<Answer, RegistryError> {
        let away = |error: &dyn std::fmt::Display| RegistryError::Away(error.to_string());
        let (agent, address, url) = (self.agent.clone(), Arc::clone(&self.address), self.address.of(parts));
        let asked = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| away(&error))?;
            let asked = tokio::task::spawn_blocking(move || {
                // Held as long as the thread is, also when nobody waits any more.
                let _turn = turn;
                call(&agent, &address, method, &url, body)
            });
            asked.await.map_err(|error| away(&error))?
        };
        let late = |_| RegistryError::Away(format!("no answer within {:?}", self.whole));
        tokio::time::timeout(self.whole, asked).await.map_err(late)?
    }
}

/// The authorities that the machine trusts: an own registry often has an own authority.
fn tls() -> TlsConfig {
    let certificates = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> = certificates.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    TlsConfig::builder().root_certs(RootCerts::from(certificates)).build()
}

fn call(
    agent: &Agent,
    address: &Address,
    method: &str,
    url: &str,
    body: Option<String>,
) -> Result<Answer, RegistryError> {
    let away = |error: ureq::Error| match error {
        ureq::Error::BodyExceedsLimit(limit) => {
            RegistryError::Unusable(format!("the registry's answer is longer than {limit} bytes"))
        }
        error => RegistryError::Away(error.to_string()),
    };
    let mut request = Request::builder().method(method).uri(url).header("Accept", CONTENT_TYPE);
    if let Some(authorization) = address.authorization() {
        request = request.header("Authorization", authorization.expose_secret());
    }
    let answered = match body {
        Some(body) => request
            .header("Content-Type", CONTENT_TYPE)
            .body(body)
            .map_err(ureq::Error::from)
            .and_then(|request| agent.run(request)),
        None => request.body(()).map_err(ureq::Error::from).and_then(|request| agent.run(request)),
    };
    let mut answer = answered.map_err(away)?;
    let body = answer.body_mut().with_config().limit(LONGEST_ANSWER).read_to_vec().map_err(away)?;
    Ok(Answer { status: answer.status().as_u16(), body })
}

#[async_trait]
impl SchemaRegistry for HttpRegistry {
    async fn register(&self, subject: &str, schema: &str) -> Result<SchemaId, RegistryError> {
        let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        let answer = self.ask("POST", &["subjects", subject, "versions"], Some(body)).await?;
        answer.read().map(|Registered { id }| SchemaId(id))
    }

    async fn schema(&self, SchemaId(id): SchemaId) -> Result<String, RegistryError> {
        if id > GREATEST_ID {
            // Registries do not understand such a number, and answer like a wrong path.
            return Err(RegistryError::Unknown);
        }
        let answer = self.ask("GET", &["schemas", "ids", &id.to_string()], None).await?;
        let Found { schema, kind } = answer.read()?;
        match kind.as_deref() {
            None | Some("AVRO") => Ok(schema),
            Some(other) => Err(RegistryError::Unusable(format!("it is a schema of the type {other}"))),
        }
    }

    async fn set_compatibility(&self, subject: &str, compatibility: Compatibility) -> Result<(), RegistryError> {
        let body = json!({ "compatibility": compatibility.as_str() }).to_string();
        self.ask("PUT", &["config", subject], Some(body)).await?.check()
    }
}

//! [`ApiClient`]: a plain client of a running server's API.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;

/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: u64 = 1 << 20;

/// What a server answered.
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// The seconds of `Retry-After`, when there is one.
    pub(super) retry_after: Option<u64>,
    /// The body; null when it is not JSON.
    pub(super) body: Value,
}

impl Answer {
    /// What a problem document says (RFC 9457), its places included.
    pub(super) fn problem(&self) -> String {
        let text = |member: &str| self.body[member].as_str();
        let mut said = text("detail").or(text("title")).unwrap_or("without a reason").to_owned();
        for error in self.body["errors"].as_array().into_iter().flatten() {
            let place = error["pointer"].as_str().or(error["parameter"].as_str()).unwrap_or_default();
            said.push_str(&format!("; {place} {}", error["detail"].as_str().unwrap_or_default()));
        }
        format!("{} {said}", self.status)
    }
}

/// A client of one server. It follows no redirect: a token goes nowhere but where it was sent.
#[derive(Clone)]
pub(super) struct ApiClient {
    agent: Agent,
    base: String,
}

impl ApiClient {
    /// A client of the server at `base`, such as `http://127.0.0.1:3000`; each request has `deadline` for its answer.
    pub(super) fn new(base: &str, deadline: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(deadline.min(Duration::from_secs(5))))
            .timeout_global(Some(deadline))
            .user_agent(concat!("velox/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: Agent::new_with_config(config), base: base.trim_end_matches('/').to_owned() }
    }

    /// The server.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Asks; a body makes it a POST. Without an answer it says why.
    pub(super) async fn ask(&self, path: &str, token: Option<&str>, body: Option<Vec<u8>>) -> Result<Answer, String> {
        let mut request = Request::builder().uri(format!("{}{path}", self.base));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let agent = self.agent.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let answer = match body {
                Some(body) => {
                    let request = request.method("POST").header("Content-Type", "application/json").body(body);
                    request.map_err(ureq::Error::from).and_then(|request| agent.run(request))
                }
                None => {
                    request.method("GET").body(()).map_err(ureq::Error::from).and_then(|request| agent.run(request))
                }
            };
            read(answer)
        });
        asked.await.map_err(|error| error.to_string())?
    }
}

fn read(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer, String> {
    let mut answer = answer.map_err(|error| error.to_string())?;
    let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let bytes = answer.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
    let bytes = bytes.map_err(|error| error.to_string())?;
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Ok(Answer { status: answer.status().as_u16(), retry_after, body })
}

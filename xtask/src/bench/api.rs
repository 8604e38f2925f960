//! What a bench asks of the API before it measures: signing in, accounts, metrics.

use super::load;
use super::server::Server;
use super::velox::Velox;
use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// No answer may take longer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// A signed-in caller, one request at a time.
pub(super) struct Api {
    address: SocketAddr,
    /// Good for ten minutes: sign in again before each long measurement.
    pub(super) token: String,
}

impl Api {
    /// Signs in as the owner that the first start made.
    pub(super) fn sign_in(velox: &Velox) -> anyhow::Result<Api> {
        let path = velox.data.0.join("first-sign-in.txt");
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let word = |name: &str| {
            let mut words = text.lines().filter_map(|line| line.trim().strip_prefix(name));
            words.next().map(str::trim).with_context(|| format!("no {name} in {}", path.display()))
        };
        let mut api = Api { address: velox.server.address, token: String::new() };
        let answer = api.call(
            "POST",
            "/v1/auth/login",
            Some(&json!({"email": word("e-mail")?, "password": word("password")?})),
        )?;
        api.token = answer["access_token"].as_str().context("no access token")?.to_owned();
        Ok(api)
    }

    /// The same caller at another server of the installation.
    pub(super) fn at(&self, other: &Velox) -> Api {
        Api { address: other.server.address, token: self.token.clone() }
    }

    /// Somebody who is not signed in, and may ask for metrics.
    pub(super) fn stranger(server: &Server) -> Api {
        Api { address: server.address, token: String::new() }
    }

    /// Opens so many paper accounts.
    pub(super) fn open_accounts(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let open = |number: usize| {
            let body = json!({"name": format!("Bench {number}"), "kind": "paper", "environment": "paper"});
            let made = self.call("POST", "/v1/brokers", Some(&body))?;
            Ok(made["account_id"].as_str().with_context(|| format!("no account in {made}"))?.to_owned())
        };
        (0..count).map(open).collect()
    }

    /// Asks, and answers with the JSON that came.
    pub(super) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let answer = self.send(&request(method, path, &self.token, &body))?;
        if answer.is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_slice(&answer)?) }
    }

    /// The sum of the samples of a metric whose labels contain `label`.
    pub(super) fn metric(&self, name: &str, label: &str) -> anyhow::Result<f64> {
        let answer = self.send(&request("GET", "/metrics", &self.token, ""))?;
        let text = String::from_utf8(answer)?;
        let samples = text.lines().filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            rest.starts_with(['{', ' ']) && rest.contains(label)
        });
        samples.map(|line| Ok(line.rsplit(' ').next().unwrap_or_default().parse::<f64>()?)).sum()
    }

    fn send(&self, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&self.address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(bytes)?;
        let (mut answer, mut part) = (Vec::new(), [0; 16 * 1024]);
        loop {
            let count = stream.read(&mut part)?;
            answer.extend_from_slice(&part[..count]);
            if let Some((status, length)) = load::parse(&answer)? {
                ensure!((200..300).contains(&status), "{}", String::from_utf8_lossy(&answer));
                answer.truncate(length);
                return load::body(&answer);
            }
            if count == 0 {
                bail!("the server closed the connection: {}", String::from_utf8_lossy(&answer));
            }
        }
    }
}

/// The bytes of a request.
pub(super) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: bench\r\n");
    if !token.is_empty() {
        bytes += &format!("authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        bytes += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    (bytes + "\r\n" + body).into_bytes()
}

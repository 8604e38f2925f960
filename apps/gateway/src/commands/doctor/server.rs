//! The port: free, or answered by a server of ours.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::time::Duration;

use super::finding::Finding;
use crate::commands::api_client::ApiClient;
use crate::commands::{database, server_url};
use crate::config::Config;

const CHECK: &str = "server";
/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tries the port.
pub(super) async fn check(config: &Config) -> Finding {
    let (bind, port) = (config.server.bind, config.server.port);
    let held = database::is_held(config).unwrap_or(false);
    let error = match TcpListener::bind((bind, port)) {
        Ok(_) if held && port != 0 => {
            return Finding::warn(
                CHECK,
                format!("a server holds the database, but nobody listens on {bind} port {port}"),
                "look whether it is starting or draining, or listens elsewhere (its log says where)",
            );
        }
        Ok(_) if port == 0 => return Finding::ok(CHECK, format!("any free port of {bind}")),
        Ok(_) => return Finding::ok(CHECK, format!("{bind} port {port} is free; no server runs there")),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::AddrInUse => answered(config).await,
        ErrorKind::AddrNotAvailable => Finding::fail(
            CHECK,
            format!("server.bind {bind} is no address of this machine"),
            "set server.bind to 127.0.0.1, or to one of `ip addr`",
        ),
        ErrorKind::PermissionDenied => Finding::fail(
            CHECK,
            format!("this user may not listen on port {port}"),
            "set server.port to 1024 or more, and put a proxy in front",
        ),
        _ => Finding::fail(CHECK, format!("{bind} port {port}: {error}"), "set server.bind and server.port"),
    }
}

/// Somebody listens: is it Velox, and is it well?
async fn answered(config: &Config) -> Finding {
    let url = server_url(config);
    let client = ApiClient::new(&url, PATIENCE);
    let other = || {
        Finding::fail(
            CHECK,
            format!("{url} is taken by another program"),
            "stop that program, or set server.port to a free one",
        )
    };
    match client.ask("/v1/version", None, None).await {
        Ok(answer) if answer.body["name"] == "velox" => {
            let version = answer.body["version"].as_str().unwrap_or_default().to_owned();
            match client.ask("/readyz", None, None).await {
                Ok(ready) if ready.status == 200 => {
                    Finding::ok(CHECK, format!("Velox {version} answers at {url} and is ready"))
                }
                Ok(ready) => Finding::fail(
                    CHECK,
                    format!("Velox {version} answers at {url}, but is not ready: {}", ready.problem()),
                    format!("look at {url}/health and at its log"),
                ),
                Err(reason) => Finding::fail(CHECK, format!("{url}/readyz: {reason}"), "look at the server's log"),
            }
        }
        Ok(_) | Err(_) => other(),
    }
}

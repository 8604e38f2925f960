//! [`ApiTarget`]: a running server, through its API.

use std::fmt::Write;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use velox_kernel::{Symbol, Timeframe};
use velox_market::csv::{BarRow, TradeRow};

use super::credentials::Credentials;
use super::target::TargetError;
use super::{ImportArgs, ImportError};
use crate::commands::api_client::{Answer, ApiClient};

/// How long a batch may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often a batch is sent before it counts as refused.
const TRIES: u32 = 5;
/// The longest pause that a server may ask for, in seconds.
const LONGEST_PAUSE: u64 = 30;

/// A server that somebody is signed in to.
pub(super) struct ApiTarget {
    client: ApiClient,
    credentials: Credentials,
    token: SecretString,
}

impl ApiTarget {
    /// Signs in to the server at `url`.
    pub(super) async fn sign_in(url: &str, args: &ImportArgs) -> Result<Self, ImportError> {
        let credentials = Credentials::of(args)?;
        let client = ApiClient::new(url, DEADLINE);
        let token = token(&client, &credentials).await.map_err(ImportError::Unusable)?;
        Ok(Self { client, credentials, token })
    }

    pub(super) fn describe(&self) -> String {
        self.client.base().to_owned()
    }

    pub(super) async fn find(&mut self, symbol: Symbol) -> Result<(), TargetError> {
        let answer = self.ask(&format!("/v1/market-data/symbols/{}", escaped(symbol)), None).await?;
        if answer.status != 404 {
            return self.accepted(&answer);
        }
        let answer = self.ask("/v1/market-data/symbols?limit=20", None).await?;
        self.accepted(&answer)?;
        let items = answer.body["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let known = items.iter().filter_map(|item| item["symbol"].as_str().map(str::to_owned)).collect();
        Err(TargetError::UnknownSymbol { symbol, known })
    }

    pub(super) async fn keep_bars(
        &mut self,
        symbol: Symbol,
        timeframe: Timeframe,
        bars: &[BarRow],
    ) -> Result<(), TargetError> {
        let candles: Vec<Value> = bars
            .iter()
            .map(|BarRow { at, open, high, low, close, volume }| {
                json!({"open_time": at, "open": open, "high": high, "low": low, "close": close, "volume": volume})
            })
            .collect();
        let body = json!({"timeframe": timeframe, "candles": candles});
        self.post(&format!("/v1/market-data/candles/{}", escaped(symbol)), &body).await
    }

    pub(super) async fn keep_trades(&mut self, symbol: Symbol, trades: &[TradeRow]) -> Result<(), TargetError> {
        let trades: Vec<Value> = trades
            .iter()
            .map(|TradeRow { at, id, price, quantity, buyer_maker }| {
                json!({"at": at, "id": id, "price": price, "quantity": quantity, "buyer_maker": buyer_maker})
            })
            .collect();
        self.post(&format!("/v1/market-data/trades/{}", escaped(symbol)), &json!({"trades": trades})).await
    }

    async fn post(&mut self, path: &str, body: &Value) -> Result<(), TargetError> {
        let answer = self.ask(path, Some(body.to_string().into_bytes())).await?;
        self.accepted(&answer)
    }

    /// Asks until the server takes or refuses it. A batch may be sent again: what is kept twice is there once.
    async fn ask(&mut self, path: &str, body: Option<Vec<u8>>) -> Result<Answer, TargetError> {
        let mut tries = 1;
        loop {
            let answer = self.client.ask(path, Some(self.token.expose_secret()), body.clone()).await;
            let answer = answer.map_err(|reason| failed(&self.client, reason))?;
            match answer.status {
                // A long import outlives an access token.
                401 if tries < TRIES && matches!(self.credentials, Credentials::User { .. }) => {
                    self.token = token(&self.client, &self.credentials).await?;
                }
                429 | 503 if tries < TRIES => {
                    let pause = answer.retry_after.unwrap_or(1).min(LONGEST_PAUSE);
                    tokio::time::sleep(Duration::from_secs(pause)).await;
                }
                _ => return Ok(answer),
            }
            tries += 1;
        }
    }

    fn accepted(&self, answer: &Answer) -> Result<(), TargetError> {
        let url = self.client.base().to_owned();
        match answer.status {
            200..=299 => Ok(()),
            401 | 403 => Err(TargetError::NotAllowed { url, reason: answer.problem() }),
            400..=499 => Err(TargetError::Refused(answer.problem())),
            _ => Err(TargetError::Server { url, reason: answer.problem() }),
        }
    }
}

async fn token(client: &ApiClient, credentials: &Credentials) -> Result<SecretString, TargetError> {
    let (email, password) = match credentials {
        Credentials::Token(token) => return Ok(token.clone()),
        Credentials::User { email, password } => (email, password),
    };
    let body = json!({"email": email, "password": password.expose_secret()}).to_string().into_bytes();
    let answer = client.ask("/v1/auth/login", None, Some(body)).await.map_err(|reason| failed(client, reason))?;
    match (answer.status, answer.body["access_token"].as_str()) {
        (200, Some(token)) => Ok(SecretString::from(token)),
        (200, None) => Err(failed(client, "its answer to the sign-in has no token".to_owned())),
        _ => Err(TargetError::NotAllowed { url: client.base().to_owned(), reason: answer.problem() }),
    }
}

fn failed(client: &ApiClient, reason: String) -> TargetError {
    TargetError::Server { url: client.base().to_owned(), reason }
}

/// A symbol as a segment of a path (RFC 3986 §2.1).
fn escaped(symbol: Symbol) -> String {
    let mut segment = String::new();
    for byte in symbol.as_str().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_stand_in_paths() {
        assert_eq!(escaped("BTC-PERP".parse().unwrap()), "BTC-PERP");
        assert_eq!(escaped("BTC/USD".parse().unwrap()), "BTC%2FUSD");
    }
}

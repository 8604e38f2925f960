//! [`Api`]: a small blocking HTTP/1.1 client that tells an answer from none.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// The body: JSON, a text, or null when there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// A header by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Whether it says that the same was answered before.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// A text of the body.
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("no text {member} in {self:?}"))
    }
}

/// A client with one connection, which it keeps as long as the server does.
pub(crate) struct Api {
    address: SocketAddr,
    /// The access token; empty when nobody is signed in.
    pub(crate) token: String,
    /// Header lines of every request, each with its end.
    pub(crate) more_headers: String,
    connection: Option<BufReader<TcpStream>>,
}

impl Api {
    /// A client of the server at an address.
    pub(crate) fn new(address: SocketAddr, token: &str) -> Self {
        Self { address, token: token.to_owned(), more_headers: String::new(), connection: None }
    }

    /// Where it asks.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Goes to another address from now on.
    pub(crate) fn move_to(&mut self, address: SocketAddr) {
        self.address = address;
        self.connection = None;
    }

    /// Sends a request. An error means that no whole answer came; the server may have done what was asked.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> io::Result<Answer> {
        self.call_with(method, path, &[], body)
    }

    /// The same with further headers.
    pub(crate) fn call_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(DEADLINE))?;
                BufReader::new(stream)
            }
        };
        connection.get_mut().write_all(self.request(method, path, headers, body).as_bytes())?;
        let answer = read_answer(&mut connection)?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !self.token.is_empty() {
            head.push_str(&format!("Authorization: Bearer {}\r\n", self.token));
        }
        head.push_str(&self.more_headers);
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            head.push_str("Content-Type: application/json\r\n");
        }
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    /// What a path shows.
    pub(crate) fn get(&mut self, path: &str) -> Value {
        let answer = self.call("GET", path, None).unwrap();
        assert_eq!(answer.status, 200, "GET {path}: {answer:?}");
        answer.body
    }

    /// All items of a list, over its pages.
    pub(crate) fn list(&mut self, path: &str) -> Vec<Value> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let mut page = self.get(&format!("{path}{separator}limit=500{after}"));
            items.append(page["items"].as_array_mut().unwrap());
            after = match &page["next"] {
                Value::Null => return items,
                Value::String(next) => format!("&after={next}"),
                next => format!("&after={next}"),
            };
        }
    }

    /// Places an order that must be taken, and gives it.
    pub(crate) fn place(&mut self, order: &Value) -> Value {
        let answer = self.call("POST", "/v1/orders", Some(order)).unwrap();
        assert_eq!(answer.status, 201, "{order}: {answer:?}");
        answer.body
    }

    /// An order by its id.
    pub(crate) fn order(&mut self, id: &str) -> Value {
        self.get(&format!("/v1/orders/{id}"))
    }

    /// The id of the account that the first start made: the oldest.
    pub(crate) fn account(&mut self) -> String {
        let accounts = self.list("/v1/accounts");
        assert_eq!(accounts[0]["name"], "Paper", "{accounts:?}");
        accounts[0]["id"].as_str().unwrap().to_owned()
    }
}

/// Reads one answer.
fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the connection ended within an answer");
    let mut line = String::new();
    let mut next = |connection: &mut BufReader<TcpStream>| {
        line.clear();
        // A line without an end was cut off.
        if connection.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Err(cut());
        }
        Ok(line.trim_end().to_owned())
    };
    let first = next(connection)?;
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(cut)?;
    let mut headers = Vec::new();
    loop {
        let header = next(connection)?;
        if header.is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').ok_or_else(cut)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(Ok(0), |(_, value)| value.parse());
    let mut body = vec![0; length.map_err(io::Error::other)?];
    connection.read_exact(&mut body)?;
    let is_json = headers.iter().any(|(name, value)| name == "content-type" && value.contains("json"));
    let body = match is_json {
        true => serde_json::from_slice(&body)?,
        false if body.is_empty() => Value::Null,
        false => Value::String(String::from_utf8_lossy(&body).into_owned()),
    };
    Ok(Answer { status, headers, body })
}

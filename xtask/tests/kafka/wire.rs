//! As much of Kafka's and the registry's protocols as the tests need.
//!
//! <https://kafka.apache.org/protocol>: a request is its length, kind, version, number and the client's name, then its
//! content; an answer is its length, the request's number, its content.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The topic is not known.
pub(crate) const UNKNOWN_TOPIC: i16 = 3;

/// What a broker knows: the numbers of all brokers, and the error of one topic.
pub(crate) struct Known {
    pub(crate) brokers: Vec<i32>,
    pub(crate) error: i16,
}

/// Asks for a topic in such a way that a broker that makes topics by itself would make it (Metadata, version 4).
pub(crate) fn ask(port: u16, topic: &str) -> std::io::Result<Known> {
    let answer = request(port, 3, 4, &[&1_i32.to_be_bytes()[..], &text(topic), &[1]].concat())?;
    let mut rest = Rest(&answer);
    rest.skip(4);
    let brokers = (0..rest.number()).map(|_| {
        let number = rest.number();
        rest.text();
        rest.number();
        rest.text();
        number
    });
    let brokers = brokers.collect();
    rest.text();
    rest.skip(4);
    assert_eq!(rest.number(), 1, "one topic was asked for");
    Ok(Known { brokers, error: rest.short() })
}

/// Makes a topic with one partition (CreateTopics, version 2), and gives the error, which is 0 when it was made.
pub(crate) fn make_topic(port: u16, topic: &str, copies: i16) -> std::io::Result<i16> {
    let none = 0_i32.to_be_bytes();
    let one = 1_i32.to_be_bytes();
    let limit = 30_000_i32.to_be_bytes();
    let content = [&one[..], &text(topic), &one, &copies.to_be_bytes(), &none, &none, &limit, &[0]].concat();
    let answer = request(port, 19, 2, &content)?;
    let mut rest = Rest(&answer);
    rest.skip(4);
    assert_eq!(rest.number(), 1, "one topic was made");
    rest.text();
    Ok(rest.short())
}

fn request(port: u16, kind: i16, version: i16, content: &[u8]) -> std::io::Result<Vec<u8>> {
    let head = [&kind.to_be_bytes()[..], &version.to_be_bytes(), &7_i32.to_be_bytes(), &text("tests")].concat();
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = i32::try_from(head.len() + content.len()).unwrap();
    stream.write_all(&[&length.to_be_bytes()[..], &head, content].concat())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut answer)?;
    Ok(answer.split_off(4))
}

fn text(text: &str) -> Vec<u8> {
    [&i16::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat()
}

/// What is still to be read of an answer.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, bytes: usize) {
        self.0 = &self.0[bytes..];
    }

    fn number(&mut self) -> i32 {
        let (bytes, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        i32::from_be_bytes(*bytes)
    }

    fn short(&mut self) -> i16 {
        let (bytes, rest) = self.0.split_first_chunk().unwrap();
        self.0 = rest;
        i16::from_be_bytes(*bytes)
    }

    fn text(&mut self) {
        let length = self.short();
        self.skip(usize::try_from(length).unwrap_or(0));
    }
}

/// A Schema Registry, by its address.
pub(crate) struct Registry(pub(crate) String);

impl Registry {
    /// The status and the content of an answer.
    pub(crate) fn send(&self, method: &str, path: &str, content: &str) -> (u16, String) {
        let (host, base) = self.0.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let length = content.len();
        let head = format!("{method} /{base}{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        let body = format!("content-type: application/json\r\ncontent-length: {length}\r\n\r\n{content}");
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The level that holds where a subject has none of its own.
    pub(crate) fn level(&self) -> String {
        self.send("GET", "/config", "").1
    }

    /// Registers a record with these fields (Avro, as JSON).
    pub(crate) fn register(&self, subject: &str, fields: &str) -> (u16, String) {
        let schema = format!(r#"{{"type":"record","name":"Order","fields":[{fields}]}}"#).replace('"', r#"\""#);
        self.send("POST", &format!("/subjects/{subject}/versions"), &format!(r#"{{"schema":"{schema}"}}"#))
    }
}

//! One question in Kafka's own protocol, so that no client program need be there: which brokers do you know?

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(2);
/// How long it may be.
const MOST: u32 = 1 << 20;
/// Metadata, version 1, request 7, from `xtask`, about no topic: <https://kafka.apache.org/protocol#The_Messages_Metadata>.
const QUESTION: &[u8] = b"\0\0\0\x13\0\x03\0\x01\0\0\0\x07\0\x05xtask\0\0\0\0";

/// Whether the broker of this number takes requests on this port, and the cluster counts on it.
pub(crate) fn is_usable(number: u16, port: u16) -> bool {
    brokers(port).is_ok_and(|brokers| brokers.contains(&i32::from(number)))
}

/// The numbers of the brokers that take requests, as the one on this port of 127.0.0.1 knows it.
pub(super) fn brokers(port: u16) -> std::io::Result<Vec<i32>> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(QUESTION)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = u32::from_be_bytes(size);
    if size > MOST {
        return Err(Error::new(ErrorKind::InvalidData, "too long an answer"));
    }
    let mut answer = Vec::new();
    stream.take(u64::from(size)).read_to_end(&mut answer)?;
    numbers(&answer).ok_or_else(|| Error::new(ErrorKind::InvalidData, "no answer to the question"))
}

/// The brokers' numbers in an answer: request number, count, and for each number, host, port and, possibly, rack.
fn numbers(answer: &[u8]) -> Option<Vec<i32>> {
    let mut rest = answer;
    let request = number(&mut rest)?;
    let count = number(&mut rest)?;
    let mut numbers = Vec::new();
    for _ in 0..count {
        numbers.push(number(&mut rest)?);
        text(&mut rest)?;
        number(&mut rest)?;
        text(&mut rest)?;
    }
    (request == 7).then_some(numbers)
}

fn number(rest: &mut &[u8]) -> Option<i32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(i32::from_be_bytes(*bytes))
}

/// Goes past a text; one of length -1 is not there.
fn text(rest: &mut &[u8]) -> Option<()> {
    let (length, after) = rest.split_first_chunk()?;
    let length = usize::try_from(i16::from_be_bytes(*length)).unwrap_or(0);
    *rest = after.get(length..)?;
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kafka 4.4 said, without the length before it.
    const ANSWER: &[u8] = b"\0\0\0\x07\0\0\0\x01\0\0\0\x01\0\x09127.0.0.1\0\0J\x94\xff\xff\0\0\0\x01\0\0\0\0";

    #[test]
    fn the_brokers_are_read_from_an_answer() {
        assert_eq!(numbers(ANSWER), Some(vec![1]));
        let none = b"\0\0\0\x07\0\0\0\0\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(numbers(none), Some(Vec::new()), "it listens, and nobody counts on it yet");
    }

    #[test]
    fn half_an_answer_and_one_to_another_question_are_none() {
        for end in 0..25 {
            assert_eq!(numbers(&ANSWER[..end]), None, "{end}");
        }
        assert_eq!(numbers(&[b"\0\0\0\x08", &ANSWER[4..]].concat()), None);
    }
}

//! An HTTP load generator: closed loop over kept connections, one request on each at a time.
//!
//! Closed loop means that a slow server is asked less often: latencies are those of a client that waits for its answer,
//! not those of a fixed arrival rate.

use super::disk::micros;
use super::server::{cpu_time, cpu_time_of_family};
use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const WARM_UP: u8 = 0;
const MEASURE: u8 = 1;
const STOP: u8 = 2;

/// No answer may take longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What to send and for how long.
pub(super) struct Load {
    pub(super) address: SocketAddr,
    /// The process whose CPU time is measured.
    pub(super) pid: u32,
    /// The postmaster of the database behind the server, when its CPU time is to be told too.
    pub(super) database: Option<u32>,
    pub(super) connections: u32,
    pub(super) warm_up: Duration,
    pub(super) measure: Duration,
}

/// What came back within the measured time.
pub(super) struct Measured {
    /// Answers with a status of 2xx.
    pub(super) succeeded: u64,
    /// Other answers.
    pub(super) refused: u64,
    /// The first other answer, for whoever wonders.
    pub(super) first_refusal: Option<String>,
    pub(super) took: Duration,
    /// User and system time of the server.
    pub(super) server_cpu: Duration,
    /// User and system time of the database's processes; zero when there is none.
    pub(super) database_cpu: Duration,
    /// Of every answer, in microseconds.
    pub(super) latency: Histogram<u64>,
}

impl Measured {
    /// Successes by second of wall time.
    pub(super) fn per_second(&self) -> f64 {
        float(self.succeeded) / self.took.as_secs_f64()
    }

    /// Successes by second of the server's CPU.
    pub(super) fn per_cpu_second(&self) -> f64 {
        float(self.succeeded) / self.server_cpu.as_secs_f64()
    }

    /// Server CPU of one success, in microseconds.
    pub(super) fn cpu_micros(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / float(self.succeeded)
    }

    /// The database's CPU of one success, in microseconds.
    pub(super) fn database_cpu_micros(&self) -> f64 {
        self.database_cpu.as_secs_f64() * 1e6 / float(self.succeeded)
    }

    /// A quantile of the latency, in milliseconds.
    pub(super) fn millis(&self, quantile: f64) -> f64 {
        Duration::from_micros(self.latency.value_at_quantile(quantile)).as_secs_f64() * 1e3
    }

    /// Everything, for the detail of a figure.
    pub(super) fn json(&self) -> serde_json::Value {
        let quantile = |quantile| self.latency.value_at_quantile(quantile);
        serde_json::json!({
            "succeeded": self.succeeded, "refused": self.refused, "first_refusal": self.first_refusal,
            "seconds": self.took.as_secs_f64(), "server_cpu_seconds": self.server_cpu.as_secs_f64(),
            "per_second": self.per_second(), "per_cpu_second": self.per_cpu_second(), "cpu_us": self.cpu_micros(),
            "database_cpu_us": self.database_cpu_micros(),
            "latency_us": {"p50": quantile(0.5), "p90": quantile(0.9), "p99": quantile(0.99), "p999": quantile(0.999),
                "max": self.latency.max()},
        })
    }
}

/// Sends requests until the time is over. `request` writes the bytes of the next one into the (empty) buffer; it gets
/// the number of the connection and that of the request on it, both from 0.
///
/// # Errors
///
/// When a connection breaks or an answer is no HTTP/1.1. An answer that is not 2xx is counted instead.
pub(super) fn run<R>(load: &Load, request: R) -> anyhow::Result<Measured>
where
    R: Fn(u32, u64, &mut Vec<u8>) + Send + Sync + 'static,
{
    // One thread: on a small machine the client must not crowd out the server.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (phase, request) = (Arc::new(AtomicU8::new(WARM_UP)), Arc::new(request));
        let mut connections = tokio::task::JoinSet::new();
        for number in 0..load.connections {
            connections.spawn(keep_asking(load.address, number, phase.clone(), request.clone()));
        }
        tokio::time::sleep(load.warm_up).await;
        let database = || load.database.map_or(Ok(Duration::ZERO), cpu_time_of_family);
        let (cpu_before, database_before, start) = (cpu_time(load.pid)?, database()?, Instant::now());
        phase.store(MEASURE, Ordering::Relaxed);
        tokio::time::sleep(load.measure).await;
        phase.store(STOP, Ordering::Relaxed);
        let (server_cpu, took) = (cpu_time(load.pid)?.saturating_sub(cpu_before), start.elapsed());
        let database_cpu = database()?.saturating_sub(database_before);
        let mut total = Tally::new()?;
        while let Some(tally) = connections.join_next().await {
            total.add(tally??)?;
        }
        let Tally { succeeded, refused, first_refusal, latency } = total;
        Ok(Measured { succeeded, refused, first_refusal, took, server_cpu, database_cpu, latency })
    })
}

struct Tally {
    succeeded: u64,
    refused: u64,
    first_refusal: Option<String>,
    latency: Histogram<u64>,
}

impl Tally {
    fn new() -> anyhow::Result<Tally> {
        Ok(Tally { succeeded: 0, refused: 0, first_refusal: None, latency: Histogram::new(3)? })
    }

    fn add(&mut self, other: Tally) -> anyhow::Result<()> {
        self.succeeded += other.succeeded;
        self.refused += other.refused;
        self.first_refusal = self.first_refusal.take().or(other.first_refusal);
        Ok(self.latency.add(other.latency)?)
    }
}

async fn keep_asking<R>(
    address: SocketAddr,
    number: u32,
    phase: Arc<AtomicU8>,
    request: Arc<R>,
) -> anyhow::Result<Tally>
where
    R: Fn(u32, u64, &mut Vec<u8>),
{
    let mut stream = TcpStream::connect(address).await.context("cannot connect")?;
    stream.set_nodelay(true)?;
    let (mut sent, mut received, mut tally) = (Vec::new(), Vec::new(), Tally::new()?);
    for count in 0.. {
        if phase.load(Ordering::Relaxed) == STOP {
            break;
        }
        sent.clear();
        request(number, count, &mut sent);
        let start = Instant::now();
        stream.write_all(&sent).await?;
        let answer = tokio::time::timeout(ANSWER_LIMIT, receive(&mut stream, &mut received));
        let status = answer.await.context("no answer in time")??;
        if phase.load(Ordering::Relaxed) != MEASURE {
            continue;
        }
        tally.latency.record(micros(start.elapsed()))?;
        if (200..300).contains(&status) {
            tally.succeeded += 1;
        } else {
            tally.refused += 1;
            tally.first_refusal.get_or_insert_with(|| String::from_utf8_lossy(&received).into_owned());
        }
    }
    Ok(tally)
}

/// Reads one answer into `buffer` and returns its status.
async fn receive(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection after {} bytes", buffer.len());
        }
        if let Some((status, length)) = parse(buffer)? {
            anyhow::ensure!(buffer.len() == length, "the server sent more than one answer");
            return Ok(status);
        }
    }
}

/// Status and whole length of the answer at the start of `bytes`; `None` while it is not complete.
pub(super) fn parse(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes)? else { return Ok(None) };
    let status = response.code.context("no status")?;
    let header = |name: &str| {
        let header = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        header.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let body = if matches!(status, 204 | 304) {
        Some(0)
    } else if let Some(length) = header("content-length") {
        Some(length.trim().parse()?)
    } else if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        chunked_length(&bytes[head..])?
    } else {
        bail!("an answer without content-length")
    };
    Ok(body.map(|body: usize| head + body).filter(|length| *length <= bytes.len()).map(|length| (status, length)))
}

/// The body of a complete answer.
pub(super) fn body(answer: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(answer)? else { bail!("an incomplete answer") };
    let rest = &answer[head..];
    if !response.headers.iter().any(|header| header.name.eq_ignore_ascii_case("transfer-encoding")) {
        return Ok(rest.to_vec());
    }
    let (mut body, mut at) = (Vec::new(), 0);
    while let Ok(httparse::Status::Complete((line, size))) = httparse::parse_chunk_size(&rest[at..]) {
        let size = usize::try_from(size)?;
        body.extend_from_slice(&rest[at + line..at + line + size]);
        at += line + size + 2;
        if size == 0 {
            break;
        }
    }
    Ok(body)
}

/// The length of a chunked body with its framing; `None` while it is not complete. Trailers are not understood.
fn chunked_length(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let mut at: usize = 0;
    loop {
        let Some(rest) = bytes.get(at..) else { return Ok(None) };
        let size = httparse::parse_chunk_size(rest).map_err(|_| anyhow::anyhow!("a bad chunk"))?;
        let httparse::Status::Complete((line, size)) = size else { return Ok(None) };
        at += line + usize::try_from(size)? + 2;
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

/// As a float, which is exact up to 2^53.
#[expect(clippy::as_conversions, reason = "there is no other conversion, and a count is far below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        for (answer, status) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204),
            (
                "HTTP/1.1 422 Unprocessable\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n",
                422,
            ),
        ] {
            for end in 0..answer.len() {
                assert_eq!(parse(&answer.as_bytes()[..end]).unwrap(), None, "{end} bytes of {answer:?}");
            }
            assert_eq!(parse(answer.as_bytes()).unwrap(), Some((status, answer.len())));
        }
    }

    #[test]
    fn what_is_no_http_is_an_error() {
        assert!(parse(b"hello there\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}

//! Ports of 127.0.0.1 that nobody has at the moment.

use crate::process;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;
use std::time::Duration;

/// Ports that the system usually gives no connection as its own end, so that a server that is down for a moment finds its
/// port again.
const QUIET: Range<u16> = 20_000..32_768;

/// How long a server that was killed may still have its port.
const LIMIT: Duration = Duration::from_secs(2);

/// So many of them, all different. Another program may take one before it is used: whoever starts a server on one is
/// ready for that.
pub(crate) fn free(count: u16) -> anyhow::Result<Vec<u16>> {
    // Others look for some at the same time: each begins elsewhere.
    let begin = RandomState::new().build_hasher().finish() % u64::from(QUIET.end - QUIET.start);
    let begin = usize::try_from(begin)?;
    let quiet =
        QUIET.skip(begin).chain(QUIET.take(begin)).filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let mut listeners: Vec<TcpListener> = quiet.take(usize::from(count)).collect();
    while listeners.len() < usize::from(count) {
        listeners.push(TcpListener::bind(("127.0.0.1", 0))?);
    }
    Ok(listeners
        .iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<Result<_, _>>()?)
}

/// Whether nobody has this port, now or in a moment.
pub(crate) fn is_free(port: u16) -> anyhow::Result<bool> {
    process::until(LIMIT, || Ok(TcpListener::bind(("127.0.0.1", port)).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ_and_one_that_is_given_back_is_free() {
        let ports = free(3).unwrap();
        assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let waiting = std::thread::spawn(move || is_free(port).unwrap());
        drop(listener);
        assert!(waiting.join().unwrap());
    }
}

//! Reads what the driver does not know out of a server's address: `sslmode` with libpq's words, and `sslrootcert`.

use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// What libpq's `sslmode` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// No encryption.
    Disable,
    /// Encryption when the server offers it; whose certificate it has does not matter.
    Prefer,
    /// Encryption or nothing; whose certificate it has does not matter.
    Require,
    /// Somebody who is trusted has signed the server's certificate.
    VerifyCa,
    /// And it is the certificate of the host that was asked for.
    VerifyFull,
}

/// Why an address is not one.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// `sslmode` has a word that is not known.
    #[error("sslmode={0} is not known: it is one of disable, prefer, require, verify-ca, verify-full")]
    UnknownSslMode(String),
    /// The certificates of those who are trusted cannot be read.
    #[error("sslrootcert={path}: {reason}")]
    RootCertificates {
        /// The file, or `system`.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The driver does not understand the rest.
    #[error("{0}")]
    Malformed(String),
}

/// A server's address, taken apart.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) mode: TlsMode,
    /// The file with the certificates of those who are trusted; `None` trusts whom the machine trusts.
    pub(crate) roots: Option<PathBuf>,
}

impl Address {
    /// Takes an address (`postgres://…`, or libpq's `key=value` words) apart.
    pub(crate) fn parse(text: &str) -> Result<Self, AddressError> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let Taken { rest, mode, roots } = if is_url { take_from_url(text) } else { take_from_words(text) };
        let roots = roots.filter(|path| path != "system" && !path.is_empty()).map(PathBuf::from);
        let mode = match mode.as_deref() {
            None | Some("prefer") => TlsMode::Prefer,
            Some("disable") => TlsMode::Disable,
            // As libpq has it: who names whom to trust is not content with just anybody.
            Some("require") if roots.is_some() => TlsMode::VerifyCa,
            Some("require") => TlsMode::Require,
            Some("verify-ca") => TlsMode::VerifyCa,
            Some("verify-full") => TlsMode::VerifyFull,
            Some(other) => return Err(AddressError::UnknownSslMode(other.to_owned())),
        };
        let mut config = Config::from_str(&rest).map_err(|error| AddressError::Malformed(chain(&error)))?;
        let local = !config.get_hosts().is_empty() && config.get_hosts().iter().all(is_socket);
        config.ssl_mode(match mode {
            // Nobody listens in on a socket of this machine.
            _ if local => SslMode::Disable,
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        Ok(Self { config, mode, roots })
    }
}

fn is_socket(host: &Host) -> bool {
    match host {
        Host::Tcp(_) => false,
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// An error with its causes: the driver's own words say where, their causes say why.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// An address without the two parameters that the driver does not know.
#[derive(Default)]
struct Taken {
    rest: String,
    mode: Option<String>,
    roots: Option<String>,
}

impl Taken {
    /// Takes a parameter, if it is one of the two.
    fn take(&mut self, key: &str, value: impl FnOnce() -> String) -> bool {
        match key {
            "sslmode" => self.mode = Some(value()),
            "sslrootcert" => self.roots = Some(value()),
            _ => return false,
        }
        true
    }
}

fn take_from_url(url: &str) -> Taken {
    // As the driver and libpq do: what stands before the first @ is a name and a password, whatever is in it.
    let host = url.find('@').map_or(0, |at| at + 1);
    let Some(mark) = url[host..].find('?').map(|mark| host + mark) else {
        return Taken { rest: url.to_owned(), ..Taken::default() };
    };
    let mut taken = Taken::default();
    let mut kept = Vec::new();
    for pair in url[mark + 1..].split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !taken.take(key, || percent_decode_str(value).decode_utf8_lossy().into_owned()) {
            kept.push(pair);
        }
    }
    url[..mark].clone_into(&mut taken.rest);
    if !kept.is_empty() {
        taken.rest.push('?');
        taken.rest.push_str(&kept.join("&"));
    }
    taken
}

fn take_from_words(words: &str) -> Taken {
    let mut taken = Taken::default();
    let mut rest = words;
    // What is no word in this form is left to the driver, who says so.
    while let Some((key, after)) = rest.split_once('=') {
        let (value, length) = value(after.trim_start());
        let end = rest.len() - after.trim_start().len() + length;
        if !taken.take(key.trim(), || value) {
            taken.rest.push_str(&rest[..end]);
        }
        rest = &rest[end..];
    }
    taken.rest.push_str(rest);
    taken
}

/// The value that a text begins with, and how many bytes of the text it takes. A backslash keeps what follows it.
fn value(text: &str) -> (String, usize) {
    let quoted = text.starts_with('\'');
    let (mut value, mut escaped) = (String::new(), false);
    for (place, character) in text.char_indices().skip(usize::from(quoted)) {
        match character {
            _ if escaped => {
                value.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' if quoted => return (value, place + 1),
            _ if !quoted && character.is_whitespace() => return (value, place),
            _ => value.push(character),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str) -> (TlsMode, SslMode, Option<String>, Option<String>) {
        let Address { config, mode, roots } = Address::parse(text).unwrap();
        let roots = roots.map(|path| path.display().to_string());
        (mode, config.get_ssl_mode(), roots, config.get_dbname().map(str::to_owned))
    }

    #[test]
    fn reads_the_words_of_libpq() {
        for (word, mode, driver) in [
            ("disable", TlsMode::Disable, SslMode::Disable),
            ("prefer", TlsMode::Prefer, SslMode::Prefer),
            ("require", TlsMode::Require, SslMode::Require),
            ("verify-ca", TlsMode::VerifyCa, SslMode::Require),
            ("verify-full", TlsMode::VerifyFull, SslMode::Require),
        ] {
            let name = Some("velox".to_owned());
            let url = format!("postgres://u:p%40@host:5432/velox?connect_timeout=3&sslmode={word}&application_name=x");
            assert_eq!(read(&url), (mode, driver, None, name.clone()), "{url}");
            let words = format!("host=host sslmode = '{word}'  dbname=velox");
            assert_eq!(read(&words), (mode, driver, None, name), "{words}");
        }
        assert_eq!(read("postgres://host/velox").0, TlsMode::Prefer, "as libpq without a word");
    }

    #[test]
    fn finds_whom_to_trust() {
        let path = Some("/etc/my roots.pem".to_owned());
        let name = Some("velox".to_owned());
        let url = "postgresql://u:pass?word@host/velox?sslrootcert=%2Fetc%2Fmy%20roots.pem&sslmode=require";
        assert_eq!(read(url), (TlsMode::VerifyCa, SslMode::Require, path.clone(), name.clone()));
        let words = r"sslrootcert='/etc/my roots.pem' dbname=velox host=host sslmode=verify-full";
        assert_eq!(read(words), (TlsMode::VerifyFull, SslMode::Require, path, name.clone()));
        let system = "postgres://host/velox?sslmode=verify-full&sslrootcert=system";
        assert_eq!(read(system), (TlsMode::VerifyFull, SslMode::Require, None, name));
    }

    #[test]
    fn a_socket_of_this_machine_needs_no_encryption() {
        assert_eq!(read("host=/run/postgresql dbname=velox sslmode=require").1, SslMode::Disable);
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = |text: &str| Address::parse(text).unwrap_err().to_string();
        assert!(wrong("postgres://host/velox?sslmode=verify").starts_with("sslmode=verify is not known: it is one of"));
        assert!(wrong("postgres://host/velox?sslcert=x").contains("sslcert"));
        assert!(wrong("host=x sslmode=disable nonsense").contains("invalid connection string"));
    }
}

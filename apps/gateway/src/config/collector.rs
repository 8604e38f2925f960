//! Where the OpenTelemetry collector is, and what it is told beside the data.

use std::fmt;

use secrecy::SecretString;

use super::setting::Setting;

/// The collector's address.
#[derive(Clone, Debug)]
pub struct CollectorUrl(String);

impl CollectorUrl {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Setting for Option<CollectorUrl> {
    const JSON_TYPE: &'static str = "string";

    fn read(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            None if text.is_empty() => Ok(None),
            // Credentials belong into the headers, which are never shown.
            Some(("http" | "https", rest)) if !rest.is_empty() && !rest.contains('@') => {
                Ok(Some(CollectorUrl(text.to_owned())))
            }
            _ => Err("must be empty or of the form http://host:4318".to_owned()),
        }
    }
}

/// Headers for the collector; the values are not printed.
#[derive(Clone)]
pub struct CollectorHeaders(Vec<(String, SecretString)>);

impl CollectorHeaders {
    /// Names and values.
    #[must_use]
    pub fn as_slice(&self) -> &[(String, SecretString)] {
        &self.0
    }
}

impl Setting for CollectorHeaders {
    const JSON_TYPE: &'static str = "string";
    const SECRET: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        let is_value = |value: &str| value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let headers = parts.map(|part| match part.split_once('=') {
            Some((name, value)) if is_name(name) && is_value(value) => Ok((name.to_owned(), SecretString::from(value))),
            _ => Err("must be headers of the form name=value, separated by commas".to_owned()),
        });
        headers.collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for CollectorHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} secret]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn reads_an_address_without_credentials() {
        assert!(Option::<CollectorUrl>::read("").unwrap().is_none());
        assert_eq!(Option::<CollectorUrl>::read("http://[::1]:4318").unwrap().unwrap().as_str(), "http://[::1]:4318");
        for wrong in ["127.0.0.1:4318", "grpc://host", "http://", "https://user:password@host"] {
            assert!(Option::<CollectorUrl>::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn reads_headers_and_shows_none() {
        let headers = CollectorHeaders::read("authorization=Basic YQ==, x-tenant=velox").unwrap();
        let read: Vec<_> =
            headers.as_slice().iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(read, [("authorization", "Basic YQ=="), ("x-tenant", "velox")]);
        assert_eq!(format!("{headers:?}"), "[2 secret]");
        for wrong in ["authorization", "=x", "a b=c", "a=\u{7}"] {
            assert!(CollectorHeaders::read(wrong).is_err(), "{wrong}");
        }
    }
}

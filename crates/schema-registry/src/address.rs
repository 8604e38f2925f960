//! [`Address`]: where a registry is, and who we are there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use ureq::http::Uri;

/// What is not written as it is in a path's part.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// A text that is no registry's URL. It does not show the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a URL of the form https://user:password@host:8081/path, without a query")]
pub struct InvalidRegistryUrl;

/// Where a registry is: scheme, host, port and path, and the header that says who we are.
pub(crate) struct Address {
    base: String,
    authorization: Option<SecretString>,
    secure: bool,
}

impl Address {
    pub(crate) fn parse(url: &SecretString) -> Result<Self, InvalidRegistryUrl> {
        let uri: Uri = url.expose_secret().trim().parse().map_err(|_| InvalidRegistryUrl)?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or(InvalidRegistryUrl)?;
        let authority = uri.authority().ok_or(InvalidRegistryUrl)?.as_str();
        if uri.query().is_some() || uri.host().is_none_or(str::is_empty) {
            return Err(InvalidRegistryUrl);
        }
        let (credentials, place) = match authority.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, authority),
        };
        let authorization = credentials.map(basic).transpose()?;
        let base = format!("{scheme}://{place}{}", uri.path().trim_end_matches('/'));
        Ok(Self { base, authorization, secure: scheme == "https" })
    }

    /// The URL of a resource: the registry's own path and these parts, of which each may hold anything.
    pub(crate) fn of(&self, parts: &[&str]) -> String {
        parts.iter().fold(self.base.clone(), |url, part| format!("{url}/{}", utf8_percent_encode(part, PART)))
    }

    pub(crate) const fn authorization(&self) -> Option<&SecretString> {
        self.authorization.as_ref()
    }

    pub(crate) const fn is_secure(&self) -> bool {
        self.secure
    }
}

/// RFC 7617; what stands in a URL is percent-encoded there.
fn basic(credentials: &str) -> Result<SecretString, InvalidRegistryUrl> {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let decode = |text| percent_decode_str(text).decode_utf8().map_err(|_| InvalidRegistryUrl);
    let (user, password) = (decode(user)?, decode(password)?);
    if user.contains(':') {
        return Err(InvalidRegistryUrl);
    }
    Ok(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn parse(url: &str) -> Result<Address, InvalidRegistryUrl> {
        Address::parse(&url.to_owned().into())
    }

    #[test]
    fn keeps_the_path_and_takes_the_credentials_out() {
        let address = parse("https://velox:p%40ss%3Aword@registry.example:8081/apis/ccompat/v7/").unwrap();
        assert_eq!(
            address.of(&["subjects", "velox.a/b-value", "versions"]),
            "https://registry.example:8081/apis/ccompat/v7/subjects/velox.a%2Fb-value/versions"
        );
        let expected = format!("Basic {}", STANDARD.encode("velox:p@ss:word"));
        assert_eq!(address.authorization().unwrap().expose_secret(), expected);
        assert!(address.is_secure());

        let address = parse("http://127.0.0.1:8081").unwrap();
        assert_eq!(address.of(&["schemas", "ids", "7"]), "http://127.0.0.1:8081/schemas/ids/7");
        assert!(address.authorization().is_none() && !address.is_secure());
        assert_eq!(parse("http://[::1]:8081/").unwrap().of(&["config"]), "http://[::1]:8081/config");
    }

    #[test]
    fn refuses_what_is_no_such_url() {
        for url in
            ["", "registry:8081", "ftp://registry", "http://", "http://a/?x=1", "http://a%3Ab:c@d", "http://%ff@d"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }
}

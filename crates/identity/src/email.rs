//! [`Email`]: an address that can stand as a user's name.

use std::fmt;
use std::str::FromStr;

/// The longest address in bytes (RFC 5321 §4.5.3.1.3 with the errata: 254).
const LONGEST: usize = 254;
/// The longest part before the `@` in bytes (RFC 5321 §4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;
/// The longest label of a domain in bytes (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;

/// An e-mail address in lower case: a dot-atom and a domain of letters, digits and hyphens (RFC 5322 §3.4.1).
///
/// Quoted local parts, comments and addresses outside ASCII are refused: none is needed to sign in, and look-alikes
/// would make two users seem one. International domains come in their `xn--` form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(Box<str>);

/// A text that is no address we accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an e-mail address of the form name@example.com")]
pub struct InvalidEmail;

impl Email {
    /// The address in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local(&self) -> &str {
        self.0.split('@').next().unwrap_or_default()
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let fits = text.len() <= LONGEST && local.len() <= LONGEST_LOCAL;
        if fits && local.split('.').all(is_atom) && domain.split('.').all(is_label) {
            Ok(Self(text.to_ascii_lowercase().into_boxed_str()))
        } else {
            Err(InvalidEmail)
        }
    }
}

/// One or more of RFC 5322's `atext`.
fn is_atom(atom: &str) -> bool {
    !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn is_lower_case_however_it_was_typed() {
        let email: Email = "Ada.Lovelace+Velox@Example.COM".parse().unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+velox@example.com");
        assert_eq!(email.local(), "ada.lovelace+velox");
    }

    #[test]
    fn refuses_what_is_no_plain_address() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a@b@c",
            "ada @example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "a..b@example.com",
            "ada@-example.com",
            "ada@example..com",
            "ad\u{430}@example.com",
            "\"ada\"@example.com",
            "ada@example.com\n",
            "ada\0@example.com",
            &long,
        ] {
            assert_eq!(text.parse::<Email>(), Err(InvalidEmail), "{text}");
        }
    }
}

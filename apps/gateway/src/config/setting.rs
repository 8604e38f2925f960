//! What a key is, and how its text becomes a value.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The section, such as `server`.
    pub section: &'static str,
    /// The name within it, such as `port`.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// Its value when nobody says otherwise; empty means unset.
    pub default: &'static str,
    /// What the number counts; empty for none.
    pub unit: &'static str,
    /// What is allowed beyond the type.
    pub check: Check,
    /// The type's name in the JSON schema.
    pub json_type: &'static str,
    /// Whether the value is never shown.
    pub secret: bool,
}

impl Key {
    /// The full name: `server.port`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable: `VELOX_SERVER_PORT`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("VELOX_{}_{}", self.section.to_uppercase(), self.name.to_uppercase())
    }
}

/// What is allowed beyond the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Everything of the type.
    Any,
    /// Whole numbers in this range, both ends included.
    Within(u64, u64),
    /// One of these words.
    Words(&'static [&'static str]),
    /// A decimal number from zero up to this one.
    UpTo(&'static str),
    /// A decimal number from the first to the second, with at most so many decimals.
    Between(&'static str, &'static str, u8),
}

impl Check {
    /// In words, after "must be".
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Within(least, most) => format!("a whole number from {least} to {most}"),
            Self::Words(words) => format!("one of {}", words.join(", ")),
            Self::UpTo(most) => format!("a decimal number from 0 to {most}"),
            Self::Between(least, most, decimals) => {
                format!("a decimal number from {least} to {most} with at most {decimals} decimals")
            }
        }
    }

    pub(super) fn allows(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Within(least, most) => text.parse::<u64>().is_ok_and(|value| (*least..=*most).contains(&value)),
            Self::Words(words) => words.contains(&text),
            Self::UpTo(most) => is_between(text, "0", most),
            Self::Between(least, most, decimals) => {
                let places = text.split_once('.').map_or(0, |(_, places)| places.trim_end_matches('0').len());
                places <= usize::from(*decimals) && is_between(text, least, most)
            }
        }
    }
}

fn is_between(text: &str, least: &str, most: &str) -> bool {
    let number = |text: &str| text.parse::<velox_kernel::Decimal>().ok();
    match (number(least), number(text), number(most)) {
        (Some(least), Some(value), Some(most)) => (least..=most).contains(&value),
        _ => false,
    }
}

/// A type that a key may have. Every source hands over text, so there is one way to read it.
pub trait Setting: Sized {
    /// The type in the JSON schema.
    const JSON_TYPE: &'static str;
    /// Whether the value is never shown.
    const SECRET: bool = false;

    /// Reads the text.
    ///
    /// # Errors
    /// What it must be, in words.
    fn read(text: &str) -> Result<Self, String>;
}

macro_rules! parsed {
    ($($type:ty: $json:literal, $words:literal;)*) => {$(
        impl Setting for $type {
            const JSON_TYPE: &'static str = $json;

            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_| concat!("must be ", $words).to_owned())
            }
        }
    )*};
}

parsed! {
    bool: "boolean", "true or false";
    u16: "integer", "a whole number";
    u32: "integer", "a whole number";
    u64: "integer", "a whole number";
    usize: "integer", "a whole number";
    IpAddr: "string", "an IP address, such as 127.0.0.1 or ::1";
    velox_kernel::Decimal: "string", "a decimal number";
    velox_feed_replay::Speed: "string", "a decimal number from 0.001 to 10000 with at most three decimals";
}

impl Setting for String {
    const JSON_TYPE: &'static str = "string";

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Setting for PathBuf {
    const JSON_TYPE: &'static str = "string";

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("must be a path".to_owned()) } else { Ok(Self::from(text)) }
    }
}

impl Setting for Option<PathBuf> {
    const JSON_TYPE: &'static str = "string";

    fn read(text: &str) -> Result<Self, String> {
        Ok((!text.is_empty()).then(|| PathBuf::from(text)))
    }
}

impl Setting for Vec<String> {
    const JSON_TYPE: &'static str = "array";

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
    }
}

impl Setting for Vec<IpNet> {
    const JSON_TYPE: &'static str = "array";

    fn read(text: &str) -> Result<Self, String> {
        let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        let parts = Vec::<String>::read(text)?;
        let read: Result<_, _> = parts.iter().map(|part| network(part)).collect();
        read.map_err(|_| {
            "must be addresses or networks, such as 127.0.0.1 or 10.0.0.0/8, separated by commas".to_owned()
        })
    }
}

/// Declares closed sets of words: an enum that reads and shows itself.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// The words, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl $crate::config::Setting for $name {
            const JSON_TYPE: &'static str = "string";

            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("must be one of {}", Self::WORDS.join(", "))),
                }
            }
        }
    )*};
}

pub(super) use words;

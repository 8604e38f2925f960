//! [`KafkaOptions`]: which cluster, and how to speak to it.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Which cluster, and how to speak to it.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// Some of its brokers, as `host:port`, by commas; the others are asked for.
    pub brokers: String,
    /// What we are called in the brokers' logs and quotas.
    pub client: String,
    /// How it is known who speaks.
    pub security: KafkaSecurity,
    /// How long anything may take that is asked of it.
    pub deadline: Duration,
    /// How batches are compressed.
    pub compression: Compression,
    /// How long a record waits for others to share its batch.
    pub linger: Duration,
    /// The largest batch, in bytes.
    pub batch_bytes: usize,
}

impl KafkaOptions {
    /// A cluster that asks nobody who they are, spoken to as is usual.
    #[must_use]
    pub fn new(brokers: &str) -> Self {
        Self {
            brokers: brokers.to_owned(),
            client: "velox".to_owned(),
            security: KafkaSecurity::default(),
            deadline: Duration::from_secs(10),
            compression: Compression::Lz4,
            linger: Duration::ZERO,
            batch_bytes: 262_144,
        }
    }
}

/// How it is known who speaks.
#[derive(Clone, Debug, Default)]
pub struct KafkaSecurity {
    /// Whether connections are encrypted and the brokers' certificates checked.
    pub tls: bool,
    /// A file of trusted certificates; the system's without it.
    pub ca: Option<PathBuf>,
    /// Who we are.
    pub sasl: Option<Sasl>,
}

/// A name and a password.
#[derive(Clone, Debug)]
pub struct Sasl {
    /// How they are shown.
    pub mechanism: SaslMechanism,
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// How a name and a password are shown (RFC 4616, RFC 5802).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaslMechanism {
    /// As they are: only over TLS.
    Plain,
    /// SCRAM with SHA-256.
    ScramSha256,
    /// SCRAM with SHA-512.
    ScramSha512,
}

impl SaslMechanism {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// How batches are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not.
    None,
    /// Zstandard.
    Zstd,
    /// LZ4.
    Lz4,
    /// Snappy.
    Snappy,
    /// Gzip.
    Gzip,
}

impl Compression {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Gzip => "gzip",
        }
    }
}

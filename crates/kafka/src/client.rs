//! What every client is configured with.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use secrecy::ExposeSecret;

use crate::KafkaOptions;

/// The configuration of a client of this cluster.
pub(crate) fn client(options: &KafkaOptions) -> ClientConfig {
    let KafkaOptions { brokers, client, security, deadline, .. } = options;
    let protocol = match (security.tls, security.sasl.is_some()) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", client)
        .set("security.protocol", protocol)
        .set("socket.keepalive.enable", "true")
        .set("socket.connection.setup.timeout.ms", deadline.as_millis().to_string())
        .set("socket.timeout.ms", deadline.as_millis().max(1_000).to_string())
        .set("reconnect.backoff.ms", "100")
        .set("reconnect.backoff.max.ms", "2000")
        // Brokers come and go while the cluster stays: what is known of it is renewed when asked.
        .set("allow.auto.create.topics", "false")
        .set("log.connection.close", "false");
    // What matters of a connection comes back as an error, and is said once by whoever meets it.
    config.set_log_level(RDKafkaLogLevel::Error);
    if let Some(ca) = &security.ca {
        config.set("ssl.ca.location", ca.to_string_lossy());
    }
    if let Some(sasl) = &security.sasl {
        config
            .set("sasl.mechanism", sasl.mechanism.as_str())
            .set("sasl.username", &sasl.user)
            .set("sasl.password", sasl.password.expose_secret());
    }
    config
}

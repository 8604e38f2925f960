//! `cargo xtask chaos`: the fault campaigns of the end-to-end tests, as long as one likes.
//!
//! The campaigns, and the audit of the books after each, are tests in `apps/gateway/tests/e2e/chaos`; here are only the
//! servers they need, and how long they run.

use crate::servers::{Need, Servers};
use crate::{process, workspace};
use anyhow::Context;
use std::process::ExitCode;
use std::time::Duration;

/// What every campaign needs.
pub(crate) const NEEDS: [Need; 4] = [Need::Postgres, Need::OwnPostgres, Need::Redis, Need::Nginx];

/// What the campaign of Kafka needs besides.
pub(crate) const KAFKA_NEEDS: [Need; 2] = [Need::Kafka, Need::OwnKafka];

/// How long each campaign goes on unless something else is asked for.
const USUAL: Duration = Duration::from_secs(60);

/// The campaign of another file that is about Kafka too.
const NETWORK_TO_KAFKA: &str = "chaos::network::the_ways_to_kafka";

/// What `chaos` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each campaign goes on with faults, such as 90s, 5m; 60s without it, or as `--long` says
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// As long as in `cargo xtask test --full`: campaigns of two minutes, and Kafka away for ten
    #[arg(long)]
    long: bool,
    /// Repeats what clients did and which faults came, as far as the machine's timing allows
    #[arg(long)]
    seed: Option<u64>,
    /// Only the campaigns whose name contains this: disk, failover, gateways, kafka, network,
    /// postgres, redis, restarts
    #[arg(value_name = "CAMPAIGN", conflicts_with = "kafka")]
    only: Option<String>,
    /// Only what is about Kafka: the campaigns called kafka, and that of the network to it
    #[arg(long)]
    kafka: bool,
}

/// Starts what the campaigns need and runs them one after the other; what they see is printed as it happens.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::catch_interrupts()?;
    std::fs::create_dir_all(workspace::scratch())?;
    let mut servers = Servers::new(None)?;
    let mut tests = workspace::cargo();
    let only = if args.kafka { "kafka" } else { args.only.as_deref().unwrap_or_default() };
    tests.args(["test", "-q", "-p", "velox", "--test", "e2e", "--", "--test-threads=1", "--nocapture"]);
    tests.arg(format!("chaos::{only}"));
    tests.args(args.kafka.then_some(NETWORK_TO_KAFKA));
    servers.provide(&NEEDS, &mut tests)?;
    for (campaign, needs) in [("network", &[Need::Toxiproxy][..]), ("kafka", &KAFKA_NEEDS)] {
        // Other campaigns have parts about the network, and none but that one about Kafka.
        if campaign == "kafka" && !campaign.starts_with(only) && !"network".starts_with(only) {
            continue;
        }
        if let Err(reason) = servers.provide(needs, &mut tests) {
            anyhow::ensure!(only.is_empty() || !campaign.starts_with(only), "{reason:#}");
            println!("without the campaigns called {campaign}: {reason:#}");
            tests.args(["--skip", campaign]);
        }
    }
    tests.envs(args.long.then_some(("VELOX_TEST_TIER", "full")));
    let time = args.time.or((!args.long).then_some(USUAL));
    tests.envs(time.map(|time| ("VELOX_TEST_CHAOS_SECONDS", time.as_secs().to_string())));
    tests.envs(args.seed.map(|seed| ("VELOX_TEST_SEED", seed.to_string())));
    let status = process::run_here(&mut tests)?;
    drop(servers);
    Ok(status)
}

/// `90s`, `5m`, `1h`.
fn duration(text: &str) -> anyhow::Result<Duration> {
    let number = text.trim_end_matches(char::is_alphabetic);
    let seconds = match &text[number.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => anyhow::bail!("a number and s, m or h"),
    };
    let number: u64 = number.parse().context("a number and s, m or h")?;
    Ok(Duration::from_secs(number.checked_mul(seconds).context("too long")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(duration("5m").unwrap(), Duration::from_secs(300));
        assert!(duration("5").is_err() && duration("").is_err() && duration("é").is_err());
    }
}

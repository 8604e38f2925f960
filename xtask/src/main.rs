//! The developers' commands of Velox, run as `cargo xtask <command>`.
//!
//! Whatever has logic and is not part of the product lives here, so that the justfile, `.ci/run` and the workflows stay
//! lists of names and a person at a terminal runs exactly what the build server runs.

mod bench;
mod chaos;
mod codegen;
mod dev;
mod java;
mod kafka;
mod layers;
mod leftovers;
mod maven;
mod nginx;
mod ports;
mod postgres;
mod process;
mod programs;
mod python;
mod redis;
mod servers;
mod stack;
mod test;
mod tools;
mod toxiproxy;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The developers' commands of Velox")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run velox from source on a data directory of its own (target/dev); further arguments go to velox
    Dev(dev::Args),
    /// Format, lint and test; starts the servers that the tests need and stops them again
    Test(test::Args),
    /// Faults of every kind against running gateways, while clients trade; then the books must agree
    Chaos(chaos::Args),
    /// Check that dependencies between the crates point inward
    Layers,
    /// Write the generated documents and schemas, or check that they are current
    Codegen(codegen::Args),
    /// Measure, and save the figures with machine and commit under target/bench
    Bench(bench::Args),
    /// Start a throw-away PostgreSQL, run a command with VELOX_TEST_POSTGRES_URL set (or wait for ctrl-c), stop it
    Postgres(postgres::Args),
    /// The same with a throw-away Redis and VELOX_TEST_REDIS_URL
    Redis(redis::Args),
    /// The same with a throw-away Kafka and, when asked for, a Schema Registry
    Kafka(kafka::Args),
    /// The servers that velox may use, on this machine, kept until they are told to go
    #[command(subcommand)]
    Stack(stack::Command),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Layers => layers::run(),
        Command::Codegen(args) => codegen::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Postgres(args) => postgres::run(&args),
        Command::Redis(args) => redis::run(&args),
        Command::Kafka(args) => kafka::run(&args),
        Command::Stack(command) => stack::run(&command),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

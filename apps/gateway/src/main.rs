//! The `velox` binary: command line, configuration, logging, then what was asked for.

use std::error::Error;
use std::future::Future;
use std::io::stdout;
use std::process::ExitCode;

use clap::Parser;
use velox::cli::{Cli, Command, ConfigCommand, MigrateCommand, UserCommand};
use velox::commands::Ending;
use velox::commands::doctor::doctor;
use velox::commands::generate::generate;
use velox::commands::import::import;
use velox::commands::migrate_status::migrate_status;
use velox::commands::print_config::print_config;
use velox::commands::read_topic::read_topic;
use velox::commands::reset_password::reset_password;
use velox::commands::verify::verify;
use velox::config::{self, ConfigError, Settings};
use velox::serve::serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    velox::memory::keep_small();
    let cli = Cli::parse();
    let command = cli.command.as_ref().unwrap_or(&Command::Serve);
    match run(&cli, command) {
        Ok(ending) => ending.into(),
        Err(error) => {
            eprintln!("velox: {error}");
            // For who only looks, an error is no finding.
            let looks = matches!(command, Command::Verify(_) | Command::Migrate(_));
            if looks { Ending::NotChecked.into() } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: &Cli, command: &Command) -> Result<Ending, Box<dyn Error>> {
    let out = &mut stdout();
    match command {
        Command::Serve => {
            let settings = settings(cli)?;
            let telemetry = velox::telemetry::start(&settings.config.telemetry)?;
            velox::logging::start(&settings.config.log, telemetry.as_ref())?;
            let served = wait(serve(settings.config));
            if let Some(telemetry) = telemetry {
                telemetry.end(velox::telemetry::FLUSH);
            }
            served??;
        }
        Command::Import(arguments) => wait(import(&settings(cli)?.config, arguments, out))??,
        Command::Verify(arguments) => return Ok(wait(verify(&settings(cli)?.config, *arguments, out))??),
        Command::Doctor { json } => return Ok(wait(doctor(settings(cli), *json, out))??),
        Command::Topic(arguments) => wait(read_topic(&settings(cli)?.config, arguments, out))??,
        Command::Migrate(MigrateCommand::Status) => return Ok(wait(migrate_status(&settings(cli)?.config, out))??),
        Command::User(UserCommand::ResetPassword { email }) => {
            wait(reset_password(&settings(cli)?.config, email, out))??;
        }
        Command::Config(ConfigCommand::Print { redacted }) => print_config(&settings(cli)?, *redacted, out)?,
        Command::Version => println!("velox {}", env!("CARGO_PKG_VERSION")),
        Command::Generate { document } => generate(*document, out)?,
    }
    Ok(Ending::Well)
}

fn settings(cli: &Cli) -> Result<Settings, ConfigError> {
    config::load(&cli.settings.sources(std::env::vars()))
}

/// Runs a command on a runtime of its own.
fn wait<T>(command: impl Future<Output = T>) -> std::io::Result<T> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command))
}

//! The `velox` binary: command line, configuration, logging, then what was asked for.

use std::process::ExitCode;

use clap::Parser;
use velox::cli::{Cli, Command, ConfigCommand, Document};
use velox::config::{self, Settings};
use velox::http::{error_docs, openapi, routes};
use velox::serve::serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("velox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Box<dyn std::error::Error>> {
    match cli.command.as_ref().unwrap_or(&Command::Serve) {
        Command::Serve => {
            let settings = settings(cli)?;
            velox::logging::start(&settings.config.log)?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(settings.config))?;
        }
        Command::Config(ConfigCommand::Print { redacted }) => {
            print!("{}", config::print_effective(&settings(cli)?, *redacted));
        }
        Command::Version => println!("velox {}", env!("CARGO_PKG_VERSION")),
        Command::Generate { document } => print!("{}", generate(*document)),
    }
    Ok(())
}

fn settings(cli: &Cli) -> Result<Settings, config::ConfigError> {
    config::load(&cli.settings.sources(std::env::vars()))
}

fn generate(document: Document) -> String {
    match document {
        Document::ConfigDocs => config::to_markdown(),
        Document::ConfigSchema => config::to_json_schema(),
        Document::Openapi => openapi::to_text(&routes()) + "\n",
        Document::ErrorCodes => error_docs::to_markdown(),
    }
}

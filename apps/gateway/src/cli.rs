//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use velox_identity::Email;

use crate::commands::generate::Document;
use crate::commands::import::ImportArgs;
use crate::commands::read_topic::TopicArgs;
use crate::commands::verify::VerifyArgs;
use crate::config::Sources;

/// The variable that `velox import` takes a password from: no key of the configuration.
const PASSWORD_VARIABLE: &str = "VELOX_PASSWORD";

/// Velox: algorithmic trading in one binary. Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "velox", version, about, args_conflicts_with_subcommands = false)]
pub struct Cli {
    /// Where configuration comes from.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Args, Debug, Default)]
pub struct SettingsArgs {
    /// The configuration file [default: velox.toml, when there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sets a key of the configuration, such as server.port=3000
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// The address to listen on (server.bind)
    #[arg(long, global = true)]
    pub bind: Option<IpAddr>,
    /// The port to listen on (server.port)
    #[arg(long, global = true)]
    pub port: Option<u16>,
    /// The directory of the embedded database (data.dir)
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What this process does: gateway, execution, market-data, risk, relay, by commas, or all (process.roles)
    #[arg(long, global = true, value_name = "ROLES")]
    pub roles: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the API (the default)
    Serve,
    /// Looks at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Loads recorded bars or trades from a CSV file
    Import(ImportArgs),
    /// Checks that the log's hashes chain and that replaying it gives the read tables: 0 clean, 1 faults, 2 not checked
    Verify(VerifyArgs),
    /// Says what is wrong with this installation and how to mend it
    Doctor {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Prints what is on a topic of Kafka, one JSON object a line
    Topic(TopicArgs),
    /// Looks at the schema of the database
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Looks after users
    #[command(subcommand)]
    User(UserCommand),
    /// Says which build this is
    Version,
    /// Writes a generated document to standard output
    #[command(hide = true)]
    Generate {
        /// Which one.
        document: Document,
    },
}

/// Commands about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Prints every key with its value and where that came from
    Print {
        /// Hides secrets; they are shown otherwise
        #[arg(long)]
        redacted: bool,
    },
}

/// Commands about the schema of the database.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum MigrateCommand {
    /// Says which migrations are applied and which are pending
    Status,
}

/// Commands about users.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Sets a new random password, prints it once, and ends the user's sessions; the server must be stopped
    ResetPassword {
        /// The user's e-mail address
        email: Email,
    },
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as key=value, such as server.port=3000")?;
    Ok((key.trim().to_owned(), value.to_owned()))
}

impl SettingsArgs {
    /// The sources of the configuration, with the given environment.
    #[must_use]
    pub fn sources(&self, environment: impl Iterator<Item = (String, String)>) -> Sources {
        let environment: Vec<(String, String)> =
            environment.filter(|(name, _)| name.starts_with("VELOX_") && name != PASSWORD_VARIABLE).collect();
        let named = environment.iter().find(|(name, _)| name == "VELOX_CONFIG").map(|(_, path)| PathBuf::from(path));
        let mut flags: Vec<(String, String, String)> =
            self.set.iter().map(|(key, value)| ("--set".to_owned(), key.clone(), value.clone())).collect();
        let mut flag = |flag: &str, key: &str, value: Option<String>| {
            flags.extend(value.map(|value| (flag.to_owned(), key.to_owned(), value)));
        };
        flag("--bind", "server.bind", self.bind.map(|bind| bind.to_string()));
        flag("--port", "server.port", self.port.map(|port| port.to_string()));
        flag("--data-dir", "data.dir", self.data_dir.as_ref().map(|dir| dir.display().to_string()));
        flag("--roles", "process.roles", self.roles.clone());
        Sources { file: self.config.clone().or(named), environment, flags }
    }
}

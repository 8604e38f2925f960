//! What the binary does besides serving: one command, one file.

mod api_client;
mod database;
pub mod doctor;
pub mod generate;
pub mod import;
pub mod migrate_status;
pub mod print_config;
pub mod read_topic;
pub mod reset_password;
pub mod verify;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Config;

/// How a command ended, as its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// 0: all is well.
    Well,
    /// 1: something is wrong with what was looked at.
    Faults,
    /// 2: it could not be looked at.
    NotChecked,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Well => 0,
            Ending::Faults => 1,
            Ending::NotChecked => 2,
        })
    }
}

/// Where a server of this configuration answers, seen from this machine.
fn server_url(config: &Config) -> String {
    let bind = match config.server.bind {
        IpAddr::V4(bind) if bind.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(bind) if bind.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        bind => bind,
    };
    format!("http://{}", SocketAddr::new(bind, config.server.port))
}

/// The file of the installation's keys.
fn keys_file(config: &Config) -> PathBuf {
    config.secrets.keys_file.clone().unwrap_or_else(|| config.data.dir.join("keys.json"))
}

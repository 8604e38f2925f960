//! `cargo xtask stack`: the servers that velox may use, on this machine, until they are told to go. By Docker Compose
//! where an engine runs, as plain processes where not.

mod compose;
mod identity;
mod kafka;
mod native;
mod postgres;
mod redis;
mod registry;
mod service;
mod state;

use crate::{process, workspace};
use anyhow::{Context, ensure};
use service::Service;
use state::{Engine, State};
use std::io::{BufRead, IsTerminal};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `stack` does.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Start what does not run, wait until all is usable, and say where it is
    Up(Wish),
    /// Stop it; the data stay
    Down,
    /// Say what runs and where; the exit code is 1 when something does not
    Status,
    /// Show the output of all services, or of one
    Logs {
        service: Option<Service>,
        /// Go on until ctrl-c
        #[arg(long, short)]
        follow: bool,
    },
    /// Stop it, delete the data, start it again
    Reset {
        /// Do not ask
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        wish: Wish,
    },
}

/// What a stack is to be. It is remembered until `reset` says something else.
#[derive(Default, clap::Args)]
pub(crate) struct Wish {
    /// As processes of this machine, also where Docker runs
    #[arg(long)]
    native: bool,
    /// How many brokers: 1, or 3, of which one may be killed
    #[arg(long, value_name = "N", value_parser = one_or_three)]
    kafka_nodes: Option<u16>,
    /// Only these; later starts add to them. All, when none is named
    services: Vec<Service>,
}

fn one_or_three(text: &str) -> Result<u16, &'static str> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        _ => Err("1 or 3"),
    }
}

/// Does one of them.
pub(crate) fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Up(wish) => {
            process::catch_interrupts()?;
            up(wish)?;
        }
        Command::Down => down(&mut State::open()?)?,
        Command::Status => return status(&State::open()?),
        Command::Logs { service, follow } => return logs(*service, *follow),
        Command::Reset { yes, wish } => {
            ensure!(*yes || confirmed()?, "nothing was deleted");
            process::catch_interrupts()?;
            reset(&mut State::open()?, wish)?;
            up(wish)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts what does not run, waits until all is usable, says where it is, and gives the variables for velox.
pub(crate) fn up(wish: &Wish) -> anyhow::Result<Vec<(&'static str, String)>> {
    let mut state = State::open()?;
    state.want(&wish.services)?;
    state.set_kafka_nodes(wish.kafka_nodes)?;
    let engine = match state.engine() {
        Some(engine) => engine,
        None if !wish.native && compose::is_here() => Engine::Compose,
        None => Engine::Native,
    };
    state.set_engine(engine)?;
    match engine {
        Engine::Compose => compose::up(&mut state)?,
        Engine::Native => native::up(&mut state)?,
    }
    for service in state.wanted() {
        service.settle(state.service(service).map_or(0, |known| known.port))?;
    }
    status(&state)?;
    Ok(variables(&state))
}

fn down(state: &mut State) -> anyhow::Result<()> {
    match state.engine() {
        Some(Engine::Compose) => compose::down(state),
        Some(Engine::Native) => native::down(state),
        None => Ok(()),
    }
}

/// Stops everything and deletes all data; velox's own with them, which is worth nothing without its database.
fn reset(state: &mut State, wish: &Wish) -> anyhow::Result<()> {
    match state.engine() {
        Some(Engine::Compose) => compose::delete(state)?,
        Some(Engine::Native) => {
            native::down(state)?;
            native::delete(state)?;
        }
        None => {}
    }
    let velox = velox_folder();
    if velox.exists() {
        std::fs::remove_dir_all(&velox).with_context(|| format!("cannot remove {}", velox.display()))?;
    }
    state.forget(&wish.services, wish.kafka_nodes)
}

fn confirmed() -> anyhow::Result<bool> {
    ensure!(std::io::stdin().is_terminal(), "the data would be deleted: say --yes");
    println!("This deletes the data of the stack. Go on? [y/N]");
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "yes"))
}

fn status(state: &State) -> anyhow::Result<ExitCode> {
    let healthy = match state.engine() {
        Some(Engine::Compose) => compose::running(state)?,
        Some(Engine::Native) => state.wanted().into_iter().filter(|service| native::runs(state, *service)).collect(),
        None => Vec::new(),
    };
    let mut all = true;
    for service in state.wanted() {
        let usable = healthy.contains(&service)
            && (state.engine() == Some(Engine::Compose)
                || state.service(service).is_some_and(|known| service.is_usable(known.port)));
        let word = match (usable, healthy.contains(&service)) {
            (true, _) => "usable",
            (false, true) => "running, does not answer",
            (false, false) => "stopped",
        };
        all &= usable;
        let port = state.service(service).map_or_else(String::new, |known| format!(", port {}", known.port));
        println!("{:10} {word}{port}", service.name());
    }
    if all {
        println!();
        for (name, value) in variables(state).into_iter().chain(kafka::test_variables(state)) {
            println!("{name}={value}");
        }
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What velox is told.
fn variables(state: &State) -> Vec<(&'static str, String)> {
    let told = |service: Service| service.variable(state.service(service)?.port);
    state.wanted().into_iter().filter_map(told).chain(kafka::variables(state)).collect()
}

/// Becomes the program that shows the output.
fn logs(service: Option<Service>, follow: bool) -> anyhow::Result<ExitCode> {
    let state = State::open()?;
    let mut command = if state.engine() == Some(Engine::Compose) {
        compose::logs(&state, service, follow)
    } else {
        let files = Service::ALL.into_iter().filter(|one| service.is_none_or(|wanted| wanted == *one)).map(native::log);
        let files: Vec<_> = files.filter(|file| file.exists()).collect();
        ensure!(!files.is_empty(), "nothing was started yet: cargo xtask stack up");
        let mut tail = std::process::Command::new("tail");
        tail.args(["-n", "200"]).args(follow.then_some("-F")).args(files);
        tail
    };
    drop(state);
    Err(command.exec().into())
}

/// Where the stack keeps everything.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("stack")
}

/// Where velox keeps its files when it runs on the stack.
pub(crate) fn velox_folder() -> PathBuf {
    folder().join("velox")
}

/// A word that tells this clone from others of the same machine.
fn slug() -> String {
    let path = workspace::root().to_string_lossy().to_lowercase();
    let slug = path.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
    slug.trim_matches('-').to_owned()
}

//! Several gateways and nginx in front of them, and the other roles beside them where they are split, until ctrl-c.

use super::Args;
use super::member::Member;
use crate::{nginx, ports, process, stack, workspace};
use anyhow::{Context, bail, ensure};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Until a process must be ready.
const LIMIT: Duration = Duration::from_secs(60);
/// The roles beside the gateways'.
const OTHERS: [&str; 4] = ["market-data", "execution", "risk", "relay"];

/// Starts everything, tells where it is, and ends it all, in order, when it is told to or when nothing is left.
pub(super) fn run(args: &Args, variables: &[(&str, String)]) -> anyhow::Result<ExitCode> {
    let listen = format!("127.0.0.1:{}", args.nginx_port);
    TcpListener::bind(&listen).with_context(|| format!("nginx cannot have {listen}: take another --nginx-port"))?;
    nginx::find()?;
    let velox = workspace::build_velox()?;
    let ports = ports::free(args.gateways)?;
    let mut members = Vec::new();
    let mut start = |name: String, role: Option<&str>, port: u16| {
        let mut command = server(&velox, port);
        command.envs(variables.iter().cloned()).args(role.iter().flat_map(|role| ["--roles", role])).args(&args.velox);
        let member = Member::start(name, &mut command)?;
        members.push(member);
        // One after the other: the first makes keys, schema and owner.
        wait_until_ready(&mut members, port)
    };
    for (number, port) in (1..).zip(&ports) {
        start(format!("gateway-{number}"), args.split.then_some("gateway"), *port)?;
    }
    if args.split {
        for role in OTHERS {
            for (number, port) in (1..).zip(ports::free(args.workers)?) {
                start(format!("{role}-{number}"), Some(role), port)?;
            }
        }
    }
    let mut command = nginx::prepare(&stack::folder().join("nginx"), &listen, &ports)?;
    members.push(Member::start("nginx".to_owned(), &mut command)?);
    let data = stack::velox_folder();
    println!("\n{} gateways behind http://{listen}: {}", ports.len(), addresses(&ports));
    if args.split {
        println!("beside them, {} of each of {}", args.workers, OTHERS.join(", "));
    }
    println!("the owner's first password is in {}", data.join("first-sign-in.txt").display());
    println!("nginx runs by {}; ctrl-c ends all\n", stack::folder().join("nginx/nginx.conf").display());
    process::until(Duration::MAX, || {
        let running = members.iter_mut().filter_map(Member::runs).count();
        // Kill one gateway and look what happens; without nginx, or with nginx alone, there is nothing to see.
        Ok(running < 2 || members.last_mut().and_then(Member::runs).is_none())
    })?;
    let by_us = process::interrupted();
    // Gateways first, one after the other, as a rolling restart would: nginx sends to those that are left.
    members.into_iter().for_each(drop);
    Ok(if by_us { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn server(velox: &Path, port: u16) -> Command {
    let mut command = process::ending_with_us(velox);
    // They share their keys, and the sign-in that the first one makes.
    command.arg("--data-dir").arg(stack::velox_folder()).args(["--port", &port.to_string()]);
    command.env("VELOX_LOG_FORMAT", "pretty").env("NO_COLOR", "1");
    command
}

fn wait_until_ready(members: &mut [Member], port: u16) -> anyhow::Result<()> {
    let member = members.last_mut().context("nothing was started")?;
    let ready = process::until(LIMIT, || {
        ensure!(member.runs().is_some(), "{} ended at once", member.name);
        Ok(process::answers_ok(port, "/readyz"))
    })?;
    if process::interrupted() {
        bail!("interrupted");
    }
    ensure!(ready, "{} is not ready on port {port}", member.name);
    Ok(())
}

fn addresses(ports: &[u16]) -> String {
    let addresses: Vec<_> = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
    addresses.join(", ")
}

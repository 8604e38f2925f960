//! What the house costs a request that does nothing: `/livez` of velox against a bare actix handler.

use super::load::{self, Load, Measured};
use super::ratio::interleaved;
use super::report::Figure;
use super::server::{Server, build_release, free_address, resident_kib};
use super::velox::Program;
use super::{Settings, velox};
use std::cell::RefCell;
use std::process::Command;

/// Enough to keep the server busy.
const CONNECTIONS: u32 = 32;
const REQUEST: &[u8] = b"GET /livez HTTP/1.1\r\nhost: bench\r\n\r\n";

/// The ratio in requests by server CPU second, and what both did in the last round.
pub(super) fn run(settings: &Settings) -> anyhow::Result<Vec<Figure>> {
    let velox = velox::start(Program::Velox, "livez", &[])?;
    let bare = start_bare()?;
    let (last_velox, last_bare) = (RefCell::new(None), RefCell::new(None));
    let measure = |server: &Server, last: &RefCell<Option<Measured>>| {
        let load = Load {
            address: server.address,
            pid: server.pid(),
            database: None,
            connections: CONNECTIONS,
            warm_up: settings.warm_up(),
            measure: settings.measure(),
        };
        let measured = load::run(&load, |_, _, bytes| bytes.extend_from_slice(REQUEST))?;
        anyhow::ensure!(measured.refused == 0, "refused: {:?}", measured.first_refusal);
        let figure = measured.per_cpu_second();
        *last.borrow_mut() = Some(measured);
        Ok(figure)
    };
    let ratio = interleaved(settings.rounds, || measure(&velox.server, &last_velox), || measure(&bare, &last_bare))?;
    let mut figures = vec![
        ratio.figure("/livez, velox against a bare actix handler, requests by server CPU second")?,
        Figure::new("velox, start to the first 200", velox.server.ready_after.as_secs_f64() * 1e3, "ms"),
    ];
    for (name, server, last) in [("velox", &velox.server, last_velox), ("bare", &bare, last_bare)] {
        let Some(measured) = last.into_inner() else { continue };
        let detail = measured.json();
        figures.push(
            Figure::new(format!("{name}, requests"), measured.per_cpu_second(), "1/CPU s").detail(detail.clone()),
        );
        figures.push(Figure::new(format!("{name}, requests"), measured.per_second(), "1/s"));
        figures.push(Figure::new(format!("{name}, server CPU a request"), measured.cpu_micros(), "us"));
        let p99 = std::time::Duration::from_micros(measured.latency.value_at_quantile(0.99));
        figures.push(Figure::new(format!("{name}, p99"), p99.as_secs_f64() * 1e3, "ms"));
        let memory = u32::try_from(resident_kib(server.pid())?)?;
        figures.push(Figure::new(format!("{name}, resident memory after the load"), f64::from(memory) / 1024.0, "MiB"));
    }
    Ok(figures)
}

/// The example `bare_actix`, on as many workers as velox has by default.
fn start_bare() -> anyhow::Result<Server> {
    let program = build_release(&["--package", "xtask", "--example", "bare_actix"])?.join("examples/bare_actix");
    let address = free_address()?;
    let log = crate::workspace::target().join("bench/bare-actix.log");
    Server::start(Command::new(program).arg(address.to_string()), address, &log)
}

//! A sync ends after a commit's last write and before the answer: seen at the process that writes to the disk. And the
//! same look finds that none does when syncs are switched off, so that it would notice.

use std::process::Command;

use crate::api::Api;
use crate::audit::text;
use crate::database::Syncs;
use crate::installation::{Installation, Store};
use crate::server::Server;
use crate::story::{resting, wait_until};
use crate::trace::{Call, Trace};
use crate::waiting::say;

/// Orders that are looked at.
const ORDERS: usize = 8;

/// What was seen of one order: how long before its answer the sync ended, in microseconds.
type Seen = Result<u64, String>;

#[test]
fn on_sqlite_a_sync_ends_between_a_commits_last_write_and_the_answer() {
    let seen = look(&Installation::on_sqlite(), |_| {});
    all_synced(&seen);
}

#[test]
fn on_sqlite_without_syncs_none_does() {
    let seen = look(&Installation::on_sqlite(), |command| {
        command.env("VELOX_TEST_SYNCHRONOUS", "off");
    });
    none_synced(&seen);
}

#[test]
fn on_postgres_a_sync_ends_between_a_commits_last_write_and_the_answer() {
    let seen = look(&Installation::on_postgres(Syncs::On), |_| {});
    all_synced(&seen);
}

#[test]
fn on_postgres_without_syncs_none_does() {
    // The trace reads what is sent: it must not be encrypted.
    let installation = Installation::on_postgres(Syncs::Off);
    let url = format!("{}?sslmode=disable", installation.database().url);
    let seen = look(&installation, |command| {
        command.env("VELOX_DATABASE_URL", url);
    });
    none_synced(&seen);
}

fn all_synced(seen: &[Seen]) {
    let before: Vec<_> = seen.iter().map(|seen| seen.as_ref().unwrap_or_else(|missing| panic!("{missing}"))).collect();
    say(&format!("the sync ended so many microseconds before the answer: {before:?}"));
}

fn none_synced(seen: &[Seen]) {
    for seen in seen {
        let missing = seen.as_ref().expect_err("nothing syncs, and yet a sync was seen");
        assert!(missing.contains("no sync"), "{missing}");
    }
}

/// Places orders one after the other under a trace, and looks for the sync of each.
fn look(installation: &Installation, prepare: impl FnOnce(&mut Command)) -> Vec<Seen> {
    let mut command = installation.serve();
    prepare(&mut command);
    let server = Server::start(&mut command);
    let mut api = installation.trader(&server);
    let account = api.account();
    place(&mut api, &account, "before-the-trace");
    let trace = Trace::attach(&processes(installation, &server));
    let names: Vec<String> = (0..ORDERS).map(|number| format!("traced-{number}-of-{ORDERS}")).collect();
    for name in &names {
        place(&mut api, &account, name);
    }
    let calls = trace.end();
    server.stop();
    let judge = match &installation.store {
        Store::Sqlite => on_sqlite,
        Store::Postgres(_) => on_postgres,
    };
    names.iter().map(|name| judge(&calls, name)).collect()
}

/// Places an order and waits until it works at the broker, so that the next one's commit is by itself.
fn place(api: &mut Api, account: &str, name: &str) {
    let order = api.place(&resting(account, name));
    wait_until(api, text(&order, "id"), "new");
}

/// Who has to be looked at: Velox, and on PostgreSQL its sessions, the process that writes ahead, and the one that
/// begins sessions.
fn processes(installation: &Installation, server: &Server) -> Vec<u32> {
    let mut processes = vec![server.pid()];
    if let Store::Postgres(database) = &installation.store {
        let sql = database.sql();
        let sessions = sql.run(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter' \
             OR datname = current_database() AND application_name = 'velox' \
             UNION ALL SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int",
        );
        processes.extend(sessions.iter().map(|pid| pid.parse::<u32>().unwrap()));
    }
    processes
}

/// Velox's answer to the order of this name.
fn answer<'a>(calls: &'a [Call], name: &str) -> Result<&'a Call, String> {
    let is_answer = |call: &&Call| call.is_write() && call.carries("HTTP/1.1 201") && call.carries(name);
    calls.iter().find(is_answer).ok_or_else(|| format!("{name}: no answer"))
}

/// A sync of a file of the log that covers `last` and ends before the answer.
fn sync_between(calls: &[Call], last: &Call, answer: &Call, file: impl Fn(&str) -> bool, name: &str) -> Seen {
    if last.ended > answer.began {
        return Err(format!("{name}: no sync: its commit was still being written when it was answered"));
    }
    let covers =
        |call: &&Call| call.is_sync() && file(&call.file) && call.began >= last.ended && call.ended <= answer.began;
    let sync = calls.iter().find(covers);
    sync.map(|sync| answer.began - sync.ended)
        .ok_or_else(|| format!("{name}: no sync between the commit's last write and the answer"))
}

/// A frame of SQLite's write-ahead log is a header of 24 bytes and a page. The header of a commit's last frame has the
/// size of the file in its second word, all others zero (<https://www.sqlite.org/fileformat2.html#walformat>).
fn on_sqlite(calls: &[Call], name: &str) -> Seen {
    let is_log = |file: &str| file.ends_with("-wal");
    let answer = answer(calls, name)?;
    let writes: Vec<_> = calls.iter().filter(|call| call.is_write() && is_log(&call.file)).collect();
    let first = writes.iter().position(|call| call.carries(name)).ok_or(format!("{name}: not in the log"))?;
    // The page that names the order comes behind the header of its frame.
    let frames = &writes[first.saturating_sub(1)..];
    let ends_commit = |call: &Call| call.data.len() == 24 && call.data[4..8] != [0; 4];
    let header = frames.iter().position(|call| ends_commit(call)).ok_or(format!("{name}: its commit has no end"))?;
    let last = frames.get(header + 1).ok_or(format!("{name}: the commit's last page is missing"))?;
    sync_between(calls, last, answer, is_log, name)
}

/// A session takes the statement, writes what is new of the write-ahead log or finds it written by another, waits until
/// that is synced by itself or another, and replies.
fn on_postgres(calls: &[Call], name: &str) -> Seen {
    let is_log = |file: &str| file.contains("/pg_wal/");
    let answer = answer(calls, name)?;
    let taken = calls
        .iter()
        .find(|call| {
            call.thread != answer.thread && call.name == "recvfrom" && call.carries(name) && !call.carries("HTTP/1.1")
        })
        .ok_or(format!("{name}: no session took it"))?;
    let reply = calls
        .iter()
        .find(|call| call.thread == taken.thread && call.name == "sendto" && call.began >= taken.ended)
        .ok_or(format!("{name}: the session did not reply"))?;
    if reply.began > answer.began {
        return Err(format!("{name}: it was answered before the session replied"));
    }
    let last = calls
        .iter()
        .rfind(|call| {
            let within = call.began >= taken.ended && call.ended <= reply.began;
            within && call.is_write() && is_log(&call.file) && (call.thread == taken.thread || call.carries(name))
        })
        .ok_or(format!("{name}: nothing was written before the reply"))?;
    sync_between(calls, last, reply, is_log, name)
}

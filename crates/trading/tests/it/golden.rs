//! Logs of each release, replayed: what was written once can be read for ever, and comes to the same account.
//!
//! `VELOX_WRITE_GOLDEN=1` writes the newest log again; do so only before its release.

mod script;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use velox_kernel::{AccountId, CommandId, Digest, Principal, RequestId, Timestamp};
use velox_trading::{Account, EVENT_VERSION, Projector, RecordedEvent};

use script::scripted;

/// The log that today's code writes.
const NEWEST: &str = "v1";

/// A line of a golden log: the envelope, and the payload's exact text.
#[derive(Serialize, Deserialize)]
struct Line {
    account: AccountId,
    seq: u64,
    kind: std::borrow::Cow<'static, str>,
    version: u16,
    market_time: Timestamp,
    recorded_at: Timestamp,
    actor: Principal,
    cause: CommandId,
    request: Option<RequestId>,
    prev_hash: Digest,
    hash: Digest,
    payload: String,
}

impl From<Line> for RecordedEvent {
    fn from(line: Line) -> Self {
        let Line {
            account, seq, kind, version, market_time, recorded_at, actor, cause, request, prev_hash, hash, ..
        } = line;
        let payload = line.payload.into();
        // They were written before events had a trace, which is not hashed.
        let trace = None;
        Self {
            account,
            seq,
            kind,
            version,
            market_time,
            recorded_at,
            actor,
            cause,
            request,
            prev_hash,
            hash,
            payload,
            trace,
        }
    }
}

impl From<&RecordedEvent> for Line {
    fn from(event: &RecordedEvent) -> Self {
        let payload = String::from_utf8(event.payload.to_vec()).unwrap();
        let RecordedEvent { account, seq, kind, version, market_time, recorded_at, actor, cause, request, .. } =
            event.clone();
        let (prev_hash, hash) = (event.prev_hash, event.hash);
        Self { account, seq, kind, version, market_time, recorded_at, actor, cause, request, prev_hash, hash, payload }
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name)
}

fn read(release: &str) -> Vec<RecordedEvent> {
    let text = std::fs::read_to_string(file(&format!("{release}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().into()).collect()
}

/// The account's state as JSON, laid out to be read in a difference.
fn state_of(account: &Account) -> String {
    serde_json::to_string_pretty(account).unwrap() + "\n"
}

#[test]
fn every_released_log_replays_to_its_account() {
    for release in [NEWEST] {
        let events = read(release);
        let mut account = Account::unopened(events[0].account);
        let (mut projector, mut hash) = (Projector::default(), Digest::ZERO);
        for recorded in &events {
            recorded.check_follows(account.seq(), hash).unwrap();
            hash = recorded.hash;
            let event = recorded.event().unwrap();
            assert_eq!(event.fact.kind(), recorded.kind);
            projector.apply(&mut account, &event, None).unwrap();
        }
        let expected = std::fs::read_to_string(file(&format!("{release}.state.json"))).unwrap();
        assert_eq!(state_of(&account), expected, "{release}");
        assert_eq!(serde_json::from_str::<Account>(&expected).unwrap(), account, "{release}");
    }
}

#[test]
fn the_newest_log_is_what_today_s_code_writes() {
    let desk = scripted();
    if std::env::var_os("VELOX_WRITE_GOLDEN").is_some() {
        let lines = desk.log().iter().map(|event| serde_json::to_string(&Line::from(event)).unwrap() + "\n");
        std::fs::write(file(&format!("{NEWEST}.jsonl")), lines.collect::<String>()).unwrap();
        std::fs::write(file(&format!("{NEWEST}.state.json")), state_of(desk.account())).unwrap();
    }
    let golden = read(NEWEST);
    for (event, golden) in desk.log().iter().zip(&golden) {
        assert_eq!(Line::from(event).payload, Line::from(golden).payload, "event {}", event.seq);
        assert_eq!(event, golden);
    }
    assert_eq!(desk.log().len(), golden.len());
}

#[test]
fn every_kind_of_fact_is_in_the_newest_log_and_is_written_again_as_it_was_read() {
    let mut kinds = std::collections::BTreeSet::new();
    for recorded in read(NEWEST) {
        let event = recorded.event().unwrap();
        assert_eq!(serde_json::to_vec(&event.fact).unwrap(), recorded.payload, "event {}", recorded.seq);
        assert_eq!(recorded.version, EVENT_VERSION);
        kinds.insert(recorded.kind);
    }
    assert_eq!(kinds.len(), 21, "{kinds:?}");
}

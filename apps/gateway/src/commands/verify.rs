//! `velox verify`: whether what is kept is what was kept: hashes chain, and the log gives the read tables.
//!
//! It reads beside a running server. One account is in memory at a time.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;
use velox_kernel::AccountId;
use velox_trading::{AccountRow, StoreError, TradingQueries, VerifyError, verify_account};

use super::Ending;
use super::database::{Reading, State};
use crate::config::Config;

/// Accounts read at a time.
const PAGE: u32 = 100;
/// Faults kept for the JSON report; further ones are counted.
const MOST_FAULTS: usize = 1_000;

/// What to check.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct VerifyArgs {
    /// Check this account alone
    #[arg(long, value_name = "ID")]
    pub account: Option<AccountId>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What was checked, and what is wrong.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Whether everything was checked.
    complete: bool,
    accounts: u64,
    events: u64,
    orders: u64,
    fills: u64,
    seconds: f64,
    /// How many faults there are.
    fault_count: usize,
    /// The first of them.
    faults: Vec<String>,
    /// Why not everything was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Checks the database, prints what was found and says how it went.
///
/// # Errors
/// The output cannot be written.
pub async fn verify(config: &Config, args: VerifyArgs, out: &mut (dyn Write + Send)) -> io::Result<Ending> {
    let begun = Instant::now();
    let mut work = Work { report: Report::default(), out, json: args.json };
    match work.check(config, args.account).await {
        Ok(()) => work.report.complete = work.report.error.is_none(),
        Err(Stop::Unreadable(error)) => work.report.error = Some(error),
        Err(Stop::Output(error)) => return Err(error),
    }
    work.report.seconds = begun.elapsed().as_secs_f64();
    work.finish()
}

/// Why the work ended early.
enum Stop {
    Unreadable(String),
    Output(io::Error),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

struct Work<'a> {
    report: Report,
    out: &'a mut (dyn Write + Send),
    json: bool,
}

impl Work<'_> {
    async fn check(&mut self, config: &Config, only: Option<AccountId>) -> Result<(), Stop> {
        let database = match Reading::open(config).await {
            Ok(database) => database,
            Err(State::Corrupt(what)) => return self.fault(damaged(&what)),
            Err(state) => return Err(Stop::Unreadable(describe(config, state))),
        };
        let checked = self.all_of(&database, config, only).await;
        database.close().await;
        checked
    }

    async fn all_of(&mut self, database: &Reading, config: &Config, only: Option<AccountId>) -> Result<(), Stop> {
        let Some(account) = only else {
            match database.check_integrity().await {
                State::Current => {}
                State::Corrupt(what) => self.fault(damaged(&what))?,
                state => return Err(Stop::Unreadable(describe(config, state))),
            }
            return self.accounts(database).await;
        };
        let row = find(database.queries(), account).await?;
        let row = row.ok_or_else(|| Stop::Unreadable(format!("there is no account {account}")))?;
        self.account(database, &row).await
    }

    async fn accounts(&mut self, database: &Reading) -> Result<(), Stop> {
        let mut after = None;
        loop {
            let page = match database.queries().all_accounts(after, PAGE).await {
                Err(StoreError::Corrupt(what)) => return self.fault(format!("the accounts cannot be read: {what}")),
                page => page?,
            };
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.id);
            for row in &page {
                self.account(database, row).await?;
            }
        }
    }

    async fn account(&mut self, database: &Reading, row: &AccountRow) -> Result<(), Stop> {
        match verify_account(database.log(), database.queries(), row).await {
            Ok(findings) => {
                self.report.accounts += 1;
                self.report.events += findings.events;
                self.report.orders += findings.orders;
                self.report.fills += findings.fills;
                findings.faults.into_iter().try_for_each(|fault| self.fault(fault))
            }
            Err(VerifyError::Store(StoreError::Corrupt(what))) => {
                self.report.accounts += 1;
                self.fault(format!("{}: a row cannot be read: {what}", row.id))
            }
            Err(VerifyError::Store(error)) => Err(error.into()),
            // The others are checked all the same; what is left is said at the end.
            Err(busy @ VerifyError::Busy(_)) => {
                self.report.error = Some(busy.to_string());
                Ok(())
            }
        }
    }

    fn fault(&mut self, fault: String) -> Result<(), Stop> {
        self.report.fault_count += 1;
        if self.json {
            if self.report.faults.len() < MOST_FAULTS {
                self.report.faults.push(fault);
            }
            return Ok(());
        }
        writeln!(self.out, "fault: {fault}").map_err(Stop::Output)
    }

    fn finish(self) -> io::Result<Ending> {
        let Self { report, out, json } = self;
        if json {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)?;
        } else {
            let Report { accounts, events, orders, fills, seconds, fault_count, ref error, .. } = report;
            if let Some(error) = error {
                writeln!(out, "could not check: {error}")?;
            }
            let found = match fault_count {
                0 if report.complete => "no faults".to_owned(),
                0 => "no faults in what was checked".to_owned(),
                1 => "1 fault".to_owned(),
                count => format!("{count} faults"),
            };
            writeln!(
                out,
                "accounts {accounts}, events {events}, orders {orders}, fills {fills}, {seconds:.2} s: {found}"
            )?;
        }
        Ok(match report {
            Report { fault_count: 1.., .. } => Ending::Faults,
            Report { complete: false, .. } => Ending::NotChecked,
            _ => Ending::Well,
        })
    }
}

fn damaged(what: &str) -> String {
    format!("the database is damaged: {what}")
}

/// Why a database that is not damaged cannot be checked.
fn describe(config: &Config, state: State) -> String {
    let name = super::database::describe(config);
    match state {
        State::Missing => format!("{name}: there is no database yet"),
        State::Older(step) => format!("{name} is of an older Velox: the migration {step} is pending"),
        State::Newer(step) => format!("{name} is of a newer Velox: this program does not know the migration {step}"),
        State::Foreign => format!("{name} is a database, but not one of Velox"),
        State::Corrupt(reason) | State::Unavailable(reason) => format!("{name}: {reason}"),
        State::Current => name,
    }
}

/// The row of an account of whichever organisation: the first one after the id before it.
async fn find(queries: &dyn TradingQueries, account: AccountId) -> Result<Option<AccountRow>, StoreError> {
    let before = account.uuid().as_u128().checked_sub(1).map(|number| AccountId::new(Uuid::from_u128(number)));
    let rows = queries.all_accounts(before, 1).await?;
    Ok(rows.into_iter().find(|row| row.id == account))
}

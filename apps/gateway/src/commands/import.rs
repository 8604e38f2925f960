//! `velox import`: recorded bars and trades from a CSV file into the database, or through a running server's API.
//!
//! The file is read twice: first every line is checked, so that a bad one is named before anything is written, then
//! the rows are loaded in whole batches. Each batch is kept whole or not at all and may be loaded again.

mod api;
mod credentials;
mod local;
mod progress;
mod recording;
mod row_batches;
mod target;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use velox_kernel::{Symbol, Timeframe, Timestamp};
use velox_market::csv::{BarRow, TradeRow};

use self::api::ApiTarget;
pub use self::credentials::CredentialsError;
use self::local::LocalTarget;
use self::progress::Progress;
pub use self::recording::{BadLine, RecordingError};
use self::recording::{Kind, Recording};
use self::row_batches::{BarBatches, TradeBatches};
use self::target::Target;
pub use self::target::TargetError;
use crate::config::Config;

/// What to load, and where to.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The file: bars (timestamp,open,high,low,close,volume) or trades (timestamp,trade_id,price,quantity,buyer_maker),
    /// gzip or plain
    #[arg(value_name = "FILE.csv[.gz]")]
    pub file: PathBuf,
    /// What the file is of, such as BTC-PERP
    #[arg(long)]
    pub symbol: Symbol,
    /// How long its bars are: 1m, 5m, 15m, 30m, 1h, 4h or 1d
    #[arg(long, default_value = "1m")]
    pub timeframe: Timeframe,
    /// The server to load it through; without one the database is written, when no server holds it
    #[arg(long, value_name = "http://…")]
    pub url: Option<String>,
    /// A file with an access token for the API
    #[arg(long, value_name = "FILE", conflicts_with = "email")]
    pub token_file: Option<PathBuf>,
    /// Sign in to the API as this user; the password is asked for, or taken from VELOX_PASSWORD
    #[arg(long)]
    pub email: Option<String>,
}

impl ImportArgs {
    const fn has_credentials(&self) -> bool {
        self.token_file.is_some() || self.email.is_some()
    }
}

/// Why a file was not loaded to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read, or a line of it. Nothing was loaded.
    #[error("{0}; nothing was loaded")]
    Recording(#[from] RecordingError),
    /// The file holds no rows.
    #[error("{} holds no rows", .0.display())]
    Empty(PathBuf),
    /// A server holds the database, and nobody said how to sign in to it.
    #[error(
        "a server holds the database, so this has to go through its API: say --email NAME or --token-file FILE \
         (and --url, unless it is {url})"
    )]
    ServerRunning {
        /// Where that server should be.
        url: String,
    },
    /// How to sign in is not clear.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The rows have nowhere to go.
    #[error(transparent)]
    Unusable(TargetError),
    /// A batch was refused; those before it are kept.
    #[error(
        "the batch from line {line} on was not loaded: {error}. The {kept} rows before it are; run this again to go on"
    )]
    Stopped {
        /// The first line of the batch.
        line: u64,
        /// The rows that were loaded before it.
        kept: u64,
        /// Why.
        error: TargetError,
    },
    /// The summary cannot be written.
    #[error("the summary cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// What a file holds.
#[derive(Clone, Copy)]
struct Extent {
    rows: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Extent {
    fn take(extent: &mut Option<Self>, at: Timestamp) {
        match extent {
            Some(extent) => (extent.rows, extent.last) = (extent.rows + 1, at),
            None => *extent = Some(Self { rows: 1, first: at, last: at }),
        }
    }
}

/// Loads a file.
///
/// # Errors
/// [`ImportError`] says what is wrong and what was kept.
pub async fn import(config: &Config, args: &ImportArgs, out: &mut dyn Write) -> Result<(), ImportError> {
    let recording = Recording::find(&args.file)?;
    let progress = Progress::new(&recording);
    let extent = check(&recording, args.timeframe, &progress)?.ok_or_else(|| ImportError::Empty(args.file.clone()))?;
    let mut target = open_target(config, args).await?;
    target.find(args.symbol).await.map_err(ImportError::Unusable)?;
    progress.begin("loading");
    let what = match recording.kind {
        Kind::Bars => {
            load_bars(&mut target, args, &recording, &progress).await?;
            format!("bars of {}", args.timeframe)
        }
        Kind::Trades => {
            load_trades(&mut target, args, &recording, &progress).await?;
            "trades".to_owned()
        }
    };
    progress.end();
    let Extent { rows, first, last } = extent;
    writeln!(out, "{}: loaded {rows} {what}, {first} to {last}, into {}", args.symbol, target.describe())?;
    Ok(())
}

/// Reads every line.
fn check(recording: &Recording, timeframe: Timeframe, progress: &Progress) -> Result<Option<Extent>, RecordingError> {
    progress.begin("checking");
    let mut extent = None;
    match recording.kind {
        Kind::Bars => {
            for batch in BarBatches::new(recording.rows::<BarRow>(progress)?, timeframe) {
                batch?.rows.iter().for_each(|row| Extent::take(&mut extent, row.at));
            }
        }
        Kind::Trades => {
            for batch in TradeBatches::new(recording.rows::<TradeRow>(progress)?) {
                batch?.rows.iter().for_each(|row| Extent::take(&mut extent, row.at));
            }
        }
    }
    Ok(extent)
}

async fn load_bars(
    target: &mut Target,
    args: &ImportArgs,
    recording: &Recording,
    progress: &Progress,
) -> Result<(), ImportError> {
    let mut kept = 0;
    for batch in BarBatches::new(recording.rows(progress)?, args.timeframe) {
        let batch = batch?;
        let kept_now = target.keep_bars(args.symbol, args.timeframe, &batch.rows).await;
        kept += kept_now.map_err(|error| ImportError::Stopped { line: batch.line, kept, error })?;
    }
    Ok(())
}

async fn load_trades(
    target: &mut Target,
    args: &ImportArgs,
    recording: &Recording,
    progress: &Progress,
) -> Result<(), ImportError> {
    let mut kept = 0;
    for batch in TradeBatches::new(recording.rows(progress)?) {
        let batch = batch?;
        let kept_now = target.keep_trades(args.symbol, &batch.rows).await;
        kept += kept_now.map_err(|error| ImportError::Stopped { line: batch.line, kept, error })?;
    }
    Ok(())
}

/// Where the rows go: to the server that was named, else to the database, else through the server that holds it.
async fn open_target(config: &Config, args: &ImportArgs) -> Result<Target, ImportError> {
    if let Some(url) = &args.url {
        return Ok(Target::Api(ApiTarget::sign_in(url, args).await?));
    }
    match LocalTarget::open(config).await {
        Ok(local) => Ok(Target::Local(local)),
        Err(TargetError::HeldByServer) => {
            let url = super::server_url(config);
            if !args.has_credentials() {
                return Err(ImportError::ServerRunning { url });
            }
            eprintln!("velox: a server holds the database; loading through its API at {url}");
            Ok(Target::Api(ApiTarget::sign_in(&url, args).await?))
        }
        Err(error) => Err(ImportError::Unusable(error)),
    }
}

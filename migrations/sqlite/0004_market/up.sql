-- Market data is shared by all tenants. search_text is the symbol and the name with ASCII letters in lower case.
CREATE TABLE instruments (
    symbol TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    search_text TEXT NOT NULL,
    asset_class TEXT NOT NULL,
    base TEXT NOT NULL,
    quote TEXT NOT NULL,
    tick BLOB NOT NULL,
    lot BLOB NOT NULL,
    min_quantity BLOB NOT NULL,
    min_notional BLOB NOT NULL,
    volume_unit TEXT NOT NULL,
    session TEXT NOT NULL,
    status TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE candles (
    symbol TEXT NOT NULL,
    timeframe TEXT NOT NULL,
    open_time BIGINT NOT NULL,
    open BLOB NOT NULL,
    high BLOB NOT NULL,
    low BLOB NOT NULL,
    close BLOB NOT NULL,
    volume BLOB NOT NULL,
    trades BIGINT NOT NULL,
    complete BOOLEAN NOT NULL,
    synthetic BOOLEAN NOT NULL,
    gap_before BOOLEAN NOT NULL,
    PRIMARY KEY (symbol, timeframe, open_time)
) WITHOUT ROWID;

CREATE TABLE newest_quotes (
    symbol TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    ticker BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE feed_positions (
    feed TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL,
    next_index BIGINT NOT NULL,
    at BIGINT NOT NULL
) WITHOUT ROWID;

-- Market data is shared by all tenants. search_text is the symbol and the name with ASCII letters in lower case.
CREATE TABLE instruments (
    symbol text COLLATE "C" NOT NULL PRIMARY KEY,
    name text NOT NULL,
    search_text text NOT NULL,
    asset_class text COLLATE "C" NOT NULL,
    base text COLLATE "C" NOT NULL,
    quote text COLLATE "C" NOT NULL,
    tick numeric(28,12) NOT NULL,
    lot numeric(28,12) NOT NULL,
    min_quantity numeric(28,12) NOT NULL,
    min_notional numeric(28,12) NOT NULL,
    volume_unit text COLLATE "C" NOT NULL,
    session text NOT NULL,
    status text COLLATE "C" NOT NULL
);

CREATE TABLE candles (
    symbol text COLLATE "C" NOT NULL,
    timeframe text COLLATE "C" NOT NULL,
    open_time timestamptz NOT NULL,
    open numeric(28,12) NOT NULL,
    high numeric(28,12) NOT NULL,
    low numeric(28,12) NOT NULL,
    close numeric(28,12) NOT NULL,
    volume numeric(28,12) NOT NULL,
    trades bigint NOT NULL,
    complete boolean NOT NULL,
    synthetic boolean NOT NULL,
    gap_before boolean NOT NULL,
    PRIMARY KEY (symbol, timeframe, open_time)
);

CREATE TABLE newest_quotes (
    symbol text COLLATE "C" NOT NULL PRIMARY KEY,
    at timestamptz NOT NULL,
    ticker bytea NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE feed_positions (
    feed text COLLATE "C" NOT NULL PRIMARY KEY,
    epoch bigint NOT NULL,
    next_index bigint NOT NULL,
    at timestamptz NOT NULL
);

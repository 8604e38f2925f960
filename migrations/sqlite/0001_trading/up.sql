-- Times are microseconds since 1970-01-01T00:00:00Z. Ids are 16 bytes, digests 32. Amounts are 16 bytes whose
-- unsigned order is the numeric order. The log's payloads are the JSON bytes that were hashed.

CREATE TABLE accounts (
    id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    connection_id BLOB NOT NULL,
    name TEXT NOT NULL,
    paper BOOLEAN NOT NULL,
    currency TEXT NOT NULL,
    halt TEXT,
    limits BLOB NOT NULL,
    opened_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX accounts_by_org ON accounts (org_id, id);
CREATE INDEX accounts_by_connection ON accounts (connection_id, id);

-- A rowid table with a narrow key beside it: the payloads are too wide for a clustered key.
CREATE TABLE events (
    account_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    org_id BLOB NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL,
    market_time BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BLOB,
    cause BLOB NOT NULL,
    request BLOB,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    payload BLOB NOT NULL,
    PRIMARY KEY (account_id, seq)
);

CREATE TABLE stream_heads (
    account_id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    hash BLOB NOT NULL,
    published_seq BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE orders (
    id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    client_order_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    symbol TEXT NOT NULL,
    currency TEXT NOT NULL,
    side TEXT NOT NULL,
    kind TEXT NOT NULL,
    limit_price BLOB,
    stop_price BLOB,
    quantity BLOB NOT NULL,
    time_in_force TEXT NOT NULL,
    reduce_only BOOLEAN NOT NULL,
    strategy_id BLOB,
    status TEXT NOT NULL,
    is_open BOOLEAN NOT NULL,
    filled BLOB NOT NULL,
    filled_value BLOB NOT NULL,
    reserve_price BLOB NOT NULL,
    broker_order_id TEXT,
    accepted_at BIGINT NOT NULL,
    placed_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    expires_at BIGINT,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    detail BLOB
) WITHOUT ROWID;
CREATE UNIQUE INDEX orders_by_client_id ON orders (account_id, client_order_id);
CREATE INDEX orders_by_org ON orders (org_id, id);
CREATE INDEX orders_by_account ON orders (account_id, id);
CREATE INDEX orders_open ON orders (id) WHERE is_open;

CREATE TABLE fills (
    account_id BLOB NOT NULL,
    id TEXT NOT NULL,
    org_id BLOB NOT NULL,
    seq BIGINT NOT NULL,
    order_id BLOB NOT NULL,
    symbol TEXT NOT NULL,
    currency TEXT NOT NULL,
    side TEXT NOT NULL,
    quantity BLOB NOT NULL,
    price BLOB NOT NULL,
    fee BLOB NOT NULL,
    fee_currency TEXT NOT NULL,
    liquidity TEXT NOT NULL,
    strategy_id BLOB,
    feed_epoch BIGINT,
    feed_offset BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (account_id, id)
) WITHOUT ROWID;
CREATE INDEX fills_by_time ON fills (org_id, at, seq, account_id);
CREATE INDEX fills_by_account ON fills (account_id, seq);
CREATE INDEX fills_by_order ON fills (order_id);

-- The account's own position, net of all strategies, has the strategy of zeros.
CREATE TABLE positions (
    account_id BLOB NOT NULL,
    strategy_id BLOB NOT NULL,
    symbol TEXT NOT NULL,
    org_id BLOB NOT NULL,
    currency TEXT NOT NULL,
    quantity BLOB NOT NULL,
    cost BLOB NOT NULL,
    realised BLOB NOT NULL,
    fees BLOB NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol)
) WITHOUT ROWID;

CREATE TABLE balances (
    account_id BLOB NOT NULL,
    currency TEXT NOT NULL,
    org_id BLOB NOT NULL,
    deposited BLOB NOT NULL,
    realised BLOB NOT NULL,
    fees BLOB NOT NULL,
    PRIMARY KEY (account_id, currency)
) WITHOUT ROWID;

CREATE TABLE snapshots (
    account_id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB,
    seq BIGINT NOT NULL,
    version INTEGER NOT NULL,
    hash BLOB NOT NULL,
    state BLOB NOT NULL
);

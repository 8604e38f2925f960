-- The payloads of the log are the JSON bytes that were hashed. Words and names compare by bytes (COLLATE "C"), as they
-- do in Rust and in the embedded store.

CREATE TABLE accounts (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    connection_id uuid NOT NULL,
    name text NOT NULL,
    paper boolean NOT NULL,
    currency text COLLATE "C" NOT NULL,
    halt text COLLATE "C",
    limits bytea NOT NULL,
    opened_at timestamptz NOT NULL
);
CREATE INDEX accounts_by_org ON accounts (org_id, id);
CREATE INDEX accounts_by_connection ON accounts (connection_id, id);

-- An ordinary table: no retention, no partitions.
CREATE TABLE events (
    account_id uuid NOT NULL,
    seq bigint NOT NULL,
    org_id uuid NOT NULL,
    kind text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    market_time timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    actor_id uuid,
    cause uuid NOT NULL,
    request uuid,
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (account_id, seq)
);

CREATE TABLE stream_heads (
    account_id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    published_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE orders (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    account_id uuid NOT NULL,
    client_order_id text COLLATE "C" NOT NULL,
    fingerprint bytea NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    side text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    limit_price numeric(28,12),
    stop_price numeric(28,12),
    quantity numeric(28,12) NOT NULL,
    time_in_force text COLLATE "C" NOT NULL,
    reduce_only boolean NOT NULL,
    strategy_id uuid,
    status text COLLATE "C" NOT NULL,
    is_open boolean NOT NULL,
    filled numeric(28,12) NOT NULL,
    filled_value numeric(28,12) NOT NULL,
    reserve_price numeric(28,12) NOT NULL,
    broker_order_id text COLLATE "C",
    accepted_at timestamptz NOT NULL,
    placed_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    expires_at timestamptz,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    detail bytea
);
CREATE UNIQUE INDEX orders_by_client_id ON orders (account_id, client_order_id);
CREATE INDEX orders_by_org ON orders (org_id, id);
CREATE INDEX orders_by_account ON orders (account_id, id);
CREATE INDEX orders_open ON orders (id) WHERE is_open;

CREATE TABLE fills (
    account_id uuid NOT NULL,
    id text COLLATE "C" NOT NULL,
    org_id uuid NOT NULL,
    seq bigint NOT NULL,
    order_id uuid NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    currency text COLLATE "C" NOT NULL,
    side text COLLATE "C" NOT NULL,
    quantity numeric(28,12) NOT NULL,
    price numeric(28,12) NOT NULL,
    fee numeric(28,12) NOT NULL,
    fee_currency text COLLATE "C" NOT NULL,
    liquidity text COLLATE "C" NOT NULL,
    strategy_id uuid,
    feed_epoch bigint,
    feed_offset bigint,
    at timestamptz NOT NULL,
    PRIMARY KEY (account_id, id)
);
CREATE INDEX fills_by_time ON fills (org_id, at, seq, account_id);
CREATE INDEX fills_by_account ON fills (account_id, seq);
CREATE INDEX fills_by_order ON fills (order_id);

-- The account's own position, net of all strategies, has the strategy of zeros.
CREATE TABLE positions (
    account_id uuid NOT NULL,
    strategy_id uuid NOT NULL,
    symbol text COLLATE "C" NOT NULL,
    org_id uuid NOT NULL,
    currency text COLLATE "C" NOT NULL,
    quantity numeric(28,12) NOT NULL,
    cost numeric(28,12) NOT NULL,
    realised numeric(28,12) NOT NULL,
    fees numeric(28,12) NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, strategy_id, symbol)
);

CREATE TABLE balances (
    account_id uuid NOT NULL,
    currency text COLLATE "C" NOT NULL,
    org_id uuid NOT NULL,
    deposited numeric(28,12) NOT NULL,
    realised numeric(28,12) NOT NULL,
    fees numeric(28,12) NOT NULL,
    PRIMARY KEY (account_id, currency)
);

CREATE TABLE snapshots (
    account_id uuid NOT NULL PRIMARY KEY,
    org_id uuid,
    seq bigint NOT NULL,
    version integer NOT NULL,
    hash bytea NOT NULL,
    state bytea NOT NULL
);

CREATE TABLE broker_connections (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    name text NOT NULL,
    kind text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    settings bytea NOT NULL,
    status text COLLATE "C" NOT NULL,
    account_id uuid NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX broker_connections_by_org ON broker_connections (org_id, id);
CREATE INDEX broker_connections_by_status ON broker_connections (status, id);

-- Sealed under keys that the database does not have, and bound to their place in it.
CREATE TABLE broker_credentials (
    connection_id uuid NOT NULL,
    field text COLLATE "C" NOT NULL,
    org_id uuid NOT NULL,
    key_id text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    PRIMARY KEY (connection_id, field)
);

CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL,
    route text COLLATE "C" NOT NULL,
    idempotency_key text COLLATE "C" NOT NULL,
    org_id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    reply text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, route, idempotency_key)
);
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);

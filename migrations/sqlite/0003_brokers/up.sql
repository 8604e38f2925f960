CREATE TABLE broker_connections (
    id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    settings BLOB NOT NULL,
    status TEXT NOT NULL,
    account_id BLOB NOT NULL,
    created_by BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX broker_connections_by_org ON broker_connections (org_id, id);
CREATE INDEX broker_connections_by_status ON broker_connections (status, id);

-- Sealed under keys that the database does not have, and bound to their place in it.
CREATE TABLE broker_credentials (
    connection_id BLOB NOT NULL,
    field TEXT NOT NULL,
    org_id BLOB NOT NULL,
    key_id TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (connection_id, field)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    user_id BLOB NOT NULL,
    route TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    org_id BLOB NOT NULL,
    fingerprint BLOB NOT NULL,
    reply TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, route, idempotency_key)
) WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_end ON idempotency_keys (expires_at);

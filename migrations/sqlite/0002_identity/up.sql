-- One row, made with the first user: two servers that start at once on an empty database make one owner.
CREATE TABLE installation (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    first_user_id BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE orgs (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE users (
    id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    email TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled BOOLEAN NOT NULL,
    session_version BIGINT NOT NULL,
    version BIGINT NOT NULL,
    settings BLOB NOT NULL,
    risk_settings BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX users_by_org ON users (org_id, id);

-- ends_at is the earlier of expires_at and revoked_at.
CREATE TABLE sessions (
    id BLOB NOT NULL PRIMARY KEY,
    org_id BLOB NOT NULL,
    user_id BLOB NOT NULL,
    label TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    ends_at BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, last_used_at, id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- Only digests: a token itself is never kept.
CREATE TABLE refresh_tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    session_id BLOB NOT NULL,
    org_id BLOB NOT NULL,
    generation BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

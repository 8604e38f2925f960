-- One row, made with the first user: two servers that start at once on an empty database make one owner.
CREATE TABLE installation (
    id integer NOT NULL PRIMARY KEY CHECK (id = 1),
    first_user_id uuid NOT NULL
);

CREATE TABLE orgs (
    id uuid NOT NULL PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE users (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    email text COLLATE "C" NOT NULL UNIQUE,
    display_name text NOT NULL,
    role text COLLATE "C" NOT NULL,
    password_hash text COLLATE "C" NOT NULL,
    disabled boolean NOT NULL,
    session_version bigint NOT NULL,
    version bigint NOT NULL,
    settings bytea NOT NULL,
    risk_settings bytea NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX users_by_org ON users (org_id, id);

-- ends_at is the earlier of expires_at and revoked_at.
CREATE TABLE sessions (
    id uuid NOT NULL PRIMARY KEY,
    org_id uuid NOT NULL,
    user_id uuid NOT NULL,
    label text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    ends_at timestamptz NOT NULL,
    generation bigint NOT NULL,
    rotated_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id, last_used_at, id);
CREATE INDEX sessions_by_end ON sessions (ends_at);

-- Only digests: a token itself is never kept.
CREATE TABLE refresh_tokens (
    digest bytea NOT NULL PRIMARY KEY,
    session_id uuid NOT NULL,
    org_id uuid NOT NULL,
    generation bigint NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at);

-- Processes that play a role share its work by shards. Whoever has one says so by raising its beat, and whoever takes one
-- raises its epoch, so that what the one before still writes is refused. `position` is how far the shard's topic was worked
-- off, where it has one.

CREATE TABLE role_members (
    role text NOT NULL,
    member blob NOT NULL,
    beat bigint NOT NULL,
    PRIMARY KEY (role, member)
) WITHOUT ROWID;

CREATE TABLE role_shards (
    role text NOT NULL,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    beat bigint NOT NULL,
    owner blob,
    position bigint,
    PRIMARY KEY (role, shard)
) WITHOUT ROWID;

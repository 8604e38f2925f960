-- Processes that play a role share its work by shards. Whoever has one says so by raising its beat, and whoever takes one
-- raises its epoch, so that what the one before still writes is refused. `position` is how far the shard's topic was worked
-- off, where it has one. Small tables, changed once a second a process: half-full pages keep the changes in place.

CREATE TABLE role_members (
    role text COLLATE "C" NOT NULL,
    member uuid NOT NULL,
    beat bigint NOT NULL,
    PRIMARY KEY (role, member)
) WITH (fillfactor = 50);

CREATE TABLE role_shards (
    role text COLLATE "C" NOT NULL,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    beat bigint NOT NULL,
    owner uuid,
    position bigint,
    PRIMARY KEY (role, shard)
) WITH (fillfactor = 50);

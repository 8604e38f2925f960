-- An append that needs a right locks it by key. With the epoch in a key, whoever takes a shard waits for those who write
-- under the epoch before, and whoever only says that it is still there does not.

CREATE UNIQUE INDEX role_shards_epoch ON role_shards (role, shard, epoch);

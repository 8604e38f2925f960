-- The accounts whose loss of a trading day is limited are watched, so they are found without reading all. It follows from
-- the limits, whichever version of Velox writes them. The table is written anew: about a second for each million accounts.
ALTER TABLE accounts ADD COLUMN loss_limited boolean NOT NULL
    GENERATED ALWAYS AS (position('"daily_loss":"'::bytea IN limits) > 0) STORED;
CREATE INDEX accounts_to_watch ON accounts (id) WHERE loss_limited AND halt IS NULL;

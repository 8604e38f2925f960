-- The accounts whose loss of a trading day is limited are watched, so they are found without reading all.
ALTER TABLE accounts ADD COLUMN loss_limited BOOLEAN NOT NULL
    GENERATED ALWAYS AS (instr(limits, '"daily_loss":"') > 0) VIRTUAL;
CREATE INDEX accounts_to_watch ON accounts (id) WHERE loss_limited AND halt IS NULL;

-- A page of a symbol's or a strategy's fills, as 0012 does it for orders; a fill is written once and never changed. Takes
-- two to three seconds a million fills, during which nobody writes fills; an index of such a name that is there stays.
CREATE INDEX IF NOT EXISTS fills_by_symbol ON fills (org_id, symbol, at, seq, account_id);
CREATE INDEX IF NOT EXISTS fills_by_strategy ON fills (org_id, strategy_id, at, seq, account_id)
    WHERE strategy_id IS NOT NULL;

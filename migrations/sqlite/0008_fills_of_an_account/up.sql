-- A page of one account's fills, newest first by market time: without this each page sorts all of the account's, or walks
-- all of the tenant's. Takes a second or two a million fills.
CREATE INDEX fills_by_account_and_time ON fills (account_id, at, seq);

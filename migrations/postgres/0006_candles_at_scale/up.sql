-- Candles by time: a hypertable of TimescaleDB where that is loaded and may be created here, range partitions elsewhere.
-- No row is lost. With TimescaleDB the rows are moved into chunks of 30 days, which takes a few seconds a million rows;
-- elsewhere the table as it is becomes the partition of the months that it has rows of, and is read once from end to end.
-- Partitions for other times are made by the servers, ahead and on demand.
DO $$
DECLARE
    is_timescale boolean := false;
    first_month timestamp;
    last_month timestamp;
BEGIN
    -- Creating the extension ends the session where the server has not loaded it: its loader brings this setting.
    IF current_setting('timescaledb.disable_load', true) IS NOT NULL
        AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
    THEN
        BEGIN
            CREATE EXTENSION IF NOT EXISTS timescaledb;
            is_timescale := true;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'TimescaleDB is there, but this user may not create it: candles get plain partitions';
        END;
    END IF;

    IF is_timescale THEN
        PERFORM create_hypertable('candles', by_range('open_time', INTERVAL '30 days'),
            create_default_indexes => false, migrate_data => true);
        -- The edition without compression has another licence.
        IF current_setting('timescaledb.license', true) = 'timescale' THEN
            ALTER TABLE candles SET (timescaledb.compress, timescaledb.compress_segmentby = 'symbol, timeframe',
                timescaledb.compress_orderby = 'open_time');
            PERFORM add_compression_policy('candles', INTERVAL '60 days');
        END IF;
        RETURN;
    END IF;

    LOCK TABLE candles IN ACCESS EXCLUSIVE MODE;
    SELECT date_trunc('month', min(open_time) AT TIME ZONE 'UTC'), date_trunc('month', max(open_time) AT TIME ZONE 'UTC')
        INTO first_month, last_month FROM candles;
    ALTER TABLE candles RENAME TO candles_before;
    ALTER INDEX candles_pkey RENAME TO candles_before_pkey;
    CREATE TABLE candles (LIKE candles_before INCLUDING ALL) PARTITION BY RANGE (open_time);
    IF first_month IS NULL THEN
        DROP TABLE candles_before;
    ELSE
        EXECUTE format('ALTER TABLE candles ATTACH PARTITION candles_before FOR VALUES FROM (%L) TO (%L)',
            first_month AT TIME ZONE 'UTC', (last_month + INTERVAL '1 month') AT TIME ZONE 'UTC');
    END IF;
END
$$;

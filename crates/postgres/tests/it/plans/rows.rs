//! Tables of a realistic size, made by the server in a few seconds.

use tokio_postgres::Client;
use velox_kernel::Timestamp;
use velox_market::MarketStore;
use velox_postgres::PostgresStore;

/// 20 organisations with 50 accounts each; 200,000 orders, 100,000 fills, 250,000 events, 300,000 candles. Each account of
/// the first organisation has one open order, and one of them a few orders and fills of what is rare; nobody else has any.
/// Each account of the others has ten open orders.
const ROWS: &str = "
CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
  $$ SELECT lpad(to_hex(n), 32, '0')::uuid $$;
CREATE TEMP TABLE a AS SELECT n AS k, pg_temp.id(1 + n / 50) org, pg_temp.id(1000 + n) id FROM generate_series(0, 999) n;
INSERT INTO accounts SELECT id, org, pg_temp.id(3 + k), 'a', true, 'USD', NULL, '', now() FROM a;
INSERT INTO stream_heads SELECT id, org, 400, decode(repeat('00', 32), 'hex') FROM a;
INSERT INTO events SELECT a.id, s, a.org, 'order_accepted', 1, now(), now(), 'user', NULL, a.id, NULL, '\\x00', '\\x00', '\\x00'
  FROM a, generate_series(1, 250) s;
INSERT INTO orders SELECT pg_temp.id(100000 + n * 1000 + a.k), a.org, a.id, 'c' || n, '\\x00',
  CASE WHEN k = 7 AND n % 40 = 1 THEN 'RARE-PERP' ELSE 'BTC-PERP' END, 'USD', CASE k % 2 WHEN 0 THEN 'buy' ELSE 'sell' END,
  'limit', 1, NULL, 1, 'gtc', false, pg_temp.id(CASE WHEN k = 7 AND n % 40 = 2 THEN 77 ELSE n % 5 END),
  CASE WHEN is_open THEN 'new' WHEN k = 7 AND n % 40 = 3 THEN 'rejected' ELSE 'filled' END, is_open, 0, 0, 0, NULL,
  now(), now(), now(), NULL, 1, 2, NULL
  FROM a, generate_series(1, 200) n, LATERAL (SELECT n = 100 OR n % 20 = 0 AND k >= 50 AS is_open) o;
INSERT INTO fills SELECT a.id, 'f' || n, a.org, n, pg_temp.id(100000 + n * 1000 + a.k),
  CASE WHEN k = 7 AND n % 40 = 1 THEN 'RARE-PERP' ELSE 'BTC-PERP' END, 'USD', 'buy', 1, 1, 0, 'USD', 'maker',
  pg_temp.id(CASE WHEN k = 7 AND n % 40 = 2 THEN 77 ELSE n % 5 END), NULL, NULL, '2025-06-01Z'::timestamptz - n * interval '1 minute'
  FROM a, generate_series(1, 100) n;
INSERT INTO positions SELECT id, pg_temp.id(s), 'S' || s, org, 'USD', 1, 1, 0, 0, now() FROM a, generate_series(0, 9) s;
INSERT INTO balances SELECT id, 'USD', org, 1, 0, 0 FROM a;
INSERT INTO users SELECT pg_temp.id(n), pg_temp.id(1 + n / 50), 'u' || n || '@example.org', 'u', 'trader', 'x', false, 1, 1, '', '',
  now(), now() FROM generate_series(1, 20000) n;
INSERT INTO sessions SELECT pg_temp.id(n), pg_temp.id(1 + n / 250), pg_temp.id(1 + n / 5), 'x', now(), now(), now(), NULL, now(), 1,
  now() FROM generate_series(1, 50000) n;
INSERT INTO refresh_tokens SELECT sha256(n::text::bytea), pg_temp.id(n), pg_temp.id(1 + n / 250), 1, now(), now()
  FROM generate_series(1, 50000) n;
INSERT INTO idempotency_keys SELECT pg_temp.id(n), 'POST /v1/brokers', 'k' || n, pg_temp.id(1), '\\x00', '{}', now(),
  now() + n * interval '1 second' FROM generate_series(1, 50000) n;
INSERT INTO broker_connections SELECT pg_temp.id(3 + k), org, 'x', 'paper', 'paper', '', 'active', id, id, now(), now(), 1 FROM a;
INSERT INTO candles SELECT s, '1m', '2024-06-01'::timestamptz + n * interval '5 minutes', 1, 1, 1, 1, 1, 1, true, false, false
  FROM generate_series(1, 150000) n, unnest(ARRAY['BTC-PERP', 'ETH-PERP']) s;
ANALYZE";

pub(super) async fn make(store: &PostgresStore, client: &Client) {
    // Partitions for the time of the candles, where candles have partitions.
    let symbol = "BTC-PERP".parse().unwrap();
    let months = (0..32).map(|month: i64| {
        let at = Timestamp::from_seconds(1_717_200_000 + month * 30 * 86_400);
        velox_market::Candle {
            open_time: at,
            ..velox_testkit::market::sample_candle(symbol, velox_kernel::Timeframe::D1, 0, 1)
        }
    });
    store.save_candles(&months.collect::<Vec<_>>()).await.unwrap();
    client.batch_execute(ROWS).await.unwrap();
}

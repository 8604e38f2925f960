//! `velox import` loads whole files or names the line that is bad.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use velox_kernel::{Timeframe, Timestamp};
use velox_market::{Candle, CandleOrder, CandleQuery, MarketStore};

use super::database::Embedded;
use super::velox;

const HEADER: &str = "timestamp,open,high,low,close,volume\n";

fn bars(count: i64) -> String {
    let mut text = HEADER.to_owned();
    for minute in 0..count {
        text.push_str(&format!("{},100,101,99,100.5,3\n", 1_640_995_200 + 60 * minute));
    }
    text
}

fn write(database: &Embedded, name: &str, content: &[u8]) {
    fs::write(database.0.path().join(name), content).unwrap();
}

async fn candles(database: &Embedded, symbol: &str, timeframe: Timeframe) -> Vec<Candle> {
    let store = database.open();
    let query = CandleQuery {
        symbol: symbol.parse().unwrap(),
        timeframe,
        from: None,
        to: None,
        order: CandleOrder::OldestFirst,
        limit: 20_000,
    };
    let found = store.candles(&query).await.unwrap();
    store.close();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_are_loaded_and_loading_them_again_changes_nothing() {
    let database = Embedded::new();
    write(&database, "bars.csv", bars(7_200).as_bytes());
    let load = |file: &str| velox(database.0.path(), &["import", "--symbol", "BTC-PERP", file], &[]);
    let said = load("bars.csv")
        .ends(0)
        .says(&["BTC-PERP: loaded 7200 bars of 1m, 2022-01-01T00:00:00Z to 2022-01-05T23:59:00Z, into the database"]);
    assert_eq!(said.error, "", "there is no terminal");
    let (minutes, days) =
        (candles(&database, "BTC-PERP", Timeframe::M1).await, candles(&database, "BTC-PERP", Timeframe::D1).await);
    assert_eq!((minutes.len(), days.len()), (7_200, 5));

    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bars(7_200).as_bytes()).unwrap();
    write(&database, "bars.csv.gz", &packed.finish().unwrap());
    load("bars.csv.gz").ends(0).says(&["loaded 7200 bars"]);
    assert_eq!(candles(&database, "BTC-PERP", Timeframe::M1).await, minutes);
    assert_eq!(candles(&database, "BTC-PERP", Timeframe::D1).await, days);
}

#[tokio::test(flavor = "multi_thread")]
async fn trades_become_candles() {
    let database = Embedded::new();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/btcusdt-trades.csv");
    let load = || velox(database.0.path(), &["import", "--symbol", "BTCUSDT", file.to_str().unwrap()], &[]);
    load().ends(0).says(&["BTCUSDT: loaded 200 trades, 2021-01-08T00:00:00.278Z to "]);
    let minutes = candles(&database, "BTCUSDT", Timeframe::M1).await;
    assert_eq!(minutes.iter().map(|minute| minute.trades).sum::<u64>(), 200);
    load().ends(0);
    assert_eq!(candles(&database, "BTCUSDT", Timeframe::M1).await, minutes);
}

#[test]
fn a_bad_line_is_named_before_anything_is_written() {
    let database = Embedded::new();
    let import = |arguments: &[&str]| {
        let mut all = vec!["import", "--symbol", "BTC-PERP", "file.csv"];
        all.extend_from_slice(arguments);
        velox(database.0.path(), &all, &[])
    };
    for (content, words) in [
        (bars(6_000) + "1641355200,100,101,99,x,3\n", "file.csv, line 6002, column close: is not a decimal number"),
        (
            bars(1) + "1640995290,100,101,99,100,3\n",
            "line 3, column timestamp: 2022-01-01T00:01:30Z is no opening time",
        ),
        (bars(1) + "1640995260,100,99,99,100,3\n", "line 3, column high: is below"),
        (bars(1) + "1640995260,100\n", "line 3: has 2 fields instead of 6"),
        (bars(1) + &"9".repeat(5_000), "line 3: has more than 4096 bytes"),
        ("timestamp,open,close\n".to_owned(), "line 1, column high: is missing from the header"),
        ("timestamp,bid,bid_size,ask,ask_size\n".to_owned(), "starts with `timestamp,bid"),
        (HEADER.to_owned(), "file.csv holds no rows"),
        (String::new(), "must start with the columns timestamp,open"),
    ] {
        write(&database, "file.csv", content.as_bytes());
        import(&[]).ends(1).says(&[words]);
        assert!(!database.file().exists(), "{words}: nothing is written");
    }
    write(&database, "file.csv", b"\xff\xfe\n");
    import(&[]).ends(1).says(&["line 1: is not UTF-8 text"]);
    fs::remove_file(database.0.path().join("file.csv")).unwrap();
    import(&[]).ends(1).says(&["file.csv cannot be read"]);
    import(&["--timeframe", "2m"]).ends(2).says(&["is not one of 1m, 5m"]);
}

#[test]
fn an_unknown_symbol_names_the_known_ones() {
    let database = Embedded::new();
    write(&database, "bars.csv", bars(2).as_bytes());
    let said = velox(database.0.path(), &["import", "--symbol", "DOGE", "bars.csv"], &[]);
    said.ends(1).says(&["no instrument has the symbol DOGE; there are BTC-PERP, BTCUSDT"]);
}

#[test]
fn a_database_that_a_server_holds_is_reached_through_that_server() {
    let database = Embedded::new();
    let server = database.open();
    write(&database, "bars.csv", bars(2).as_bytes());
    let import = |arguments: &[&str], environment: &[(&str, &str)]| {
        let mut all = vec!["import", "--symbol", "BTC-PERP", "bars.csv", "--port", "1"];
        all.extend_from_slice(arguments);
        velox(database.0.path(), &all, environment)
    };
    let hint = ["a server holds the database", "--email NAME or --token-file FILE", "http://127.0.0.1:1"];
    import(&[], &[]).ends(1).says(&hint);
    import(&["--email", "a@example.com"], &[]).ends(1).says(&["put it into VELOX_PASSWORD"]);
    import(&["--token-file", "none"], &[]).ends(1).says(&["--token-file none"]);
    write(&database, "token", b"\n");
    import(&["--token-file", "token"], &[]).ends(1).says(&["it is empty"]);
    let said = import(&["--email", "a@example.com"], &[("VELOX_PASSWORD", "hunter2")]).ends(1);
    let said = said.says(&["loading through its API at http://127.0.0.1:1"]);
    assert!(!said.error.contains("hunter2"), "{said:?}");
    server.close();
}

/// Answers requests with what a script says, and gives back what was asked.
fn scripted(answers: Vec<(u16, &'static str)>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = Vec::new();
            let mut chunk = [0; 65_536];
            let text = loop {
                let read = stream.read(&mut chunk).unwrap();
                assert!(read > 0, "the request ended early");
                bytes.extend_from_slice(&chunk[..read]);
                let text = String::from_utf8_lossy(&bytes).to_string();
                let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.to_lowercase().lines().find_map(|line| {
                    line.strip_prefix("content-length:").and_then(|length| length.trim().parse::<usize>().ok())
                });
                if rest.len() >= length.unwrap_or(0) {
                    break text;
                }
            };
            asked.push(text);
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nRetry-After: 0\r\nConnection: close\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
        }
        asked
    });
    (url, server)
}

#[test]
fn the_api_is_asked_again_when_it_is_busy_or_the_token_has_ended() {
    let database = Embedded::new();
    write(&database, "bars.csv", bars(5_001).as_bytes());
    let token = r#"{"access_token": "token-1"}"#;
    let (url, server) = scripted(vec![
        (200, token),
        (200, r#"{"symbol": "BTC-PERP"}"#),
        (503, r#"{"detail": "busy"}"#),
        (401, r#"{"detail": "expired"}"#),
        (200, r#"{"access_token": "token-2"}"#),
        (200, r#"{"kept": 5000}"#),
        (422, r#"{"detail": "no", "errors": [{"pointer": "/candles/0/open", "detail": "is odd"}]}"#),
    ]);
    let arguments = ["import", "--symbol", "BTC-PERP", "bars.csv", "--url", &url, "--email", "a@example.com"];
    let said = velox(database.0.path(), &arguments, &[("VELOX_PASSWORD", "hunter2")]).ends(1);
    said.says(&["from line 5002 on was not loaded: 422 no; /candles/0/open is odd", "The 5000 rows before it are"]);
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("POST /v1/auth/login ") && asked[0].contains(r#""password":"hunter2""#));
    assert!(asked[1].starts_with("GET /v1/market-data/symbols/BTC-PERP "), "{}", asked[1]);
    for (request, token) in [(&asked[2], "token-1"), (&asked[3], "token-1"), (&asked[5], "token-2")] {
        assert!(request.starts_with("POST /v1/market-data/candles/BTC-PERP "), "{request}");
        assert!(request.to_lowercase().contains(&format!("authorization: bearer {token}")), "{token}");
        assert!(request.contains(r#""timeframe":"1m""#) && request.contains(r#""open_time":"2022-01-01T00:00:00Z""#));
        assert!(request.contains(r#""close":"100.5""#));
    }
    assert!(!database.file().exists(), "the database is the server's");
    assert_eq!(Timestamp::from_seconds(1_640_995_200).to_string(), "2022-01-01T00:00:00Z");
}

#[test]
fn the_api_says_which_symbols_there_are() {
    let database = Embedded::new();
    write(&database, "bars.csv", bars(1).as_bytes());
    write(&database, "token", b"abc\n");
    let (url, server) = scripted(vec![(404, "{}"), (200, r#"{"items": [{"symbol": "GOOG"}], "next": null}"#)]);
    let arguments = ["import", "--symbol", "A/B", "bars.csv", "--url", &url, "--token-file", "token"];
    velox(database.0.path(), &arguments, &[]).ends(1).says(&["no instrument has the symbol A/B; there are GOOG"]);
    let asked = server.join().unwrap();
    assert!(asked[0].starts_with("GET /v1/market-data/symbols/A%2FB "), "{}", asked[0]);
    assert!(asked[0].to_lowercase().contains("authorization: bearer abc"));
}

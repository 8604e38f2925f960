//! Market data over HTTP.

use std::time::Duration;

use serde_json::{Value, json};
use velox_kernel::Role;
use velox_market::{Instrument, MarketEvent, MarketStore, bundled_instruments};
use velox_testkit::market::sample_trade;

use crate::identity_house::{House, symbol, text};
use crate::server::assert_problem;

fn symbols(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| text(item, "symbol")).collect()
}

fn candle(open_time: &str, open: &str) -> Value {
    json!({"open_time": open_time, "open": open, "high": "120", "low": "80", "close": "101", "volume": "3"})
}

fn hour() -> Value {
    let at = |minute: &str| candle(&format!("2026-01-05T10:{minute}:00Z"), "100");
    json!({"timeframe": "1m", "candles": [at("00"), at("01"), at("03")]})
}

#[actix_web::test]
async fn instruments_are_searched_narrowed_and_paged() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let list = async |query: &str| house.get(&token, &format!("/v1/market-data/symbols{query}")).await;
    let all = list("").await.json();
    assert_eq!(symbols(&all), ["BTC-PERP", "BTCUSDT", "EURUSD", "GOOG"]);
    let btc = &all["items"][0];
    assert_eq!((&btc["tick"], &btc["lot"], &btc["min_notional"]), (&json!("1"), &json!("0.0001"), &json!("1")));
    assert_eq!(
        (&btc["asset_class"], &btc["quote"], &btc["status"]),
        (&json!("crypto_perpetual"), &json!("USD"), &json!("active"))
    );
    assert_eq!(symbols(&list("?search=bitcoin").await.json()), ["BTC-PERP", "BTCUSDT"]);
    assert_eq!(symbols(&list("?asset_class=forex").await.json()), ["EURUSD"]);
    assert_eq!(symbols(&list("?quote=USDT").await.json()), ["BTCUSDT"]);
    let page = list("?limit=3").await.json();
    assert_eq!(symbols(&list(&format!("?limit=3&after={}", text(&page, "next"))).await.json()), ["GOOG"]);
    for query in [
        "?asset_class=house",
        "?search=",
        "?search=%00",
        "?search=a%0Ab",
        "?search=%C2%85",
        "?quote=dollars",
        "?limit=0",
        "?colour=red",
    ] {
        assert_problem(&list(query).await, 400, "invalid_parameter", query);
    }
    assert_problem(&list("?after=!").await, 400, "invalid_cursor", "no cursor");
}

#[actix_web::test]
async fn symbols_in_paths_may_be_percent_encoded() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let model = bundled_instruments().remove(0);
    let slashed = Instrument { symbol: symbol("BTC/USD"), ..model };
    house.market_store.save_instruments(&[slashed]).await.unwrap();
    let get = async |symbol: &str| house.get(&token, &format!("/v1/market-data/symbols/{symbol}")).await;
    assert_eq!(get("BTC%2FUSD").await.json()["symbol"], "BTC/USD");
    assert_eq!(get("BTC%2DPERP").await.json()["symbol"], "BTC-PERP");
    assert_problem(&get("NONE").await, 404, "not_found", "no instrument");
    assert_problem(&get("btc").await, 400, "invalid_parameter", "no symbol");
    let empty = house.get(&token, "/v1/market-data/candles/BTC%2FUSD?timeframe=1m").await;
    assert_eq!((empty.status, empty.json()), (200, json!({"items": [], "next": null})));
}

#[actix_web::test]
async fn quotes_tell_their_age() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let get = async |path: &str| house.get(&token, &format!("/v1/market-data/quotes{path}")).await;
    assert_problem(&get("/BTC-PERP").await, 404, "not_found", "no price yet");
    assert_problem(&get("/NONE").await, 404, "not_found", "no instrument");
    house.quote("BTC-PERP", 46_000);
    house.quote("GOOG", 150);
    house.clock.advance(Duration::from_millis(1_500));
    let quote = get("/BTC-PERP").await.json();
    assert_eq!(
        quote,
        json!({"symbol": "BTC-PERP", "bid": "46000", "bid_size": "10", "ask": "46001", "ask_size": "10", "last": null,
            "last_size": null, "at": "2026-01-05T12:00:00Z", "age_ms": 1500, "stale": false, "synthetic": false})
    );
    assert_eq!(symbols(&get("").await.json()), ["BTC-PERP", "GOOG"]);
    assert_eq!(symbols(&get("?symbols=GOOG,EURUSD").await.json()), ["GOOG"], "one without a price is left out");
    house.clock.advance(Duration::from_secs(9));
    assert_eq!(get("/BTC-PERP").await.json()["stale"], true);
    let many = vec!["GOOG"; 101].join(",");
    for symbols in ["", "goog", "GOOG,", &many] {
        let answer = get(&format!("?symbols={symbols}")).await;
        assert_problem(&answer, 400, "invalid_parameter", symbols);
        assert_eq!(answer.json()["errors"][0]["parameter"], "symbols");
    }
}

#[actix_web::test]
async fn candles_are_loaded_listed_and_marked_where_they_are_missing() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let path = "/v1/market-data/candles/GOOG";
    let list = async |query: &str| house.get(&token, &format!("{path}?{query}")).await;
    for _ in 0..2 {
        let answer = house.post(&token, path, &hour()).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"kept": 3})), "and again");
    }
    let asc = list("timeframe=1m&order=asc").await.json();
    let told = |page: &Value| -> Vec<(String, bool)> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| (text(item, "open_time"), item["gap_before"].as_bool().unwrap())).collect()
    };
    let minute = |minute: &str, gap| (format!("2026-01-05T10:{minute}:00Z"), gap);
    assert_eq!(told(&asc), [minute("00", false), minute("01", false), minute("03", true)]);
    assert_eq!(
        asc["items"][0],
        json!({"open_time": "2026-01-05T10:00:00Z", "close_time": "2026-01-05T10:01:00Z", "open": "100",
            "high": "120", "low": "80", "close": "101", "volume": "3", "trades": 0, "complete": true,
            "synthetic": false, "gap_before": false})
    );
    let newest = list("timeframe=1m&limit=2").await.json();
    assert_eq!(told(&newest), [minute("03", true), minute("01", false)], "the newest first");
    let rest = list(&format!("timeframe=1m&limit=2&after={}", text(&newest, "next"))).await.json();
    assert_eq!((told(&rest), &rest["next"]), (vec![minute("00", false)], &Value::Null));
    let range = list("timeframe=1m&from=2026-01-05T10:01:00Z&to=2026-01-05T11:03:00%2B01:00").await.json();
    assert_eq!(told(&range), [minute("01", false)]);
    let hours = list("timeframe=1h").await.json();
    assert_eq!(
        (&hours["items"][0]["volume"], hours["items"].as_array().unwrap().len()),
        (&json!("9"), 1),
        "made of them"
    );

    house.market.hot.apply(&MarketEvent::Trade(sample_trade("GOOG", "2026-01-05T12:00:05Z".parse().unwrap(), 1, 99)));
    let open = &list("timeframe=1m&limit=1").await.json()["items"][0];
    assert_eq!((&open["complete"], &open["close"]), (&json!(false), &json!("99")), "the open one is there");

    for query in [
        "",
        "timeframe=2h",
        "timeframe=1m&order=up",
        "timeframe=1m&limit=501",
        "timeframe=1m&from=noon",
        "timeframe=1m&from=2026-01-05T10:00:00Z&to=2026-01-05T10:00:00Z",
    ] {
        assert_problem(&list(query).await, 400, "invalid_parameter", query);
    }
    assert_problem(&list("timeframe=1m&after=eA").await, 400, "invalid_cursor", "no time");
    let none = house.get(&token, "/v1/market-data/candles/NONE?timeframe=1m").await;
    assert_problem(&none, 404, "not_found", "no instrument");
}

#[actix_web::test]
async fn bad_candles_are_refused_and_nothing_is_kept() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let path = "/v1/market-data/candles/BTC-PERP";
    let mut cases = Vec::new();
    for (member, value, place) in [
        ("open", json!("0"), "/candles/1/open"),
        ("close", json!("-1"), "/candles/1/close"),
        ("volume", json!("-0.1"), "/candles/1/volume"),
        ("high", json!("99"), "/candles/1/high"),
        ("low", json!("100.5"), "/candles/1/low"),
        ("open", json!("1e400"), "/candles/1/open"),
        ("open_time", json!("2026-01-05T10:01:30Z"), "/candles/1/open_time"),
        ("open_time", json!("2026-01-05T10:00:00Z"), "/candles/1/open_time"),
        ("open_time", json!("noon"), "/candles/1/open_time"),
        ("colour", json!("green"), "/candles/1/colour"),
    ] {
        let mut body = hour();
        body["candles"][1][member] = value;
        cases.push((body, place));
    }
    cases.push((json!({"timeframe": "1m", "candles": []}), "/candles"));
    let many: Vec<Value> = vec![candle("2026-01-05T10:00:00Z", "100"); 5_001];
    cases.push((json!({"timeframe": "1m", "candles": many}), "/candles"));
    cases.push((json!({"timeframe": "1w", "candles": [candle("2026-01-05T10:00:00Z", "100")]}), "/timeframe"));
    for (body, place) in cases {
        let answer = house.post(&token, path, &body).await;
        let about: String = body.to_string().chars().take(300).collect();
        assert_problem(&answer, 422, "invalid_request", &about);
        assert_eq!(answer.json()["errors"][0]["pointer"], place, "{about}");
    }
    assert_eq!(house.get(&token, &format!("{path}?timeframe=1m")).await.json()["items"], json!([]));
    let none = house.post(&token, "/v1/market-data/candles/NONE", &hour()).await;
    assert_problem(&none, 404, "not_found", "no instrument");
}

#[actix_web::test]
async fn trades_are_loaded_as_the_candles_they_make() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let path = "/v1/market-data/trades/GOOG";
    let trade = |second: u32, id: u64, price: &str| {
        json!({"at": format!("2026-01-05T10:00:{second:02}Z"), "id": id, "price": price, "quantity": "2",
            "buyer_maker": false})
    };
    let batch = json!({"trades": [trade(1, 1, "100"), trade(2, 2, "105"), trade(2, 2, "105"), trade(9, 3, "102")]});
    for _ in 0..2 {
        let answer = house.post(&token, path, &batch).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"counted": 3})), "and again");
    }
    let candles = house.get(&token, "/v1/market-data/candles/GOOG?timeframe=1m").await.json();
    let made = &candles["items"][0];
    assert_eq!((&made["open"], &made["high"], &made["close"]), (&json!("100"), &json!("105"), &json!("102")));
    assert_eq!((&made["volume"], &made["trades"]), (&json!("6"), &json!(3)));
    for (body, place) in [
        (json!({"trades": []}), "/trades"),
        (json!({"trades": [trade(2, 1, "0")]}), "/trades/0/price"),
        (json!({"trades": [trade(2, 1, "1"), trade(1, 2, "1")]}), "/trades/1/at"),
        (json!({"trades": [{"at": "2026-01-05T10:00:01Z", "id": -1}]}), "/trades/0/id"),
    ] {
        let answer = house.post(&token, path, &body).await;
        assert_problem(&answer, 422, "invalid_request", &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], place, "{body}");
    }
}

#[actix_web::test]
async fn only_admins_load_market_data() {
    let house = House::open().await;
    for (role, email) in [(Role::Trader, "tom@example.com"), (Role::Viewer, "vera@example.com")] {
        let token = house.newcomer_as(role, email).await;
        let answer = house.post(&token, "/v1/market-data/candles/BTC-PERP", &hour()).await;
        assert_problem(&answer, 403, "forbidden", email);
        assert_problem(&house.post(&token, "/v1/market-data/trades/GOOG", &json!({})).await, 403, "forbidden", email);
        assert_eq!(house.get(&token, "/v1/market-data/symbols").await.status, 200);
    }
}

#[actix_web::test]
async fn only_the_host_loads_market_data_which_all_tenants_share() {
    let house = House::open().await;
    let host = house.newcomer("ada@example.com").await;
    let path = "/v1/market-data/candles/GOOG";
    assert_eq!(house.post(&host, path, &hour()).await.status, 200);
    let before = house.get(&host, &format!("{path}?timeframe=1m")).await.json();
    // Whoever registers is the admin of an organisation of their own.
    let stranger = house.newcomer("mallory@example.com").await;
    let mut forged = hour();
    forged["candles"][0]["high"] = json!("9000");
    let trades = json!({"trades": [
        {"at": "2026-01-05T10:00:01Z", "id": 1, "price": "9000", "quantity": "1", "buyer_maker": false}
    ]});
    for (path, body) in [(path, &forged), ("/v1/market-data/trades/GOOG", &trades)] {
        let answer = house.post(&stranger, path, body).await;
        assert_problem(&answer, 403, "forbidden", path);
        let detail = text(&answer.json(), "detail");
        assert!(detail.contains("only the organisation that runs the installation"), "{detail}");
    }
    let seen = house.get(&stranger, &format!("{path}?timeframe=1m")).await;
    assert_eq!((seen.status, seen.json()), (200, before), "everybody reads what the host loaded");
}

#[actix_web::test]
async fn a_store_that_is_away_is_told_honestly() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    house.market_store.set_away(true);
    for path in ["symbols", "symbols/GOOG", "quotes", "quotes/GOOG", "candles/GOOG?timeframe=1m"] {
        let answer = house.get(&token, &format!("/v1/market-data/{path}")).await;
        assert_problem(&answer, 503, "store_unavailable", path);
        assert_eq!(answer.json()["outcome"], "not_executed", "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
    }
    let upload = house.post(&token, "/v1/market-data/candles/BTC-PERP", &hour()).await;
    assert_problem(&upload, 503, "outcome_unknown", "a part may be kept");
    house.quote("GOOG", 150);
    assert_eq!(house.get(&token, "/v1/market-data/quotes/GOOG").await.status, 200, "memory still knows");
}

//! The user's own profile, settings and limits over HTTP.

use serde_json::{Value, json};
use velox_identity::IdentityStore;
use velox_kernel::Role;

use crate::identity_house::{House, text};
use crate::server::assert_problem;

const JSON: &str = "/v1/users/me";

#[actix_web::test]
async fn a_profile_is_changed_on_the_version_that_was_read() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let patch = async |headers: &[(&str, &str)], body: Value| {
        house.call(&token, "PATCH", JSON, headers, &body.to_string()).await
    };
    let answer = patch(&[("If-Match", "\"1\"")], json!({"display_name": "Ada King"})).await;
    assert_eq!((answer.status, answer.header("etag")), (200, Some("\"2\"")));
    assert_eq!(answer.json()["display_name"], "Ada King");
    let stale = patch(&[("If-Match", "\"1\"")], json!({"display_name": "Eve"})).await;
    assert_problem(&stale, 412, "precondition_failed", "somebody was first");
    assert_problem(&patch(&[("If-Match", "2")], json!({})).await, 400, "invalid_parameter", "no ETag");
    for (body, pointer) in [
        (json!({"display_name": ""}), "/display_name"),
        (json!({"display_name": null}), "/display_name"),
        (json!({"display_name": "x".repeat(81)}), "/display_name"),
        (json!({"role": "admin"}), "/role"),
        (json!({"email": "eve@example.com"}), "/email"),
    ] {
        let answer = patch(&[], body.clone()).await;
        assert_problem(&answer, 422, "invalid_request", &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    assert_eq!(house.get(&token, JSON).await.json()["display_name"], "Ada King");
}

#[actix_web::test]
async fn settings_are_set_as_a_whole() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let path = "/v1/users/me/settings";
    let usual = house.get(&token, path).await.json();
    assert_eq!(usual, json!({"timezone": "UTC", "locale": "en", "theme": "system", "default_account_id": null}));
    let wanted = json!({"timezone": "Europe/Berlin", "locale": "de-AT", "theme": "dark",
        "default_account_id": "acc_01h455vb4pex5vsknk084sn02q"});
    let answer = house.call(&token, "PUT", path, &[], &wanted.to_string()).await;
    assert_eq!((answer.status, answer.json()), (200, wanted.clone()));
    let read = house.get(&token, path).await;
    assert_eq!((read.header("etag"), read.json()), (Some("\"2\""), wanted.clone()));
    for (member, value) in [
        ("timezone", json!("Europe Berlin")),
        ("locale", json!("e")),
        ("theme", json!("pink")),
        ("theme", Value::Null),
        ("default_account_id", json!("usr_01h455vb4pex5vsknk084sn02q")),
        ("sound", json!(true)),
    ] {
        let mut body = wanted.clone();
        body[member] = value;
        let answer = house.call(&token, "PUT", path, &[], &body.to_string()).await;
        assert_problem(&answer, 422, "invalid_request", &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("/{member}"), "{body}");
    }
    let stale = house.call(&token, "PUT", path, &[("If-Match", "\"1\"")], &wanted.to_string()).await;
    assert_problem(&stale, 412, "precondition_failed", "an old version");
    assert_eq!(house.get(&token, path).await.json(), wanted);
}

#[actix_web::test]
async fn risk_settings_become_the_limits_of_every_account() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let stranger = house.newcomer("eve@example.com").await;
    let open = async |token: &str, name: &str| {
        let answer = house.post(token, "/v1/brokers", &json!({"kind": "paper", "name": name})).await;
        assert_eq!(answer.status, 201, "{}", answer.json());
        text(&answer.json(), "account_id")
    };
    let limits = async |token: &str, account: &str| {
        house.get(token, &format!("/v1/accounts/{account}")).await.json()["limits"].clone()
    };
    let (first, second, foreign) = (open(&token, "A").await, open(&token, "B").await, open(&stranger, "C").await);
    let path = "/v1/users/me/risk-settings";
    let body = json!({"max_order_quantity": 0.5, "price_collar_percent": "5.0", "max_daily_trades": 9});
    let answer = house.call(&token, "PUT", path, &[], &body.to_string()).await;
    let kept = json!({"max_order_quantity": "0.5", "max_order_notional": null, "max_position_quantity": null,
        "price_collar_percent": "5", "max_daily_loss": null, "max_daily_trades": 9});
    assert_eq!((answer.status, answer.json()), (200, kept.clone()));
    assert_eq!(house.get(&token, path).await.json(), kept);
    let later = open(&token, "D").await;
    for account in [&first, &second, &later] {
        let limits = limits(&token, account).await;
        assert_eq!((&limits["max_order_quantity"], &limits["price_collar"]), (&json!("0.5"), &json!("5")), "{account}");
        assert_eq!((&limits["daily_trades"], &limits["max_open_orders"]), (&json!(9), &json!(10_000)), "{account}");
    }
    assert_eq!(limits(&stranger, &foreign).await["max_order_quantity"], Value::Null, "another tenant's");

    let events = async || house.get(&token, &format!("/v1/accounts/{first}/events")).await.json()["items"].clone();
    let before = events().await;
    assert_eq!(before[1]["actor"]["kind"], "user");
    assert_eq!(house.call(&token, "PUT", path, &[], &body.to_string()).await.status, 200);
    assert_eq!(events().await, before, "the same again changes nothing");
    assert_eq!(house.call(&token, "PUT", path, &[], "{}").await.status, 200);
    assert_eq!(limits(&token, &first).await["max_order_quantity"], Value::Null, "what is left out sets none");
}

#[actix_web::test]
async fn risk_settings_that_make_no_sense_are_refused() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let path = "/v1/users/me/risk-settings";
    for (member, value) in [
        ("max_order_quantity", json!("0")),
        ("max_order_notional", json!("-1")),
        ("max_position_quantity", json!("much")),
        ("price_collar_percent", json!("100.1")),
        ("max_daily_loss", json!(0)),
        ("max_daily_trades", json!(0)),
        ("max_daily_trades", json!(-1)),
        ("reduce_only", json!(true)),
        ("max_position_notional", json!("1000")),
    ] {
        let body = json!({member: value});
        let answer = house.call(&token, "PUT", path, &[], &body.to_string()).await;
        assert_problem(&answer, 422, "invalid_request", &body.to_string());
        assert_eq!(answer.json()["errors"][0]["pointer"], format!("/{member}"), "{body}");
    }
    let stale = house.call(&token, "PUT", path, &[("If-Match", "\"9\"")], "{}").await;
    assert_problem(&stale, 412, "precondition_failed", "another version");
    assert_eq!(house.get(&token, path).await.header("etag"), Some("\"1\""), "nothing was kept");
}

#[actix_web::test]
async fn a_viewer_minds_their_profile_and_no_limits() {
    let house = House::open().await;
    let viewer = house.newcomer_as(Role::Viewer, "vera@example.com").await;
    let renamed = house.call(&viewer, "PATCH", JSON, &[], r#"{"display_name":"Vera"}"#).await;
    assert_eq!((renamed.status, &renamed.json()["role"]), (200, &json!("viewer")));
    assert_eq!(house.get(&viewer, "/v1/users/me/risk-settings").await.status, 200);
    let limits = house.call(&viewer, "PUT", "/v1/users/me/risk-settings", &[], "{}").await;
    assert_problem(&limits, 403, "forbidden", "they are the accounts'");
}

#[actix_web::test]
async fn of_two_changes_that_cross_the_accounts_end_with_what_the_user_ends_with() {
    let house = House::open().await;
    let token = house.newcomer("ada@example.com").await;
    let paper = json!({"kind": "paper", "name": "Main"});
    let account = text(&house.post(&token, "/v1/brokers", &paper).await.json(), "account_id");
    let limits = async || house.get(&token, &format!("/v1/accounts/{account}")).await.json()["limits"].clone();
    let mine = json!({"max_daily_trades": 5});
    house.call(&token, "PUT", "/v1/users/me/risk-settings", &[], &mine.to_string()).await;
    // The user is in this process's memory when another process changes the settings and brings its change.
    assert_eq!(house.get(&token, "/v1/users/me/risk-settings").await.json()["max_daily_trades"], 5);
    let mut user = house.users.user_by_email(&"ada@example.com".parse().unwrap()).await.unwrap().unwrap();
    let before = user.risk_settings.clone();
    user.risk_settings.max_daily_trades = Some(7);
    assert!(house.users.update_user(&user).await.unwrap());
    let actor = velox_kernel::Actor {
        org: user.org,
        user: user.id,
        role: user.role,
        session: velox_kernel::SessionId::new(user.id.uuid()),
    };
    velox::bridges::bring_risk_settings(
        &actor,
        &house.identity,
        &house.trading,
        &before,
        velox_kernel::Origin::default(),
    )
    .await
    .unwrap();
    assert_eq!(limits().await["daily_trades"], 7, "{}", limits().await);
}

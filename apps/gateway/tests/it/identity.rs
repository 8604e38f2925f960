//! Signing in and out over HTTP, with real keys and hashes at a low cost.

use std::time::Duration;

use serde_json::{Value, json};
use velox_identity::IdentityConfig;
use velox_kernel::Role;

use crate::identity_house::{House, PASSWORD, text};
use crate::server::assert_problem;

const EMAIL: &str = "ada@example.com";

fn pointer(answer: &crate::server::Answer) -> Value {
    answer.json()["errors"][0]["pointer"].clone()
}

#[actix_web::test]
async fn nobody_registers_unless_the_installation_says_so() {
    let house = House::with(IdentityConfig::default(), &[]).await;
    let body = json!({"email": EMAIL, "display_name": "Ada", "password": PASSWORD});
    let answer = house.post("", "/v1/auth/register", &body).await;
    assert_problem(&answer, 403, "registration_closed", "closed");
    assert_problem(&house.log_in(EMAIL, PASSWORD).await, 401, "invalid_credentials", "nobody was made");
}

#[actix_web::test]
async fn a_newcomer_is_signed_in_and_can_sign_in_again() {
    let house = House::open().await;
    let body = json!({"email": "Ada@Example.com", "display_name": " Ada ", "password": PASSWORD});
    let answer = house.post("", "/v1/auth/register", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.json());
    assert_eq!(answer.header("location"), Some("/v1/users/me"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let again = house.log_in(EMAIL, PASSWORD).await;
    assert_eq!((again.status, again.header("cache-control")), (200, Some("no-store")));
    for tokens in [answer.json(), again.json()] {
        assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(300)));
        assert_eq!(tokens["refresh_expires_in"], 604_800);
        assert!(text(&tokens, "access_token").starts_with("v4.public."));
        assert!(text(&tokens, "session_id").starts_with("ses_"));
        let me = house.get(&text(&tokens, "access_token"), "/v1/users/me").await;
        assert_eq!((me.status, me.header("etag")), (200, Some("\"1\"")));
        let me = me.json();
        assert_eq!((&me["email"], &me["display_name"], &me["role"]), (&json!(EMAIL), &json!("Ada"), &json!("admin")));
        assert!(me["permissions"].as_array().unwrap().contains(&json!("users_write")));
        assert!(!me.to_string().contains("hash"), "{me}");
    }
}

#[actix_web::test]
async fn bad_registrations_are_refused_where_they_are_wrong() {
    let house = House::open().await;
    house.register(EMAIL).await;
    let good = json!({"email": "eve@example.com", "display_name": "Eve", "password": PASSWORD});
    for (member, value, status, code) in [
        ("email", json!("eve"), 422, "invalid_request"),
        ("email", json!(7), 422, "invalid_request"),
        ("email", json!("ADA@example.com"), 409, "email_taken"),
        ("display_name", json!(" "), 422, "invalid_request"),
        ("password", json!("short"), 422, "weak_password"),
        ("password", json!("eve@example.com"), 422, "weak_password"),
        ("password", json!("x".repeat(129)), 422, "weak_password"),
        ("colour", json!("red"), 422, "invalid_request"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let answer = house.post("", "/v1/auth/register", &body).await;
        assert_problem(&answer, status, code, &body.to_string());
        assert_eq!(pointer(&answer), format!("/{member}"), "{body}");
    }
    assert_problem(&house.log_in("eve@example.com", PASSWORD).await, 401, "invalid_credentials", "nothing was kept");
}

#[actix_web::test]
async fn what_was_wrong_is_not_told() {
    let house = House::open().await;
    house.register(EMAIL).await;
    house.register("gone@example.com").await;
    house.change_access("gone@example.com", Role::Admin, true).await;
    let mut told = Vec::new();
    for (email, password) in
        [(EMAIL, "wrong"), ("nobody@example.com", PASSWORD), ("gone@example.com", PASSWORD), (EMAIL, "")]
    {
        let answer = house.log_in(email, password).await;
        assert_problem(&answer, 401, "invalid_credentials", email);
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="velox""#));
        let mut body = answer.json();
        body["request_id"].take();
        told.push(body);
    }
    assert!(told.iter().all(|body| *body == told[0]), "{told:?}");
    let long = house.log_in(EMAIL, &"x".repeat(513)).await;
    assert_problem(&long, 422, "invalid_request", "no password is that long");
    assert_eq!(pointer(&long), "/password");
}

#[actix_web::test]
async fn attempts_to_sign_in_are_limited() {
    let open = IdentityConfig { registration_open: true, ..IdentityConfig::default() };
    let house = House::with(open, &[("limits.logins_per_minute", "3")]).await;
    house.register(EMAIL).await;
    assert_eq!(house.log_in(EMAIL, PASSWORD).await.status, 200);
    assert_problem(&house.log_in(EMAIL, "wrong").await, 401, "invalid_credentials", "the third attempt");
    let answer = house.log_in(EMAIL, PASSWORD).await;
    assert_problem(&answer, 429, "rate_limited", "the fourth");
    assert!(answer.header("retry-after").is_some());
}

#[actix_web::test]
async fn access_tokens_end_and_cannot_be_changed() {
    let house = House::open().await;
    let token = house.newcomer(EMAIL).await;
    let tampered = token.replace("v4.public.e", "v4.public.f");
    assert_problem(&house.get(&tampered, "/v1/users/me").await, 401, "unauthenticated", "tampered");
    house.clock.advance(Duration::from_secs(299));
    assert_eq!(house.get(&token, "/v1/users/me").await.status, 200);
    house.clock.advance(Duration::from_secs(1));
    assert_problem(&house.get(&token, "/v1/users/me").await, 401, "token_expired", "five minutes old");
}

#[actix_web::test]
async fn refresh_tokens_work_once_and_reuse_ends_the_session() {
    let mut house = House::open().await;
    let first = house.register(EMAIL).await;
    let refresh = async |house: &House, tokens: &Value| {
        house.post("", "/v1/auth/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await
    };
    let second = refresh(&house, &first).await;
    assert_eq!((second.status, second.header("cache-control")), (200, Some("no-store")));
    let second = second.json();
    assert_eq!(second["session_id"], first["session_id"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(refresh(&house, &first).await.status, 200, "two requests that cross");
    let third = refresh(&house, &second).await.json();
    assert_eq!(house.get(&text(&third, "access_token"), "/v1/users/me").await.status, 200);
    assert_eq!(house.ended(), Vec::<String>::new());

    let reused = refresh(&house, &first).await;
    assert_problem(&reused, 401, "invalid_refresh_token", "two generations old");
    assert!(reused.header("www-authenticate").is_some());
    assert_eq!(house.ended(), [text(&first, "session_id")]);
    assert_problem(&refresh(&house, &third).await, 401, "invalid_refresh_token", "the whole family has ended");
    let access = house.get(&text(&third, "access_token"), "/v1/users/me").await;
    assert_problem(&access, 401, "session_revoked", "and its access token");
    let unknown = json!({"refresh_token": "never given out"});
    assert_problem(&house.post("", "/v1/auth/refresh", &unknown).await, 401, "invalid_refresh_token", "unknown");
    let fresh = house.log_in(EMAIL, PASSWORD).await.json();
    house.clock.advance(Duration::from_secs(7 * 24 * 3_600));
    assert_problem(&refresh(&house, &fresh).await, 401, "invalid_refresh_token", "expired");
    assert_problem(&house.post("", "/v1/auth/refresh", &json!({})).await, 422, "invalid_request", "none");
}

#[actix_web::test]
async fn logging_out_ends_this_session_alone() {
    let mut house = House::open().await;
    let first = house.register(EMAIL).await;
    let (here, there) =
        (text(&first, "access_token"), text(&house.log_in(EMAIL, PASSWORD).await.json(), "access_token"));
    let answer = house.call(&here, "POST", "/v1/auth/logout", &[], "").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(house.ended(), [text(&first, "session_id")]);
    assert_problem(&house.get(&here, "/v1/users/me").await, 401, "session_revoked", "here");
    assert_eq!(house.get(&there, "/v1/users/me").await.status, 200);
    let refresh = json!({"refresh_token": first["refresh_token"]});
    assert_problem(&house.post("", "/v1/auth/refresh", &refresh).await, 401, "invalid_refresh_token", "ended");
}

#[actix_web::test]
async fn logging_out_everywhere_ends_every_session_of_the_user() {
    let mut house = House::open().await;
    let here = house.newcomer(EMAIL).await;
    let there = text(&house.log_in(EMAIL, PASSWORD).await.json(), "access_token");
    let other = house.newcomer("eve@example.com").await;
    let answer = house.call(&here, "POST", "/v1/auth/logout-everywhere", &[], "").await;
    assert_eq!((answer.status, answer.json()), (200, json!({"ended": 2})));
    assert_eq!(house.ended().len(), 2);
    for token in [here, there] {
        assert_problem(&house.get(&token, "/v1/users/me").await, 401, "session_revoked", "everywhere");
    }
    assert_eq!(house.get(&other, "/v1/users/me").await.status, 200);
}

#[actix_web::test]
async fn a_new_password_shuts_out_whoever_came_in_with_the_old_one() {
    let mut house = House::open().await;
    let here = house.newcomer(EMAIL).await;
    let there = text(&house.log_in(EMAIL, PASSWORD).await.json(), "access_token");
    let change = async |house: &House, current: &str, new: &str| {
        house.post(&here, "/v1/auth/password", &json!({"current_password": current, "new_password": new})).await
    };
    let new = "moss-kettle-arrow-pine";
    let wrong = change(&house, "wrong", new).await;
    assert_problem(&wrong, 422, "wrong_password", "wrong");
    assert_eq!(pointer(&wrong), "/current_password");
    let weak = change(&house, PASSWORD, "password1234").await;
    assert_problem(&weak, 422, "weak_password", "everybody tries that first");
    assert_eq!(pointer(&weak), "/new_password");
    assert_eq!(pointer(&change(&house, &"x".repeat(513), new).await), "/current_password");
    assert_eq!(house.get(&there, "/v1/users/me").await.status, 200, "nothing has happened yet");

    let changed = change(&house, PASSWORD, new).await;
    assert_eq!((changed.status, changed.header("cache-control")), (200, Some("no-store")), "{}", changed.json());
    assert_eq!(house.ended().len(), 2);
    for token in [&here, &there] {
        assert_problem(&house.get(token, "/v1/users/me").await, 401, "session_revoked", "of before");
    }
    assert_eq!(house.get(&text(&changed.json(), "access_token"), "/v1/users/me").await.status, 200);
    assert_problem(&house.log_in(EMAIL, PASSWORD).await, 401, "invalid_credentials", "the old one");
    assert_eq!(house.log_in(EMAIL, new).await.status, 200);
}

#[actix_web::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let mut house = House::open().await;
    let here = house.newcomer(EMAIL).await;
    house.clock.advance(Duration::from_secs(1));
    let there = house.log_in(EMAIL, PASSWORD).await.json();
    let stranger = house.newcomer("eve@example.com").await;
    let listed = house.get(&here, "/v1/auth/sessions").await.json();
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["next"]), (2, &Value::Null));
    let newest = &listed["items"][0];
    assert_eq!(
        (&newest["id"], &newest["label"], &newest["current"]),
        (&there["session_id"], &json!("a browser"), &json!(false))
    );
    assert_eq!(listed["items"][1]["current"], true);

    let path = format!("/v1/auth/sessions/{}", text(&there, "session_id"));
    assert_problem(&house.call(&stranger, "DELETE", &path, &[], "").await, 404, "not_found", "somebody else's");
    assert_eq!(house.call(&here, "DELETE", &path, &[], "").await.status, 204);
    assert_eq!(house.ended(), [text(&there, "session_id")]);
    let answer = house.get(&text(&there, "access_token"), "/v1/users/me").await;
    assert_problem(&answer, 401, "session_revoked", "ended from elsewhere");
    assert_problem(&house.call(&here, "DELETE", &path, &[], "").await, 404, "not_found", "ended already");
    let none = house.call(&here, "DELETE", "/v1/auth/sessions/7", &[], "").await;
    assert_problem(&none, 400, "invalid_parameter", "no session id");
}

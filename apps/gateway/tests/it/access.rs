//! Every row of every table is held to its access.

use velox::http::health::HealthChecks;
use velox::http::{Access, RouteTable, routes};
use velox_kernel::Role;

use crate::routes::table;
use crate::server::{assert_problem, request, start};

/// Walks all rows: what needs a token refuses without one, with bad ones, and to roles that may not.
async fn walk(table: RouteTable) -> usize {
    assert_eq!(table.faults(), Vec::<String>::new());
    assert_eq!(velox::http::openapi::faults(&table), Vec::<String>::new());
    let running = start(table.clone(), HealthChecks::default(), &[("limits.requests_per_minute", "0")]);
    let mut guarded = 0;
    for row in table.rows() {
        let path = row.path.replace('{', "x").replace('}', "y").replace(":.*", "");
        let method = row.method.as_str();
        let about = format!("{method} {}", row.path);
        let with = async |token: &str| {
            let header = format!("Bearer {token}");
            request(running.address, method, &path, &[("Authorization", &header)], b"").await
        };
        if row.access == Access::Public {
            continue;
        }
        guarded += 1;
        let answer = request(running.address, method, &path, &[], b"").await;
        assert_problem(&answer, 401, "unauthenticated", &about);
        assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="velox""#), "{about}");
        for header in
            ["trader", "Basic dHJhZGVy", "Bearer", "Bearer  ", "Bearer garbage", "Bearer trader2", "Token trader"]
        {
            let answer = request(running.address, method, &path, &[("Authorization", header)], b"").await;
            assert_problem(&answer, 401, "unauthenticated", &format!("{about} with `{header}`"));
            assert!(answer.header("www-authenticate").is_some(), "{about}");
        }
        let twice = [("Authorization", "Bearer admin"), ("Authorization", "Bearer admin")];
        assert_problem(&request(running.address, method, &path, &twice, b"").await, 401, "unauthenticated", &about);
        assert_problem(&with("expired").await, 401, "token_expired", &about);
        assert_problem(&with("revoked").await, 401, "session_revoked", &about);
        assert_problem(&with("unavailable").await, 503, "store_unavailable", &about);
        let guest = with("guest").await;
        if matches!(row.access, Access::HostMay(_)) {
            assert_problem(&guest, 403, "forbidden", &format!("{about} as another organisation's admin"));
        } else {
            assert!(!matches!(guest.status, 401 | 403), "{about} as another organisation's admin: {}", guest.status);
        }
        if let Access::May(permission) | Access::HostMay(permission) = row.access {
            for role in Role::ALL {
                let answer = with(role.as_str()).await;
                if role.allows(permission) {
                    assert!(!matches!(answer.status, 401 | 403), "{about} as {role}: {}", answer.status);
                } else {
                    assert_problem(&answer, 403, "forbidden", &format!("{about} as {role}"));
                }
            }
        }
    }
    guarded
}

#[tokio::test]
async fn rows_of_the_test_table_are_guarded() {
    assert_eq!(walk(table()).await, 6);
}

#[tokio::test]
async fn rows_of_the_servers_table_are_guarded() {
    walk(routes()).await;
}

#[tokio::test]
async fn access_is_checked_before_the_body_is_read() {
    let running = start(table(), HealthChecks::default(), &[]);
    // The announced body never comes; the answer does.
    let mut client = crate::server::Client::connect(running.address).await;
    client.send(b"POST /t/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n").await;
    assert_problem(&client.receive(true).await, 401, "unauthenticated", "no body yet");
}

#[tokio::test]
async fn a_token_that_cannot_be_checked_in_time_executes_nothing() {
    let running = start(table(), HealthChecks::default(), &[]);
    let hangs = [("Authorization", "Bearer hangs")];
    let answer = request(running.address, "POST", "/t/orders", &hangs, b"{}").await;
    assert_problem(&answer, 503, "store_unavailable", "hangs");
    assert_eq!(answer.json()["outcome"], "not_executed");
}

//! What the client makes of servers that misbehave, and what it says to them.

use std::time::Duration;

use tokio::time::Instant;
use velox_messages::{Compatibility, RegistryError, SchemaId, SchemaRegistry as _};
use velox_schema_registry::{HttpRegistry, RegistryDeadlines};

use crate::canned::{Canned, Manner};

/// How long the client waits in these tests.
const WHOLE: Duration = Duration::from_millis(300);
/// What the slowest machine may add.
const PATIENCE: Duration = Duration::from_secs(10);

fn client(url: String) -> HttpRegistry {
    HttpRegistry::new(&url.into(), RegistryDeadlines { connect: WHOLE, whole: WHOLE }).unwrap()
}

fn patient(url: String) -> HttpRegistry {
    HttpRegistry::new(&url.into(), RegistryDeadlines { connect: PATIENCE, whole: PATIENCE }).unwrap()
}

#[tokio::test]
async fn says_what_the_api_wants_under_the_path_it_was_given() {
    let server = Canned::start(Manner::Answers(200, br#"{"id":7,"schema":"\"long\""}"#.to_vec())).await;
    let registry = patient(format!("http://velox:s%2Fcret@{}/apis/ccompat/v7/", server.address));
    assert_eq!(registry.register("velox.orders.v1-value", r#""long""#).await, Ok(SchemaId(7)));
    assert_eq!(registry.schema(SchemaId(7)).await, Ok(r#""long""#.to_owned()));
    assert_eq!(registry.set_compatibility("a/b", Compatibility::FullTransitive).await, Ok(()));
    let asked = server.asked();
    let first_lines: Vec<_> = asked.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        first_lines,
        [
            "POST /apis/ccompat/v7/subjects/velox.orders.v1-value/versions HTTP/1.1",
            "GET /apis/ccompat/v7/schemas/ids/7 HTTP/1.1",
            "PUT /apis/ccompat/v7/config/a%2Fb HTTP/1.1",
        ]
    );
    assert!(asked[0].ends_with(r#"{"schema":"\"long\"","schemaType":"AVRO"}"#), "{}", asked[0]);
    assert!(asked[2].ends_with(r#"{"compatibility":"FULL_TRANSITIVE"}"#), "{}", asked[2]);
    for request in &asked {
        let head = request.to_ascii_lowercase();
        assert!(head.contains("authorization: basic dmvsb3g6cy9jcmv0\r\n"), "velox:s/cret, in lower case: {request}");
    }
}

#[tokio::test]
async fn whoever_does_not_answer_in_time_is_away() {
    for manner in [Manner::Silent, Manner::Drips, Manner::HangsUp] {
        let server = Canned::start(manner).await;
        let begun = Instant::now();
        let answer = client(format!("http://{}", server.address)).schema(SchemaId(1)).await;
        assert!(matches!(answer, Err(RegistryError::Away(_))), "{answer:?}");
        assert!(begun.elapsed() < PATIENCE);
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = client(format!("http://user:secret@{closed}")).schema(SchemaId(1)).await;
    let Err(RegistryError::Away(reason)) = answer else { panic!("{answer:?}") };
    assert!(!reason.contains("secret"), "{reason}");
}

#[tokio::test]
async fn more_askers_than_threads_all_hear_in_time() {
    let server = Canned::start(Manner::Silent).await;
    let registry = client(format!("http://{}", server.address));
    let begun = Instant::now();
    let asked = futures_util::future::join_all((0..40).map(|id| registry.schema(SchemaId(id)))).await;
    assert!(asked.iter().all(|answer| matches!(answer, Err(RegistryError::Away(_)))));
    assert!(begun.elapsed() < PATIENCE, "they wait together, not one after the other");
    assert!(server.asked().len() <= 16, "no more than eight at once, and again once those have ended");
}

#[tokio::test]
async fn what_is_no_registry_does_not_pass_for_an_unknown_schema() {
    for (status, body) in [(404, "<html>nothing here</html>"), (200, "<html>welcome</html>"), (302, ""), (401, "")] {
        let server = Canned::start(Manner::Answers(status, body.as_bytes().to_vec())).await;
        let answer = patient(format!("http://{}", server.address)).schema(SchemaId(1)).await;
        assert!(matches!(answer, Err(RegistryError::Refused(_))), "{status} {body}: {answer:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_with_is_told_apart() {
    let long = format!(r#"{{"schema":"{}"}}"#, "x".repeat(2 << 20));
    let protobuf = r#"{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF"}"#.to_owned();
    for body in [long, protobuf] {
        let server = Canned::start(Manner::Answers(200, body.into_bytes())).await;
        let answer = patient(format!("http://{}", server.address)).schema(SchemaId(1)).await;
        assert!(matches!(answer, Err(RegistryError::Unusable(_))), "{answer:?}");
    }
    let server = Canned::start(Manner::Answers(200, vec![])).await;
    let answer = patient(format!("http://{}", server.address)).schema(SchemaId(u32::MAX)).await;
    assert_eq!((answer, server.asked().len()), (Err(RegistryError::Unknown), 0), "no registry gives such an id");
}

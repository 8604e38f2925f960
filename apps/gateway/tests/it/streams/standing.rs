//! Streams end with the session.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use uuid::Uuid;
use velox::streams::Standing;
use velox_kernel::{Actor, SessionId};

use super::listener::{Listener, PATIENCE};
use crate::trading::world::World;

/// A store that never answers.
struct Silent {
    asked: Semaphore,
}

#[async_trait]
impl Standing for Silent {
    async fn still_stands(&self, _: &Actor, _: Duration) -> bool {
        self.asked.add_permits(1);
        std::future::pending().await
    }
}

#[actix_web::test]
async fn an_end_that_is_heard_counts_while_the_store_is_asked() {
    let silent = Arc::new(Silent { asked: Semaphore::new(0) });
    let standing = Arc::clone(&silent);
    let world = World::made(&[], |trading| trading, |desk| desk.standing = standing).await;
    let path = format!("/v1/stream?channels=orders&accounts={}", world.account);
    let mut listener = Listener::open(world.address, &path, &[]).await;
    listener.hear("\"subscribed\"").await;
    timeout(PATIENCE, silent.asked.acquire()).await.unwrap().unwrap().forget();
    world.desk.sessions_ended.send(SessionId::new(Uuid::nil())).unwrap();
    listener.hear("\"reason\":\"session_ended\"").await;
}

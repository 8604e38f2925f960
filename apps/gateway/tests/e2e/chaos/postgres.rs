//! PostgreSQL is killed and comes back. While it is away, requests get a 503 that tells the truth.

use std::time::{Duration, Instant};

use super::round::{LOOK, Played};
use super::{GOOD_WITHIN, campaign};
use crate::api::Api;
use crate::audit::Books;
use crate::database::Database;
use crate::installation::Installation;
use crate::own_postgres::OwnPostgres;
use crate::story::resting;
use crate::waiting::say;

/// How long a request may take while the database is away.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn the_database_is_killed() {
    campaign("postgres", Duration::from_secs(6), |round| {
        let mut postgres = OwnPostgres::start();
        let installation = Installation::on_database(Database::empty_on(&postgres.url()));
        let server = installation.start();
        let address = server.address;
        let mut bystander = installation.client(&server);
        let mut refused = Vec::new();
        let Played { books, .. } = round.play(address, installation.client(&server), |scene| {
            while scene.goes_on() {
                scene.pass(500, 2_000);
                postgres.kill();
                let name = format!("{LOOK}while-away-{}", refused.len());
                let (outcome, after) = refusal(&mut bystander, &resting(&scene.account, &name), REFUSED_WITHIN);
                say(&format!("refused after {after:?}: {outcome}"));
                refused.push((name, outcome));
                scene.pass(0, 2_000);
                postgres.start_again();
                let good = scene.until_good(address);
                say(&format!("an order was taken {good:?} after its return"));
                assert!(good <= GOOD_WITHIN);
            }
            vec![address]
        });
        were_true(&refused, &books);
        installation.verify();
        server.stop();
        installation.verify();
        drop(installation);
        drop(postgres);
    });
}

/// A request is refused while the database is away, soon and truthfully; gives the outcome and how long that took.
pub(super) fn refusal(api: &mut Api, order: &serde_json::Value, within: Duration) -> (String, Duration) {
    let began = Instant::now();
    let answer = api.call("POST", "/v1/orders", Some(order)).unwrap();
    let took = began.elapsed();
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(took <= within, "{took:?}");
    (answer.text("outcome").to_owned(), took)
}

/// Checks that no order of these names exists that was said to be not executed.
pub(super) fn were_true(refused: &[(String, String)], books: &Books) {
    for (name, outcome) in refused {
        assert!(outcome == "unknown" || !books.by_name().contains_key(name.as_str()), "{name} was not {outcome}");
    }
}

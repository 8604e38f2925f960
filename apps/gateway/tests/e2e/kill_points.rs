//! One kill at each step of a command, and the command sent again under its id.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use serde_json::Value;

use crate::api::{Answer, Api};
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::stack::Stack;
use crate::story::{market, resting, wait_until};
use crate::waiting::{PATIENCE, say, wait_for};

/// How soon it must be ready after a crash.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(2);

/// Starts the server that clients are at again after a crash: it must be ready in time.
fn start_again(stack: &Stack) -> Server {
    let server = Server::start(&mut stack.serve());
    let took = server.ready_after;
    assert!(took <= READY_WITHIN, "it was ready only {took:?} after the crash");
    server
}

/// Starts a server that ends at a step of the next command of a client.
fn start_doomed(stack: &Stack, step: &str) -> Server {
    Server::start(stack.serve().env("VELOX_TEST_KILL_AT", step))
}

/// Waits until it was killed by itself.
fn must_die(server: &mut Server) {
    let status = server.ended();
    assert_eq!(status.signal(), Some(9), "{status}");
}

/// Starts everything but the server that clients are at. Gives the account's id.
fn prepare(stack: &mut Stack) -> String {
    let server = stack.start();
    let account = stack.installation().client(&server).account();
    server.stop();
    account
}

fn place(api: &mut Api, order: &Value) -> std::io::Result<Answer> {
    api.call("POST", "/v1/orders", Some(order))
}

/// Sends an unanswered order again: it is taken, and the answer says whether it was there.
fn send_again(api: &mut Api, order: &Value, was_there: bool, step: &str) -> String {
    let answer = place(api, order).unwrap();
    assert_eq!(answer.status, 201, "{step}: {answer:?}");
    assert_eq!(answer.is_replayed(), was_there, "{step}: {answer:?}");
    answer.text("id").to_owned()
}

#[test]
fn a_kill_at_each_step_on_sqlite() {
    let mut stack = Stack::Whole(Installation::on_sqlite());
    let account = prepare(&mut stack);
    at_each_step(&stack, &account, &["received", "decided", "appended", "committed", "answered"]);
    ends_well(stack, &account);
}

#[test]
fn a_kill_at_each_step_on_postgres() {
    at_each_step_of_postgres(Stack::Whole(Installation::on_postgres(Syncs::Off)));
}

/// A gateway is killed, and the command sent again to the other one.
#[test]
fn a_kill_at_each_step_on_a_split_stack() {
    at_each_step_of_postgres(Stack::split());
}

fn at_each_step_of_postgres(mut stack: Stack) {
    let account = prepare(&mut stack);
    at_each_step(&stack, &account, &["received", "decided", "committed", "answered"]);
    between_the_write_and_its_commit(&stack, &account, Fate::Commits);
    between_the_write_and_its_commit(&stack, &account, Fate::RollsBack);
    ends_well(stack, &account);
}

fn ends_well(mut stack: Stack, account: &str) {
    let server = start_again(&stack);
    let books = Books::at_rest(&mut stack.installation().client(&server), account);
    books.agree();
    stack.holds(&books, account);
    stack.stop(server);
}

fn at_each_step(stack: &Stack, account: &str, steps: &[&str]) {
    let installation = stack.installation();
    for step in steps {
        let durable = matches!(*step, "committed" | "answered");
        let doomed = resting(account, &format!("killed-when-{step}"));
        let mut server = start_doomed(stack, step);
        let answered = place(&mut installation.trader(&server), &doomed);
        // Between handing the answer over and its way to the client there is no telling.
        assert!(answered.is_err() || *step == "answered", "{step}: {answered:?}");
        must_die(&mut server);

        let server = start_again(stack);
        say(&format!("killed when {step}; ready again after {:?}", server.ready_after));
        let mut api = installation.trader(stack.other_than(&server));
        let id = send_again(&mut api, &doomed, durable, step);
        wait_until(&mut api, &id, "new");
        assert!(answered.is_err() || answered.unwrap().text("id") == id, "the same order is the same order");
        server.stop();

        // The same step of another command: taking the order back.
        let mut server = start_doomed(stack, step);
        let path = format!("/v1/orders/{id}");
        let answered = installation.trader(&server).call("DELETE", &path, None);
        assert!(answered.is_err() || *step == "answered", "{step}: {answered:?}");
        must_die(&mut server);
        let server = start_again(stack);
        let mut api = installation.trader(stack.other_than(&server));
        let again = api.call("DELETE", &path, None).unwrap();
        // What was durable may have come to its end since.
        assert!(matches!(again.status, 200 | 202) || durable && again.status == 409, "{step}: {again:?}");
        wait_until(&mut api, &id, "canceled");
        let books = Books::at_rest(&mut api, account);
        books.agree();
        assert_eq!(books.order(text(&doomed, "client_order_id"))["id"], id.as_str());
        for once in ["order_accepted", "order_cancel_requested", "order_canceled"] {
            assert_eq!(books.events_of(&id, once), 1, "{step}: {once}");
        }
        server.stop();
    }
    killed_with_the_answer_in_hand(stack, account);
    installation.verify();
}

/// The kill comes as soon as the client has its answer: what was answered stands.
fn killed_with_the_answer_in_hand(stack: &Stack, account: &str) {
    let installation = stack.installation();
    for (number, order) in [resting(account, "in-hand-rests"), market(account, "in-hand-fills")].iter().enumerate() {
        let server = start_again(stack);
        let answer = place(&mut installation.trader(&server), order).unwrap();
        server.kill();
        assert_eq!(answer.status, 201, "{answer:?}");
        let server = start_again(stack);
        let mut api = installation.trader(stack.other_than(&server));
        let id = send_again(&mut api, order, true, "in hand");
        assert_eq!(id, answer.text("id"));
        wait_until(&mut api, &id, if number == 0 { "new" } else { "filled" });
        server.stop();
    }
}

/// What becomes of a transaction whose client is gone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Commits,
    RollsBack,
}

/// The advisory lock that holds a commit up.
const LOCK: u32 = 1_789;

/// On PostgreSQL a batch is one statement that commits itself. A deferred trigger runs when its rows are written and its
/// commit is next; there it waits for a lock that the test has, and Velox is killed. Then the server either goes on, and
/// commits for nobody, or loses the session, and undoes it.
fn between_the_write_and_its_commit(stack: &Stack, account: &str, fate: Fate) {
    let installation = stack.installation();
    let sql = installation.database().sql();
    sql.run(&format!(
        "CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_advisory_xact_lock({LOCK}); RETURN NULL; END $$; \
         CREATE CONSTRAINT TRIGGER wait_for_the_test AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED \
         FOR EACH ROW EXECUTE FUNCTION wait_for_the_test(); \
         SELECT pg_advisory_lock({LOCK})"
    ));
    let doomed = resting(account, &format!("killed-when-written-{fate:?}"));
    let server = start_again(stack);
    let mut api = installation.trader(&server);
    let answered = std::thread::scope(|scope| {
        let answered = scope.spawn(|| place(&mut api, &doomed));
        let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";
        let session = wait_for("the commit to wait", PATIENCE, || sql.run(waiting).pop());
        server.kill();
        match fate {
            Fate::Commits => sql.run(&format!("SELECT pg_advisory_unlock({LOCK})")),
            Fate::RollsBack => sql.run(&format!("SELECT pg_terminate_backend({session})")),
        };
        wait_for("the session to end", PATIENCE, || {
            let there = sql.run(&format!("SELECT 1 FROM pg_stat_activity WHERE pid = {session}"));
            there.is_empty().then_some(())
        });
        answered.join().unwrap()
    });
    assert!(answered.is_err(), "{answered:?}");
    sql.run("SELECT pg_advisory_unlock_all(); DROP FUNCTION wait_for_the_test CASCADE");

    let server = start_again(stack);
    say(&format!("killed when appended ({fate:?}); ready again after {:?}", server.ready_after));
    let mut api = installation.trader(stack.other_than(&server));
    let id = send_again(&mut api, &doomed, fate == Fate::Commits, "appended");
    wait_until(&mut api, &id, "new");
    Books::at_rest(&mut api, account).agree();
    server.stop();
}

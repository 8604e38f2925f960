//! Leaving in good order: what is in flight finishes, connections are told, and nothing that was answered is lost.

use serde_json::Value;

use crate::api::Api;
use crate::audit::{Books, text};
use crate::database::Syncs;
use crate::installation::Installation;
use crate::server::Server;
use crate::socket::{Heard, Socket};
use crate::story::resting;
use crate::waiting::{PATIENCE, wait_for};

/// Who places orders while the server leaves.
const CLIENTS: usize = 4;
/// Orders that are answered before it is told to.
const BEFORE: usize = 10;

#[test]
fn it_drains_on_sqlite() {
    it_drains(&Installation::on_sqlite());
}

#[test]
fn it_drains_on_postgres() {
    it_drains(&Installation::on_postgres(Syncs::Off));
}

fn it_drains(installation: &Installation) {
    let mut server = installation.start();
    let mut api = installation.trader(&server);
    let account = api.account();
    let mut socket = Socket::connect(server.address, &api.token).unwrap();
    socket.follow("orders", &account, 0).unwrap();
    socket.until("the subscription", |message| message["type"] == "subscribed");
    let (token, address) = (api.token.clone(), server.address);
    let taken = std::thread::scope(|scope| {
        let (say, told) = std::sync::mpsc::channel();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (api, account, say) = (Api::new(address, &token), &account, say.clone());
                scope.spawn(move || place_until_it_leaves(api, account, client, || say.send(()).unwrap()))
            })
            .collect();
        (0..BEFORE).for_each(|_| told.recv_timeout(PATIENCE).unwrap());
        server.terminate();
        assert!(server.ended().success());
        let taken = clients.into_iter().flat_map(|client| client.join().unwrap()).collect::<Vec<_>>();
        drop(told);
        taken
    });
    says_goodbye(&mut socket);
    assert!(server.has_logged("draining") && server.has_logged("\"ended\""));
    installation.verify();

    let server = installation.start();
    let mut api = installation.trader(&server);
    let books = all_there(&mut api, &account, &taken);
    assert_eq!(books.orders.len(), taken.len(), "an order was taken that nobody was told of");
    Server::stop(server);
}

/// Places orders, one after the other, until the server takes no more; gives those that it took.
fn place_until_it_leaves(mut api: Api, account: &str, client: usize, mut took: impl FnMut()) -> Vec<(String, String)> {
    let mut taken = Vec::new();
    for number in 0.. {
        let name = format!("leaving-{client}-{number}");
        match api.call("POST", "/v1/orders", Some(&resting(account, &name))) {
            Ok(answer) if answer.status == 201 => {
                taken.push((name, answer.text("id").to_owned()));
                took();
                // The last answer on a connection says so: whoever sends more cannot know what becomes of it.
                if answer.header("connection") == Some("close") {
                    break;
                }
            }
            Ok(answer) => {
                assert_eq!((answer.status, &answer.body["outcome"]), (503, &"not_executed".into()), "{answer:?}");
                break;
            }
            // A request on a connection that the server closes as idle was not taken; that none was is checked later.
            Err(_) => break,
        }
    }
    taken
}

/// The notice, then the close code of a server that comes back (RFC 6455, 1012).
fn says_goodbye(socket: &mut Socket) {
    let notice = socket.until("the notice", |message| message["type"] == "closing").pop().unwrap();
    assert_eq!(notice["reason"], "shutting_down");
    assert!(notice["reconnect_after_ms"].is_u64(), "{notice}");
    let code = wait_for("the close", PATIENCE, || match socket.hear() {
        Heard::Closed(code) => Some(code),
        Heard::Silence => None,
        other => panic!("{other:?}"),
    });
    assert_eq!(code, 1012);
}

fn all_there(api: &mut Api, account: &str, taken: &[(String, String)]) -> Books {
    let books = Books::at_rest(api, account);
    books.agree();
    for (name, id) in taken {
        let kept: &Value = books.order(name);
        assert_eq!(text(kept, "id"), id);
    }
    books
}

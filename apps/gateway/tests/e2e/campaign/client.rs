//! [`Client`]: places and cancels orders, and sends again whatever was not answered, under the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::door::Door;
use crate::api::{Answer, Api};
use crate::audit::{Books, text};
use crate::random::Random;
use crate::story::{market, resting};
use crate::waiting::PATIENCE;

/// How long a command is sent again and again.
const LIMIT: Duration = PATIENCE.saturating_mul(2);

/// What the proxy says where no gateway answers.
const NOBODY: &str = "No gateway answered the proxy.";

/// What a client asked for, and what it was told.
pub(crate) struct Entry {
    asked: Asked,
    answer: Answer,
    /// How often it was sent.
    pub(crate) tries: u32,
}

impl Entry {
    /// Whether the client was told that nothing was done, and left it at that.
    pub(crate) fn was_given_up(&self) -> bool {
        self.answer.status == 503
    }
}

/// Who takes the client's commands.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    /// One server, which is killed now and then.
    Direct,
    /// Servers that cannot reach what they need for a while, perhaps behind a proxy that sends a cancel twice. A client
    /// that is told that nothing was done may believe it, and go.
    Faulty,
    /// Servers behind a proxy that come and go in good order: each request has an answer of one of them.
    Unbroken,
}

enum Asked {
    /// An order of this client order id.
    Place(Value),
    /// That the order of this id be cancelled.
    Cancel(String),
}

/// A client with a journal.
pub(crate) struct Client<'a> {
    number: u64,
    random: Random,
    door: &'a Door,
    way: Way,
    api: Api,
    account: String,
    journal: Vec<Entry>,
    /// Resting orders that it may cancel.
    resting: Vec<String>,
}

impl<'a> Client<'a> {
    pub(crate) fn new(number: u64, seed: u64, door: &'a Door, way: Way, token: &str, account: &str) -> Self {
        Self {
            number,
            way,
            random: Random::seeded(seed ^ (number + 1) << 40),
            door,
            api: Api::new(([127, 0, 0, 1], 0).into(), token),
            account: account.to_owned(),
            journal: Vec::new(),
            resting: Vec::new(),
        }
    }

    /// Works until it is told to end; then everything it asked for is answered.
    pub(crate) fn run(mut self) -> Vec<Entry> {
        self.api.move_to(self.door.enter());
        while self.door.may_begin() {
            match self.random.below(10) {
                0..4 => self.place(market),
                4..7 => self.place(resting),
                7 if self.way == Way::Unbroken => self.look(),
                7..9 => self.cancel(),
                _ => self.repeat(),
            }
        }
        self.journal
    }

    fn place(&mut self, order: fn(&str, &str) -> Value) {
        let mut order = order(&self.account, &format!("client-{}-{}", self.number, self.journal.len()));
        if order["type"] == "market" && self.random.below(2) == 0 {
            order["side"] = json!("sell");
        }
        let (answer, tries) = self.until_answered("POST", "/v1/orders", Some(&order), self.way != Way::Direct);
        self.door.answered(&answer);
        assert!(matches!(answer.status, 201 | 422 | 503), "{order}: {answer:?}");
        assert!(matches!(answer.status, 201 | 503) || answer.body["code"] == "order_denied", "{order}: {answer:?}");
        if answer.status == 201 && order["type"] == "limit" {
            self.resting.push(answer.text("id").to_owned());
        }
        self.journal.push(Entry { asked: Asked::Place(order), answer, tries });
    }

    fn cancel(&mut self) {
        let Some(order) = self.resting.pop() else { return };
        let (answer, tries) = self.until_answered("DELETE", &format!("/v1/orders/{order}"), None, false);
        self.door.answered(&answer);
        // Sent again, by us or by a proxy, it may meet an order that is cancelled by now.
        let again = tries > 1 || self.way != Way::Direct;
        assert!(matches!(answer.status, 200 | 202) || again && answer.status == 409, "{order}: {answer:?}");
        self.journal.push(Entry { asked: Asked::Cancel(order), answer, tries });
    }

    /// Reads something.
    fn look(&mut self) {
        let path = self.resting.last().map_or("/v1/users/me".to_owned(), |order| format!("/v1/orders/{order}"));
        let answer = self.api.call("GET", &path, None).unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }

    /// Sends an answered order again: the answer is the same one.
    fn repeat(&mut self) {
        if self.journal.is_empty() {
            return;
        }
        let place = self.random.below(self.journal.len().try_into().unwrap());
        let entry = &self.journal[usize::try_from(place).unwrap()];
        let Asked::Place(order) = &entry.asked else { return };
        if entry.was_given_up() {
            return;
        }
        let (order, before) = (order.clone(), entry.answer.status);
        let id = order_in(&entry.answer).to_owned();
        let (answer, _) = self.until_answered("POST", "/v1/orders", Some(&order), false);
        assert!(answer.is_replayed(), "{order}: {answer:?}");
        assert_eq!((answer.status, order_in(&answer)), (before, id.as_str()), "{order}");
    }

    /// Sends until there is an answer that decides, and says how often that was. Who may give up is content with a 503,
    /// one time in four, when every try so far was answered with the word that nothing was done.
    fn until_answered(&mut self, method: &str, path: &str, body: Option<&Value>, may_give_up: bool) -> (Answer, u32) {
        let began = Instant::now();
        let (mut tries, mut in_doubt) = (0, !may_give_up);
        while began.elapsed() < LIMIT {
            tries += 1;
            match self.api.call(method, path, body) {
                // Not now: nothing happened, or nobody knows; the same id makes it safe to ask again.
                Ok(answer) if answer.status == 503 => {
                    assert_eq!(answer.body["retryable"], true, "{answer:?}");
                    let unanswered = self.way == Way::Unbroken && answer.body["detail"] == NOBODY;
                    assert!(!unanswered, "{method} {path} {body:?}: {answer:?}");
                    in_doubt |= answer.text("outcome") != "not_executed";
                    if !in_doubt && self.random.below(4) == 0 {
                        return (answer, tries);
                    }
                }
                Ok(answer) => return (answer, tries),
                Err(error) => {
                    assert!(self.way != Way::Unbroken, "{method} {path} {body:?}: {error}");
                    in_doubt = true;
                    self.api.move_to(self.door.enter());
                }
            }
            self.door.pause();
        }
        panic!("{method} {path} {body:?} was sent {tries} times in {LIMIT:?} without an answer");
    }
}

/// The order that an answer names.
fn order_in(answer: &Answer) -> &str {
    let order = if answer.status == 201 { &answer.body } else { &answer.body["order"] };
    text(order, "id")
}

/// Checks that what clients were told is what the books say, and that the books say nothing else, but for the orders
/// of `others`, by name.
pub(crate) fn agree(journal: &[Entry], books: &Books, others: impl Fn(&str) -> bool) {
    let mut asked = BTreeSet::new();
    let by_name = books.by_name();
    let by_id: BTreeMap<_, _> = books.orders.iter().map(|order| (text(order, "id"), order)).collect();
    let (requests, cancels) = (books.times("order_cancel_requested"), books.times("order_canceled"));
    for entry in journal {
        match &entry.asked {
            Asked::Place(order) => {
                let name = text(order, "client_order_id");
                if entry.was_given_up() {
                    assert!(!by_name.contains_key(name), "{name} was answered not_executed, and exists");
                    continue;
                }
                assert!(asked.insert(name), "the campaign itself used {name} twice");
                let kept = by_name.get(name).unwrap_or_else(|| panic!("the order {name} is missing"));
                assert_eq!(kept["id"], order_in(&entry.answer), "{name} was answered as another order");
                assert_eq!(kept["status"] == "denied", entry.answer.status == 422, "{kept}");
                for member in ["account_id", "symbol", "side", "type", "quantity", "limit_price"] {
                    assert_eq!(kept[member], order[member], "{member} of {kept}");
                }
            }
            Asked::Cancel(id) => {
                let kept = by_id[id.as_str()];
                // The executor hung for so long that the order never came to the broker: there was nothing to cancel.
                if entry.answer.status == 409 && matches!(text(kept, "status"), "expired" | "rejected") {
                    continue;
                }
                assert_eq!(kept["status"], "canceled", "{kept}");
                // One that no broker had seen is cancelled without asking.
                assert!(requests.get(id.as_str()).is_none_or(|times| *times == 1), "{kept}");
                assert_eq!(cancels.get(id.as_str()), Some(&1), "{kept}");
            }
        }
    }
    let kept: BTreeSet<_> = by_name.into_keys().filter(|name| !others(name)).collect();
    assert_eq!(kept, asked, "the orders that were asked for, and the orders there are");
}

//! [`Alert`]: see `schemas/avro/alerts.avsc` for what each field means.
#![allow(missing_docs, reason = "the schema says what each field means")]

use serde::{Deserialize, Serialize};
use velox_kernel::{ClientOrderId, Symbol, Timestamp};
use velox_trading::{Denial, Fact, HaltMode, RuleCheck};

use crate::account_step::AccountStep;
use crate::event_id;
use crate::message::Message;
use crate::topic::Topic;
use crate::wire::{Amount, Id, Moment, Word};
use crate::words;

/// How much an alert matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Somebody should look.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What somebody should hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    pub event_id: Id,
    #[serde(rename = "type")]
    pub kind: Word,
    pub severity: Word,
    pub text: String,
    pub at: Moment,
    pub recorded_at: Option<Moment>,
    pub account_id: Option<Id>,
    pub org_id: Option<Id>,
    pub seq: Option<u64>,
    pub order_id: Option<Id>,
    pub client_order_id: Option<ClientOrderId>,
    pub symbol: Option<Symbol>,
    pub rule: Option<Word>,
    pub limit: Option<Amount>,
    pub headroom: Option<Amount>,
    pub halt_mode: Option<Word>,
    pub reason: Option<String>,
}

impl Alert {
    /// What is told of an account's event, where somebody should hear of it.
    #[must_use]
    pub fn of(step: &AccountStep<'_>) -> Option<Self> {
        let AccountStep { recorded, event, profile, changes: _ } = *step;
        let order = step.order();
        let name = &profile.name;
        let (severity, text) = match &event.fact {
            Fact::OrderDenied { order, denial } => {
                (Severity::Warning, denied_text(&order.client_order_id, &order.terms.symbol, denial))
            }
            Fact::OrderUnknown { .. } => {
                let of = order.map(|order| format!(" {} of {}", order.client_order_id, order.terms.symbol));
                (
                    Severity::Critical,
                    format!("The broker did not answer: order{} may or may not be working.", of.unwrap_or_default()),
                )
            }
            Fact::AccountHalted { mode: HaltMode::ReduceOnly, reason, .. } => {
                (Severity::Warning, format!("Account {name} only takes orders that make a position smaller: {reason}"))
            }
            Fact::AccountHalted { mode: HaltMode::Halted, reason, .. } => {
                (Severity::Critical, format!("Account {name} takes no orders: {reason}"))
            }
            Fact::AccountHalted { mode: HaltMode::Closed, reason, .. } => {
                (Severity::Critical, format!("Account {name} takes no orders for good: {reason}"))
            }
            Fact::AccountResumed => (Severity::Info, format!("Account {name} trades again.")),
            Fact::LimitsChanged { .. } => (Severity::Info, format!("The limits of account {name} have changed.")),
            _ => return None,
        };
        let mut alert = Self {
            seq: Some(recorded.seq),
            recorded_at: Some(recorded.recorded_at.into()),
            account_id: Some(recorded.account.into()),
            org_id: Some(profile.org.into()),
            order_id: event.fact.order().map(Into::into),
            client_order_id: order.map(|order| order.client_order_id),
            symbol: order.map(|order| order.terms.symbol),
            ..Self::new(event_id::of_hash(recorded.hash), recorded.kind.clone(), severity, text, recorded.market_time)
        };
        match &event.fact {
            Fact::OrderDenied { denial: Denial { check }, .. } => alert.name_rule(check),
            Fact::AccountHalted { mode, reason, basis } => {
                if let Some(check) = basis.iter().flat_map(|basis| &basis.checks).find(|check| !check.passed) {
                    alert.name_rule(check);
                }
                alert.halt_mode = Some(words::halt_mode(*mode).into());
                alert.reason = Some(reason.clone());
            }
            _ => {}
        }
        Some(alert)
    }

    fn name_rule(&mut self, check: &RuleCheck) {
        let RuleCheck { rule, passed: _, limit, used: _, headroom } = check;
        self.rule = Some(rule.as_str().into());
        self.limit = limit.map(Into::into);
        self.headroom = headroom.map(Into::into);
    }

    /// A source of prices went mute, or came back: told at this place of the market's messages.
    #[must_use]
    pub fn of_feed(symbol: Symbol, at: Timestamp, stale: bool, epoch: u64, offset: u64) -> Self {
        let (kind, severity, text) = if stale {
            ("feed_stale", Severity::Warning, format!("No prices of {symbol} come in."))
        } else {
            ("feed_recovered", Severity::Info, format!("Prices of {symbol} come in again."))
        };
        let event_id = event_id::of_place(kind, Some(symbol), at, epoch, offset);
        Self { symbol: Some(symbol), ..Self::new(event_id, kind.into(), severity, text, at) }
    }

    fn new(event_id: Id, kind: Word, severity: Severity, text: String, at: Timestamp) -> Self {
        Self {
            event_id,
            kind,
            severity: severity.as_str().into(),
            text,
            at: at.into(),
            recorded_at: None,
            account_id: None,
            org_id: None,
            seq: None,
            order_id: None,
            client_order_id: None,
            symbol: None,
            rule: None,
            limit: None,
            headroom: None,
            halt_mode: None,
            reason: None,
        }
    }
}

fn denied_text(order: &ClientOrderId, symbol: &Symbol, denial: &Denial) -> String {
    let RuleCheck { rule, limit, headroom, .. } = denial.check;
    let limit = limit.map(|limit| format!(", limit {limit}"));
    let headroom = headroom.map(|headroom| format!(", headroom {headroom}"));
    let numbers = [limit, headroom].into_iter().flatten().collect::<String>();
    format!("Order {order} of {symbol} was denied by the rule {}{numbers}.", rule.as_str())
}

impl Message for Alert {
    const TOPIC: Topic = Topic::Alerts;

    fn event_id(&self) -> Id {
        self.event_id
    }

    fn key(&self) -> String {
        match (&self.account_id, &self.symbol) {
            (Some(account), _) => account.to_string(),
            (None, Some(symbol)) => symbol.to_string(),
            (None, None) => self.event_id.to_string(),
        }
    }
}

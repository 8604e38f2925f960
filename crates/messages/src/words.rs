//! Words of the domain that it does not name itself.

use velox_kernel::Principal;
use velox_market::Aggressor;
use velox_trading::{EndReason, HaltMode};

use crate::wire::{Id, Word};

/// Who acted: the word, and the user where it was one.
pub(crate) fn actor(principal: Principal) -> (Word, Option<Id>) {
    match principal {
        Principal::User { id } => (Word::Borrowed("user"), Some(id.into())),
        Principal::Broker => (Word::Borrowed("broker"), None),
        Principal::System => (Word::Borrowed("system"), None),
    }
}

pub(crate) const fn halt_mode(mode: HaltMode) -> &'static str {
    match mode {
        HaltMode::ReduceOnly => "reduce_only",
        HaltMode::Halted => "halted",
        HaltMode::Closed => "closed",
    }
}

/// Why an order ended: the word, and the broker's own.
pub(crate) fn end_reason(reason: &EndReason) -> (Word, Option<String>) {
    let (word, text) = match reason {
        EndReason::ByClient => ("by_client", None),
        EndReason::AccountHalted => ("account_halted", None),
        EndReason::NotRouted => ("not_routed", None),
        EndReason::TimeInForce => ("time_in_force", None),
        EndReason::NothingToReduce => ("nothing_to_reduce", None),
        EndReason::NotFoundAtBroker => ("not_found_at_broker", None),
        EndReason::ByBroker { text } => ("by_broker", Some(text.clone())),
    };
    (Word::Borrowed(word), text)
}

pub(crate) const fn aggressor(aggressor: Aggressor) -> &'static str {
    match aggressor {
        Aggressor::Buyer => "buyer",
        Aggressor::Seller => "seller",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde::Serialize;

    use super::*;

    fn in_the_log(value: impl Serialize) -> serde_json::Value {
        serde_json::to_value(value).unwrap()
    }

    #[test]
    fn are_those_of_the_log() {
        for mode in [HaltMode::ReduceOnly, HaltMode::Halted, HaltMode::Closed] {
            assert_eq!(in_the_log(mode), halt_mode(mode));
        }
        for side in [Aggressor::Buyer, Aggressor::Seller] {
            assert_eq!(in_the_log(side), aggressor(side));
        }
        let id = velox_kernel::UserId::new(uuid::Uuid::from_u128(1));
        for principal in [Principal::User { id }, Principal::Broker, Principal::System] {
            assert_eq!(in_the_log(principal)["kind"], *actor(principal).0);
        }
        let text = "no".to_owned();
        for reason in [
            EndReason::ByClient,
            EndReason::AccountHalted,
            EndReason::NotRouted,
            EndReason::TimeInForce,
            EndReason::NothingToReduce,
            EndReason::NotFoundAtBroker,
            EndReason::ByBroker { text },
        ] {
            assert_eq!(in_the_log(&reason)["code"], *end_reason(&reason).0);
        }
    }
}

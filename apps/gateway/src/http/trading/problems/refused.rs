//! Commands that an account refuses without an event.

use velox_kernel::error_code;
use velox_trading::{InvalidTerms, Refused};

use super::{id_conflict, no_account, no_order, not_open};
use crate::http::Problem;

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let said = sentence(&refused);
        match refused {
            Refused::NotOpen => no_account(),
            Refused::UnknownOrder => no_order(),
            Refused::OrderNotOpen { status } | Refused::ChangePending { status } => not_open(status).detail(said),
            Refused::IdConflict { order } => id_conflict(order),
            Refused::InvalidTerms(terms) => terms.into(),
            Refused::NoSuchField { field, .. } => {
                Self::of(error_code::INVALID_REQUEST).detail(said).field(format!("/{field}"), refused)
            }
            Refused::BelowFilled => Self::of(error_code::INVALID_REQUEST).detail(said).field("/quantity", refused),
            Refused::OutOfRange(_) | Refused::Overflow(_) => Self::of(error_code::INVALID_REQUEST).detail(said),
            Refused::NoPosition => Self::of(error_code::NO_POSITION),
            Refused::AlreadyOpen
            | Refused::Repeated { .. }
            | Refused::ClosingAlready
            | Refused::NotRoutable
            | Refused::IllegalReport { .. }
            | Refused::NotHalted
            | Refused::InsufficientCash
            | Refused::Closed
            | Refused::OpenOrders
            | Refused::NotPaper => Self::of(error_code::CONFLICT).detail(said),
        }
    }
}

impl From<InvalidTerms> for Problem {
    fn from(terms: InvalidTerms) -> Self {
        let (code, field) = match terms {
            InvalidTerms::NotPositive(field) => (error_code::INVALID_REQUEST, field.as_str()),
            InvalidTerms::OffTick { field, .. } => (error_code::OFF_TICK, field.as_str()),
            InvalidTerms::OffLot { .. } => (error_code::OFF_LOT, "quantity"),
            InvalidTerms::BelowMinimumQuantity { .. } | InvalidTerms::BelowMinimumNotional { .. } => {
                (error_code::BELOW_MINIMUM, "quantity")
            }
            InvalidTerms::TooLarge => (error_code::INVALID_REQUEST, "quantity"),
            InvalidTerms::ImmediateStop => (error_code::INVALID_REQUEST, "time_in_force"),
        };
        Self::of(code).detail(sentence(&terms)).field(format!("/{field}"), terms)
    }
}

/// An error's words as a sentence.
fn sentence(error: &impl std::fmt::Display) -> String {
    let mut said = error.to_string();
    if let Some(first) = said.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    said.push('.');
    said
}

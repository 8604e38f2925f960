//! [`Ended`]: what is remembered of orders that left the book.

use std::collections::{HashMap, VecDeque};

use velox_kernel::{OrderId, Quantity};

/// How an order left the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Filled in whole.
    Filled,
    /// Cancelled; the text is empty when it was asked for.
    Canceled(&'static str),
    /// Ended by its time in force.
    Expired,
    /// Never taken in.
    Rejected(&'static str),
    /// Replaced by another.
    Replaced(OrderId),
}

/// The newest orders that left the book: an order may be handed over again, and must not be filled again.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    orders: HashMap<OrderId, (Ending, Quantity)>,
    oldest_first: VecDeque<OrderId>,
}

impl Ended {
    /// Remembers an order with what it had filled, and forgets the oldest beyond `most`.
    pub(crate) fn remember(&mut self, order: OrderId, ending: Ending, filled: Quantity, most: usize) {
        if self.orders.insert(order, (ending, filled)).is_none() {
            self.oldest_first.push_back(order);
        }
        while self.oldest_first.len() > most {
            if let Some(oldest) = self.oldest_first.pop_front() {
                self.orders.remove(&oldest);
            }
        }
    }

    /// How an order ended and what it had filled.
    pub(crate) fn get(&self, order: OrderId) -> Option<(Ending, Quantity)> {
        self.orders.get(&order).copied()
    }
}

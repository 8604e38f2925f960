//! [`Outbox`]: reports on their way to whoever drains them; none is ever dropped.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use parking_lot::Mutex;
use velox_trading::Report;

/// Whom an outbox tells that it was drained to half of its bound.
pub(crate) trait Drained: Send + Sync {
    /// There is room again.
    fn drained(&self);
}

/// A queue of reports with a bound that its writers keep by asking first.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    bound: usize,
}

#[derive(Default)]
struct Queue {
    reports: VecDeque<Report>,
    /// The reader that waits.
    reader: Option<Waker>,
    /// Which of the streams reads: the newest.
    generation: u64,
}

impl Outbox {
    pub(crate) fn new(bound: usize) -> Self {
        Self { queue: Mutex::default(), bound }
    }

    /// Whether `more` reports fit under the bound.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        self.queue.lock().reports.len() + more <= self.bound
    }

    /// How many reports wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.lock().reports.len()
    }

    /// Adds reports at the end.
    pub(crate) fn push(&self, reports: Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let reader = {
            let mut queue = self.queue.lock();
            queue.reports.extend(reports);
            queue.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Drops the reports that wait, but these.
    pub(crate) fn retain(&self, keeps: impl Fn(&Report) -> bool) {
        self.queue.lock().reports.retain(keeps);
    }

    /// The reports that wait and those to come. The stream before this one ends.
    pub(crate) fn read(self: &Arc<Self>, tell: Weak<dyn Drained>) -> Reports {
        let (generation, before) = {
            let mut queue = self.queue.lock();
            queue.generation += 1;
            (queue.generation, queue.reader.take())
        };
        if let Some(before) = before {
            before.wake();
        }
        Reports { outbox: Arc::clone(self), generation, tell }
    }
}

/// The stream of an [`Outbox`].
pub(crate) struct Reports {
    outbox: Arc<Outbox>,
    generation: u64,
    tell: Weak<dyn Drained>,
}

impl Stream for Reports {
    type Item = Report;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Report>> {
        let (report, has_room_again) = {
            let mut queue = self.outbox.queue.lock();
            if queue.generation != self.generation {
                return Poll::Ready(None);
            }
            let Some(report) = queue.reports.pop_front() else {
                queue.reader = Some(context.waker().clone());
                return Poll::Pending;
            };
            (report, queue.reports.len() == self.outbox.bound / 2)
        };
        if has_room_again && let Some(tell) = self.tell.upgrade() {
            tell.drained();
        }
        Poll::Ready(Some(report))
    }
}

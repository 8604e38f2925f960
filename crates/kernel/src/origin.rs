//! [`Origin`]: what brought a command.

use crate::id::RequestId;
use crate::trace_context::TraceContext;

/// What brought a command; it stands in the envelope of the events that follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The request, where its id is one of our form.
    pub request: Option<RequestId>,
    /// The place in a trace below which what follows hangs, where there is a trace.
    pub trace: Option<TraceContext>,
}

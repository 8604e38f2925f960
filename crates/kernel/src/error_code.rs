//! The table of error codes: every problem a client can meet, by name, status and whether to try again.

/// A kind of problem, as a client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// The stable name, in `code`.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// One line for people, in `title`.
    pub title: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

macro_rules! error_codes {
    ($($constant:ident = $name:literal, $status:literal, $retryable:literal, $title:literal;)*) => {
        $(
            #[doc = $title]
            pub const $constant: ErrorCode =
                ErrorCode { name: $name, status: $status, title: $title, retryable: $retryable };
        )*

        /// Every code, in the order of the documentation.
        pub const ALL: &[ErrorCode] = &[$($constant),*];
    };
}

error_codes! {
    MALFORMED_JSON = "malformed_json", 400, false, "The body is not well-formed JSON.";
    INVALID_REQUEST = "invalid_request", 422, false, "The request does not have the shape this route needs.";
    INVALID_PARAMETER = "invalid_parameter", 400, false, "A path, query or header parameter is not of the form it needs.";
    INVALID_CURSOR = "invalid_cursor", 400, false, "The cursor was not given out by this list.";
    UNAUTHENTICATED = "unauthenticated", 401, false, "The request needs a valid access token.";
    TOKEN_EXPIRED = "token_expired", 401, false, "The access token has expired; refresh it.";
    SESSION_REVOKED = "session_revoked", 401, false, "The session was ended; sign in again.";
    INVALID_CREDENTIALS = "invalid_credentials", 401, false, "The e-mail address or the password is wrong.";
    INVALID_REFRESH_TOKEN = "invalid_refresh_token", 401, false, "The refresh token is unknown, expired or was used before.";
    FORBIDDEN = "forbidden", 403, false, "The actor may not do this.";
    REGISTRATION_CLOSED = "registration_closed", 403, false, "This installation takes no registrations.";
    ORIGIN_NOT_ALLOWED = "origin_not_allowed", 403, false, "Requests from this origin are not allowed.";
    NOT_FOUND = "not_found", 404, false, "There is no such thing here.";
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, false, "This path does not take this method.";
    NOT_ACCEPTABLE = "not_acceptable", 406, false, "This route cannot answer in a form the client accepts.";
    REQUEST_TIMEOUT = "request_timeout", 408, true, "The request did not arrive in time.";
    CONFLICT = "conflict", 409, false, "The request does not fit the present state.";
    IDEMPOTENCY_CONFLICT = "idempotency_conflict", 409, false, "Another request was made under the same id.";
    EMAIL_TAKEN = "email_taken", 409, false, "A user with this e-mail address exists.";
    CONNECTION_IN_USE = "connection_in_use", 409, false, "The broker connection has accounts with open orders or positions.";
    ORDER_NOT_OPEN = "order_not_open", 409, false, "The order can no longer be changed.";
    PRECONDITION_FAILED = "precondition_failed", 412, false, "It is at another version than `If-Match` says; read it again.";
    PAYLOAD_TOO_LARGE = "payload_too_large", 413, false, "The body is larger than this route takes.";
    URI_TOO_LONG = "uri_too_long", 414, false, "The request target is too long.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, false, "This route takes another content type.";
    UNKNOWN_SYMBOL = "unknown_symbol", 422, false, "No instrument has this symbol.";
    UNSUPPORTED_BROKER = "unsupported_broker", 422, false, "The catalog holds no broker of this kind.";
    OFF_TICK = "off_tick", 422, false, "The price is not a multiple of the instrument's tick size.";
    OFF_LOT = "off_lot", 422, false, "The quantity is not a multiple of the instrument's lot size.";
    BELOW_MINIMUM = "below_minimum", 422, false, "The order is smaller than the instrument's minimum.";
    ORDER_DENIED = "order_denied", 422, false, "A risk rule denied the order.";
    WEAK_PASSWORD = "weak_password", 422, false, "The password is too short or too common.";
    WRONG_PASSWORD = "wrong_password", 422, false, "The current password is wrong.";
    NO_POSITION = "no_position", 409, false, "There is no position to close.";
    RATE_LIMITED = "rate_limited", 429, true, "Too many requests; wait as Retry-After says.";
    TOO_MANY_STREAMS = "too_many_streams", 429, true, "The user has as many streams open as one user may.";
    INTERNAL = "internal", 500, true, "Something went wrong on our side.";
    OVERLOADED = "overloaded", 503, true, "A queue is full; nothing was done.";
    STORE_UNAVAILABLE = "store_unavailable", 503, true, "The database cannot be reached.";
    OUTCOME_UNKNOWN = "outcome_unknown", 503, true, "The outcome could not be read in time; send it again under the same id.";
    SHUTTING_DOWN = "shutting_down", 503, true, "The server is shutting down; nothing was done.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_statuses_are_errors() {
        for (place, code) in ALL.iter().enumerate() {
            assert!((400..600).contains(&code.status), "{}", code.name);
            assert!(ALL[place + 1..].iter().all(|other| other.name != code.name), "{}", code.name);
        }
    }
}

//! The tables, as both databases have them. The migrations are their reference.
#![expect(missing_docs, reason = "the tables and columns are those of the migrations")]

diesel::allow_tables_to_appear_in_same_query!(accounts, events, stream_heads, orders, fills, positions, balances, snapshots);

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    accounts (id) {
        id -> Id,
        org_id -> Id,
        connection_id -> Id,
        name -> Text,
        paper -> Bool,
        currency -> Word,
        halt -> Nullable<Word>,
        limits -> Blob,
        opened_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    events (account_id, seq) {
        account_id -> Id,
        seq -> BigInt,
        org_id -> Id,
        kind -> Text,
        version -> Integer,
        market_time -> Moment,
        recorded_at -> Moment,
        actor_kind -> Text,
        actor_id -> Nullable<Id>,
        cause -> Id,
        request -> Nullable<Id>,
        prev_hash -> Hash,
        hash -> Hash,
        payload -> Blob,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    stream_heads (account_id) {
        account_id -> Id,
        org_id -> Id,
        seq -> BigInt,
        hash -> Hash,
        published_seq -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    orders (id) {
        id -> Id,
        org_id -> Id,
        account_id -> Id,
        client_order_id -> Word,
        fingerprint -> Hash,
        symbol -> Word,
        currency -> Word,
        side -> Word,
        kind -> Text,
        limit_price -> Nullable<Amount>,
        stop_price -> Nullable<Amount>,
        quantity -> Amount,
        time_in_force -> Word,
        reduce_only -> Bool,
        strategy_id -> Nullable<Id>,
        status -> Word,
        is_open -> Bool,
        filled -> Amount,
        filled_value -> Amount,
        reserve_price -> Amount,
        broker_order_id -> Nullable<Word>,
        accepted_at -> Moment,
        placed_at -> Moment,
        updated_at -> Moment,
        expires_at -> Nullable<Moment>,
        first_seq -> BigInt,
        last_seq -> BigInt,
        detail -> Nullable<Blob>,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    fills (account_id, id) {
        account_id -> Id,
        id -> Word,
        org_id -> Id,
        seq -> BigInt,
        order_id -> Id,
        symbol -> Word,
        currency -> Word,
        side -> Word,
        quantity -> Amount,
        price -> Amount,
        fee -> Amount,
        fee_currency -> Word,
        liquidity -> Word,
        strategy_id -> Nullable<Id>,
        feed_epoch -> Nullable<BigInt>,
        feed_offset -> Nullable<BigInt>,
        at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    positions (account_id, strategy_id, symbol) {
        account_id -> Id,
        strategy_id -> Id,
        symbol -> Word,
        org_id -> Id,
        currency -> Word,
        quantity -> Amount,
        cost -> Amount,
        realised -> Amount,
        fees -> Amount,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    balances (account_id, currency) {
        account_id -> Id,
        currency -> Word,
        org_id -> Id,
        deposited -> Amount,
        realised -> Amount,
        fees -> Amount,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    snapshots (account_id) {
        account_id -> Id,
        org_id -> Nullable<Id>,
        seq -> BigInt,
        version -> Integer,
        hash -> Hash,
        state -> Blob,
    }
}

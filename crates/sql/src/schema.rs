//! The tables, as both databases have them. The migrations are their reference.
#![expect(missing_docs, reason = "the tables and columns are those of the migrations")]

diesel::allow_tables_to_appear_in_same_query!(
    accounts,
    events,
    stream_heads,
    orders,
    fills,
    positions,
    balances,
    snapshots
);
diesel::allow_tables_to_appear_in_same_query!(users, sessions, refresh_tokens, installation);

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
        loss_limited -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Trace, Word};

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
        trace -> Nullable<Trace>,
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

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    installation (id) {
        id -> Integer,
        first_user_id -> Id,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    orgs (id) {
        id -> Id,
        name -> Text,
        created_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    users (id) {
        id -> Id,
        org_id -> Id,
        email -> Text,
        display_name -> Text,
        role -> Word,
        password_hash -> Text,
        disabled -> Bool,
        session_version -> BigInt,
        version -> BigInt,
        settings -> Blob,
        risk_settings -> Blob,
        created_at -> Moment,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    sessions (id) {
        id -> Id,
        org_id -> Id,
        user_id -> Id,
        label -> Text,
        created_at -> Moment,
        last_used_at -> Moment,
        expires_at -> Moment,
        revoked_at -> Nullable<Moment>,
        ends_at -> Moment,
        generation -> BigInt,
        rotated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    refresh_tokens (digest) {
        digest -> Hash,
        session_id -> Id,
        org_id -> Id,
        generation -> BigInt,
        issued_at -> Moment,
        expires_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    broker_connections (id) {
        id -> Id,
        org_id -> Id,
        name -> Text,
        kind -> Word,
        environment -> Word,
        settings -> Blob,
        status -> Word,
        account_id -> Id,
        created_by -> Id,
        created_at -> Moment,
        updated_at -> Moment,
        version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    broker_credentials (connection_id, field) {
        connection_id -> Id,
        field -> Text,
        org_id -> Id,
        key_id -> Text,
        sealed -> Blob,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    idempotency_keys (user_id, route, idempotency_key) {
        user_id -> Id,
        route -> Text,
        idempotency_key -> Text,
        org_id -> Id,
        fingerprint -> Hash,
        reply -> Text,
        created_at -> Moment,
        expires_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    instruments (symbol) {
        symbol -> Word,
        name -> Text,
        search_text -> Text,
        asset_class -> Word,
        base -> Word,
        quote -> Word,
        tick -> Amount,
        lot -> Amount,
        min_quantity -> Amount,
        min_notional -> Amount,
        volume_unit -> Word,
        session -> Text,
        status -> Word,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    candles (symbol, timeframe, open_time) {
        symbol -> Word,
        timeframe -> Word,
        open_time -> Moment,
        open -> Amount,
        high -> Amount,
        low -> Amount,
        close -> Amount,
        volume -> Amount,
        trades -> BigInt,
        complete -> Bool,
        synthetic -> Bool,
        gap_before -> Bool,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    newest_quotes (symbol) {
        symbol -> Word,
        at -> Moment,
        ticker -> Blob,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text};
    use crate::types::{Amount, Blob, Hash, Id, Moment, Word};

    feed_positions (feed) {
        feed -> Text,
        epoch -> BigInt,
        next_index -> BigInt,
        at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Text};
    use crate::types::Id;

    role_members (role, member) {
        role -> Text,
        member -> Id,
        beat -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::{BigInt, Integer, Nullable, Text};
    use crate::types::Id;

    role_shards (role, shard) {
        role -> Text,
        shard -> Integer,
        epoch -> BigInt,
        beat -> BigInt,
        owner -> Nullable<Id>,
        position -> Nullable<BigInt>,
    }
}

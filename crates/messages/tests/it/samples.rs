//! A message of each kind with every field set, and one with as few as there can be. Golden bytes are made of them:
//! they never change, but for fields that come.

use std::collections::BTreeMap;

use uuid::Uuid;
use velox_kernel::Timestamp;
use velox_messages::{
    Alert, Amount, Id, IndicatorValue, MarketData, Message, Moment, Number, OrderEvent, PositionEvent, Signal,
    StrategyEvent, WireBalance, WireCandle, WireCash, WireDenial, WireFill, WireLimits, WireOrder, WirePosition,
    WireQuote, WireReplacement, WireTrade,
};

fn id(number: u128) -> Id {
    Id(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number))
}

fn amount(text: &str) -> Amount {
    Amount(text.parse().unwrap())
}

fn at(micros: i64) -> Moment {
    Moment(Timestamp::from_micros(1_767_614_400_000_000 + micros))
}

pub(crate) fn order() -> WireOrder {
    WireOrder {
        order_id: id(10),
        client_order_id: "my-order-1".parse().unwrap(),
        symbol: "BTC-PERP".parse().unwrap(),
        currency: "USD".parse().unwrap(),
        side: "buy".into(),
        kind: "stop_limit".into(),
        limit_price: Some(amount("43210.5")),
        stop_price: Some(amount("43210.25")),
        quantity: amount("0.000000000001"),
        time_in_force: "gtc".into(),
        reduce_only: true,
        strategy_id: Some(id(11)),
        tags: vec!["swing".parse().unwrap(), "a/b".parse().unwrap()],
        status: "partially_filled".into(),
        filled_quantity: amount("9999999999999999.999999999999"),
        filled_value: amount("-9999999999999999.999999999999"),
        average_price: Some(amount("0")),
        broker_order_id: Some("paper-17".parse().unwrap()),
        replaces: Some(id(12)),
        replaced_by: Some(id(13)),
        pending_replacement: Some(WireReplacement {
            order_id: id(14),
            client_order_id: "my-order-2".parse().unwrap(),
            quantity: amount("3"),
            limit_price: Some(amount("1.5")),
            stop_price: Some(amount("-128")),
            time_in_force: "day".into(),
        }),
        end_code: Some("by_broker".into()),
        end_text: Some("no — «мало»".to_owned()),
        denial: Some(WireDenial {
            rule: "max_position".into(),
            limit: Some(amount("10")),
            used: Some(amount("10.000000000001")),
            headroom: Some(amount("0.5")),
        }),
        accepted_at: at(1),
        placed_at: at(2),
        updated_at: at(3),
        expires_at: Some(at(4)),
        unknown_since: Some(at(-5)),
        first_seq: 2,
        last_seq: 9_223_372_036_854_775_807,
    }
}

fn bare_order() -> WireOrder {
    WireOrder {
        limit_price: None,
        stop_price: None,
        strategy_id: None,
        tags: vec![],
        average_price: None,
        broker_order_id: None,
        replaces: None,
        replaced_by: None,
        pending_replacement: None,
        end_code: None,
        end_text: None,
        denial: None,
        expires_at: None,
        unknown_since: None,
        ..order()
    }
}

pub(crate) fn order_events() -> [OrderEvent; 2] {
    let full = OrderEvent {
        event_id: id(1),
        account_id: id(2),
        org_id: id(3),
        seq: 7,
        kind: "order_filled".into(),
        version: 1,
        market_time: at(10),
        recorded_at: at(11),
        actor: "user".into(),
        actor_user_id: Some(id(4)),
        command_id: id(5),
        request_id: Some(id(6)),
        order_id: Some(id(10)),
        order: Some(order()),
        replacement: Some(bare_order()),
        fill: Some(WireFill {
            fill_id: "fill-1".parse().unwrap(),
            order_id: id(10),
            symbol: "BTC-PERP".parse().unwrap(),
            currency: "USD".parse().unwrap(),
            side: "sell".into(),
            quantity: amount("0.0005"),
            price: amount("43210.333333333333"),
            fee: amount("-0.000000000001"),
            fee_currency: "USDT".parse().unwrap(),
            liquidity: "maker".into(),
            strategy_id: Some(id(11)),
            feed_epoch: Some(3),
            feed_offset: Some(1_000_000),
            at: at(12),
        }),
        cash: Some(WireCash { currency: "USD".parse().unwrap(), amount: amount("1000000") }),
        halt_mode: Some("reduce_only".into()),
        halt_reason: Some("too much".to_owned()),
        limits: Some(WireLimits {
            max_order_quantity: Some(amount("1")),
            max_order_notional: Some(amount("2")),
            max_position: Some(amount("3")),
            price_collar: Some(amount("4.5")),
            daily_loss: Some(amount("5")),
            daily_trades: Some(u32::MAX),
            max_open_orders: 10_000,
        }),
        detail: r#"{"type":"order_filled"}"#.to_owned(),
    };
    let bare = OrderEvent {
        kind: "account_resumed".into(),
        actor: "system".into(),
        actor_user_id: None,
        request_id: None,
        order_id: None,
        order: None,
        replacement: None,
        fill: None,
        cash: None,
        halt_mode: None,
        halt_reason: None,
        limits: None,
        detail: String::new(),
        ..full.clone()
    };
    [full, bare]
}

pub(crate) fn position_events() -> [PositionEvent; 2] {
    let full = PositionEvent {
        event_id: id(1),
        account_id: id(2),
        org_id: id(3),
        seq: 7,
        kind: "order_filled".into(),
        market_time: at(10),
        recorded_at: at(11),
        actor: "user".into(),
        actor_user_id: Some(id(4)),
        command_id: id(5),
        request_id: Some(id(6)),
        reset: true,
        positions: vec![
            WirePosition {
                strategy_id: Some(id(11)),
                symbol: "BTC-PERP".parse().unwrap(),
                currency: "USD".parse().unwrap(),
                quantity: amount("-0.5"),
                cost: amount("21605.25"),
                realised: amount("-3.000000000001"),
                fees: amount("0.1"),
                updated_at: at(10),
            },
            WirePosition {
                strategy_id: None,
                symbol: "ETH/USDT".parse().unwrap(),
                currency: "USDT".parse().unwrap(),
                quantity: amount("0"),
                cost: amount("0"),
                realised: amount("0"),
                fees: amount("0"),
                updated_at: at(-10),
            },
        ],
        balances: vec![WireBalance {
            currency: "USD".parse().unwrap(),
            deposited: amount("1000000"),
            realised: amount("-3.000000000001"),
            fees: amount("0.1"),
            cash: Some(amount("999996.899999999999")),
        }],
    };
    let bare = PositionEvent {
        actor_user_id: None,
        request_id: None,
        reset: false,
        positions: vec![],
        balances: vec![],
        ..full.clone()
    };
    [full, bare]
}

pub(crate) fn alerts() -> [Alert; 2] {
    let full = Alert {
        event_id: id(1),
        kind: "order_denied".into(),
        severity: "warning".into(),
        text: "Order my-order-1 was denied.".to_owned(),
        at: at(1),
        recorded_at: Some(at(2)),
        account_id: Some(id(2)),
        org_id: Some(id(3)),
        seq: Some(8),
        order_id: Some(id(10)),
        client_order_id: Some("my-order-1".parse().unwrap()),
        symbol: Some("BTC-PERP".parse().unwrap()),
        rule: Some("buying_power".into()),
        limit: Some(amount("100000")),
        headroom: Some(amount("0.000000000001")),
        halt_mode: Some("halted".into()),
        reason: Some("because".to_owned()),
    };
    let bare = Alert {
        kind: "feed_stale".into(),
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
        ..full.clone()
    };
    [full, bare]
}

fn candle(timeframe: &'static str, closed: bool) -> WireCandle {
    WireCandle {
        symbol: "BTC-PERP".parse().unwrap(),
        timeframe: timeframe.into(),
        open_time: at(0),
        close_time: at(60_000_000),
        open: amount("43210.5"),
        high: amount("43211"),
        low: amount("43209.75"),
        close: amount("43210"),
        volume: amount("12.345678901234"),
        trades: 42,
        closed,
        synthetic: true,
        gap_before: closed,
    }
}

pub(crate) fn market_data() -> [MarketData; 2] {
    let full = MarketData {
        event_id: id(1),
        symbol: Some("BTC-PERP".parse().unwrap()),
        at: at(0),
        kind: "trade".into(),
        epoch: 1_767_614_400_000,
        offset: 17,
        feed_epoch: Some(3),
        feed_offset: Some(9_223_372_036_854_775_807),
        trade: Some(WireTrade {
            id: "18446744073709551615".to_owned(),
            price: amount("43210.5"),
            quantity: amount("0.25"),
            aggressor: Some("seller".into()),
            synthetic: false,
        }),
        quote: Some(WireQuote {
            bid: amount("43210"),
            bid_size: amount("1.5"),
            ask: amount("43210.5"),
            ask_size: amount("2"),
            synthetic: true,
        }),
        candle: Some(candle("1m", false)),
        stale: Some(false),
        closed: vec![candle("1m", true), candle("4h", true)],
        growing: Some(candle("1m", false)),
    };
    let bare = MarketData {
        symbol: None,
        kind: "alive".into(),
        feed_epoch: None,
        feed_offset: None,
        trade: None,
        quote: None,
        candle: None,
        stale: None,
        closed: vec![],
        growing: None,
        ..full.clone()
    };
    [full, bare]
}

pub(crate) fn indicator_values() -> [IndicatorValue; 2] {
    let numbers = |pairs: &[(&str, f64)]| {
        pairs.iter().map(|(name, number)| ((*name).to_owned(), Number(*number))).collect::<BTreeMap<_, _>>()
    };
    let full = IndicatorValue {
        event_id: id(1),
        symbol: "BTC-PERP".parse().unwrap(),
        indicator: "BBANDS".to_owned(),
        timeframe: "5m".into(),
        parameters: numbers(&[("optInTimePeriod", 20.0), ("optInNbDevUp", 2.0)]),
        values: numbers(&[("outRealUpperBand", 43_300.123_456_789), ("outRealLowerBand", -0.1)]),
        open_time: at(0),
        at: at(300_000_000),
        is_final: true,
    };
    let bare = IndicatorValue { parameters: BTreeMap::new(), values: BTreeMap::new(), is_final: false, ..full.clone() };
    [full, bare]
}

pub(crate) fn signals() -> [Signal; 2] {
    let full = Signal {
        event_id: id(1),
        strategy_id: id(11),
        org_id: id(3),
        symbol: "BTC-PERP".parse().unwrap(),
        side: "sell".into(),
        action: "target".into(),
        strength: Some(Number(0.75)),
        target_quantity: Some(amount("-0.5")),
        reason: Some("RSI above 70".to_owned()),
        at: at(0),
    };
    let bare = Signal { strength: None, target_quantity: None, reason: None, ..full.clone() };
    [full, bare]
}

pub(crate) fn strategy_events() -> [StrategyEvent; 2] {
    let full = StrategyEvent {
        event_id: id(1),
        strategy_id: id(11),
        org_id: id(3),
        seq: 1,
        kind: "strategy_started".into(),
        version: 1,
        market_time: at(0),
        recorded_at: at(1),
        actor: "user".into(),
        actor_user_id: Some(id(4)),
        request_id: Some(id(6)),
        detail: r#"{"type":"strategy_started"}"#.to_owned(),
    };
    let bare = StrategyEvent { actor_user_id: None, request_id: None, ..full.clone() };
    [full, bare]
}

/// Something to be done with the messages of each topic.
pub(crate) trait ForEach {
    /// Does it with one topic's.
    fn topic<M: Message + PartialEq + std::fmt::Debug>(&mut self, messages: &[M; 2]);
}

/// Does it with every topic's.
pub(crate) fn for_each(mut what: impl ForEach) {
    what.topic(&market_data());
    what.topic(&indicator_values());
    what.topic(&signals());
    what.topic(&order_events());
    what.topic(&position_events());
    what.topic(&alerts());
    what.topic(&strategy_events());
}

//! Many writers at once.

use velox_trading::{Appended, Side};

use super::{TradingPorts, scenario};
use crate::trading::{price, symbol};

/// Tasks that append to one account at the same number: exactly one of them wins, round after round.
pub async fn concurrent_appends_have_one_winner_a_number(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let mut desk = scenario();
    desk.set_price(btc, price("100"));
    ports.commit(desk.open()).await;
    for _ in 0..8 {
        let mut contenders = vec![];
        for _ in 0..8 {
            let mut contender = desk.clone();
            let (_, append) = contender.place_limit(btc, Side::Buy, "1", price("90"));
            let log = ports.log.clone();
            contenders.push((contender, tokio::spawn(async move { log.append(vec![append]).await })));
        }
        let mut winners = vec![];
        for (contender, task) in contenders {
            let outcome = task.await.expect("a task that ends").expect("the store is there");
            if outcome == [Appended::Committed] {
                winners.push(contender);
            }
        }
        assert_eq!(winners.len(), 1, "one winner at number {}", desk.head().seq + 1);
        desk = winners.swap_remove(0);
        ports.must_hold(&desk).await;
    }
}

/// Tasks that append to accounts of their own, in batches that overlap in time: all commit.
pub async fn concurrent_accounts_do_not_hurt_each_other(ports: &TradingPorts) {
    let btc = symbol("BTC-PERP");
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let ports = ports.clone();
            tokio::spawn(async move {
                let mut desk = scenario();
                desk.set_price(btc, price("100"));
                ports.commit(desk.open()).await;
                for _ in 0..5 {
                    let (_, append) = desk.place_limit(btc, Side::Buy, "1", price("90"));
                    ports.commit(append).await;
                }
                ports.must_hold(&desk).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a task whose appends commit");
    }
}

//! The instruments that the bundled data and the bundled tests speak of.

use velox_kernel::{Decimal, Money, Price, Quantity};

use super::{AssetClass, Instrument, InstrumentStatus, VolumeUnit};

/// The instruments every installation starts with: `BTC-PERP`, `BTCUSDT`, `EURUSD` and `GOOG`.
///
/// Ticks and lots are those the recorded data shows; `BTC-PERP` is the one whose bars travel with Velox.
#[must_use]
pub fn bundled_instruments() -> Vec<Instrument> {
    use AssetClass::{Crypto, CryptoPerpetual, Equity, Forex};
    use VolumeUnit::{Base, Quote, TickCount};
    vec![
        Row {
            symbol: "BTC-PERP",
            name: "Bitcoin perpetual future",
            pair: ["BTC", "USD"],
            steps: ["1", "0.0001"],
            least: ["0.0001", "1"],
            session: "Trades around the clock. The demo moves recorded minutes of January 2022 onto the present.",
        }
        .instrument(CryptoPerpetual, Quote),
        Row {
            symbol: "BTCUSDT",
            name: "Bitcoin / Tether",
            pair: ["BTC", "USDT"],
            steps: ["0.01", "0.000001"],
            least: ["0.000001", "10"],
            session: "Trades around the clock.",
        }
        .instrument(Crypto, Base),
        Row {
            symbol: "EURUSD",
            name: "Euro / US dollar",
            pair: ["EUR", "USD"],
            steps: ["0.00001", "1"],
            least: ["1", "1"],
            session: "Trades from Sunday to Friday night; volumes are tick counts and bound no fill.",
        }
        .instrument(Forex, TickCount),
        Row {
            symbol: "GOOG",
            name: "Alphabet Inc.",
            pair: ["GOOG", "USD"],
            steps: ["0.01", "1"],
            least: ["1", "1"],
            session: "Trades on exchange days; daily bars only.",
        }
        .instrument(Equity, Base),
    ]
}

/// One line of the table above: what differs, as text.
struct Row {
    symbol: &'static str,
    name: &'static str,
    /// Base and quote.
    pair: [&'static str; 2],
    /// Tick and lot.
    steps: [&'static str; 2],
    /// Minimum quantity and minimum notional.
    least: [&'static str; 2],
    session: &'static str,
}

impl Row {
    #[expect(clippy::expect_used, reason = "literals of this file; the test below reads every one")]
    fn instrument(self, asset_class: AssetClass, volume_unit: VolumeUnit) -> Instrument {
        let number = |text: &str| text.parse::<Decimal>().expect("a number");
        Instrument {
            symbol: self.symbol.parse().expect("a symbol"),
            name: self.name.to_owned(),
            asset_class,
            base: self.pair[0].parse().expect("a currency"),
            quote: self.pair[1].parse().expect("a currency"),
            tick: Price::new(number(self.steps[0])),
            lot: Quantity::new(number(self.steps[1])),
            min_quantity: Quantity::new(number(self.least[0])),
            min_notional: Money::new(number(self.least[1])),
            volume_unit,
            session: self.session.to_owned(),
            status: InstrumentStatus::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads_and_is_sorted() {
        let symbols: Vec<_> = bundled_instruments().iter().map(|one| one.symbol.to_string()).collect();
        assert_eq!(symbols, ["BTC-PERP", "BTCUSDT", "EURUSD", "GOOG"]);
    }

    #[test]
    fn every_minimum_is_itself_a_valid_quantity() {
        for one in bundled_instruments() {
            assert_eq!(one.check_quantity(one.min_quantity), Ok(()), "{}", one.symbol);
            assert!(one.tick.is_positive() && one.min_notional.is_positive());
        }
    }
}

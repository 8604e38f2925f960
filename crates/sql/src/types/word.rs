//! [`Word`]: names, and the words of closed sets, as text.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use velox_brokers::{BrokerKind, ConnectionStatus, Environment};
use velox_kernel::{BrokerOrderId, ClientOrderId, Currency, FillId, Role, Symbol, Timeframe};
use velox_market::{AssetClass, InstrumentStatus, VolumeUnit};
use velox_trading::{HaltMode, Liquidity, OrderStatus, Side, TimeInForce};

use super::{Word, stands_for};

/// A value that is kept as a text.
trait AsWord: Sized {
    fn word(&self) -> &str;
    fn from_word(text: &str) -> Option<Self>;
}

macro_rules! words {
    ($($rust:ident),*) => {$(
        stands_for!($rust => Word);

        impl ToSql<Word, Pg> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                std::io::Write::write_all(out, self.word().as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl ToSql<Word, Sqlite> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.word());
                Ok(IsNull::No)
            }
        }

        impl FromSql<Word, Pg> for $rust {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                read(std::str::from_utf8(value.as_bytes())?)
            }
        }

        impl FromSql<Word, Sqlite> for $rust {
            fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                read(value.read_text())
            }
        }
    )*};
}

fn read<T: AsWord>(text: &str) -> deserialize::Result<T> {
    T::from_word(text)
        .ok_or_else(|| format!("the store holds the word {text:?}, which is no {}", std::any::type_name::<T>()).into())
}

macro_rules! parsed {
    ($($rust:ident),*) => {$(
        impl AsWord for $rust {
            fn word(&self) -> &str {
                self.as_str()
            }

            fn from_word(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

macro_rules! closed {
    ($($rust:ident { $($variant:ident = $word:literal),* })*) => {$(
        impl AsWord for $rust {
            fn word(&self) -> &str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            fn from_word(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    )*};
}

words!(
    Symbol,
    Currency,
    ClientOrderId,
    BrokerOrderId,
    FillId,
    Role,
    Timeframe,
    OrderStatus,
    Side,
    TimeInForce,
    Liquidity,
    HaltMode,
    AssetClass,
    InstrumentStatus,
    VolumeUnit,
    BrokerKind,
    ConnectionStatus,
    Environment
);
parsed!(
    Symbol,
    Currency,
    ClientOrderId,
    BrokerOrderId,
    FillId,
    Role,
    Timeframe,
    AssetClass,
    InstrumentStatus,
    VolumeUnit,
    BrokerKind,
    ConnectionStatus,
    Environment
);

impl AsWord for OrderStatus {
    fn word(&self) -> &str {
        self.as_str()
    }

    fn from_word(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

closed! {
    Side { Buy = "buy", Sell = "sell" }
    TimeInForce { Day = "day", Gtc = "gtc", Ioc = "ioc", Fok = "fok" }
    Liquidity { Maker = "maker", Taker = "taker" }
    HaltMode { ReduceOnly = "reduce_only", Halted = "halted", Closed = "closed" }
}

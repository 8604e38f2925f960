//! [`Id`]: `uuid` on PostgreSQL, its sixteen bytes on SQLite.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use uuid::Uuid;
use velox_kernel::{
    AccountId, CommandId, ConnectionId, MemberId, OrderId, OrgId, RequestId, SessionId, StrategyId, UserId,
};

use super::{Id, stands_for};

macro_rules! ids {
    ($($rust:ident),*) => {$(
        stands_for!($rust => Id);

        impl ToSql<Id, Pg> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                std::io::Write::write_all(out, self.uuid().as_bytes())?;
                Ok(IsNull::No)
            }
        }

        impl ToSql<Id, Sqlite> for $rust {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
                out.set_value(self.uuid().as_bytes().to_vec());
                Ok(IsNull::No)
            }
        }

        impl FromSql<Id, Pg> for $rust {
            fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
                Ok(Self::new(Uuid::from_slice(value.as_bytes())?))
            }
        }

        impl FromSql<Id, Sqlite> for $rust {
            fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
                Ok(Self::new(Uuid::from_slice(value.read_blob())?))
            }
        }
    )*};
}
ids!(AccountId, CommandId, ConnectionId, MemberId, OrderId, OrgId, RequestId, SessionId, StrategyId, UserId);

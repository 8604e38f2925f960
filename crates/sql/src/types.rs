//! SQL types that each have a form in both databases, and the domain's values in them.
//!
//! | type | PostgreSQL | SQLite |
//! |---|---|---|
//! | [`Amount`] | `numeric` | 16 bytes whose unsigned order is the numeric order |
//! | [`Id`] | `uuid` | its 16 bytes |
//! | [`Moment`] | `timestamptz` | microseconds since 1970-01-01T00:00:00Z |
//! | [`Hash`] | `bytea` | 32 bytes |
//! | [`Trace`] | `bytea` | 25 bytes |
//! | [`Blob`] | `bytea` | bytes |
//! | [`Word`] | `text COLLATE "C"` | `TEXT` |
//!
//! diesel's own `Numeric` passes through a float on SQLite; [`Amount`] never does.

mod amount;
mod blob;
mod hash;
mod id;
mod moment;
mod trace;
mod word;

pub(crate) use amount::to_numeric;
pub(crate) use moment::postgres_micros;

use std::fmt::Debug;

use diesel::backend::Backend;
use diesel::expression::{AsExpression, TypedExpressionType};
use diesel::internal::derives::as_expression::Bound;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::SqlType;

/// An exact decimal.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 1700, array_oid = 1231))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Amount;

/// A typed id.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Id;

/// A moment.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 1184, array_oid = 1185))]
#[diesel(sqlite_type(name = "Long"))]
pub struct Moment;

/// A SHA-256 value.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 17, array_oid = 1001))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Hash;

/// A place in a trace.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 17, array_oid = 1001))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Trace;

/// Bytes that only this program reads.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 17, array_oid = 1001))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct Blob;

/// A name or a word of a closed set.
#[derive(Debug, Clone, Copy, SqlType, diesel::query_builder::QueryId)]
#[diesel(postgres_type(oid = 25, array_oid = 1009))]
#[diesel(sqlite_type(name = "Text"))]
pub struct Word;

/// A domain's value in a query. diesel's `AsExpression` cannot be written for a type of another crate, so that one is
/// written for this.
#[derive(Clone, Copy, Debug)]
pub struct Val<T>(
    /// The value.
    pub T,
);

impl<T, ST> AsExpression<ST> for Val<T>
where
    ST: SqlType + TypedExpressionType,
{
    type Expression = Bound<ST, Self>;

    fn as_expression(self) -> Self::Expression {
        Bound::new(self)
    }
}

impl<T, ST, DB> ToSql<ST, DB> for Val<T>
where
    T: ToSql<ST, DB> + Debug,
    DB: Backend,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

/// Values for an `IN`.
pub(crate) fn vals<T: Copy>(values: &[T]) -> Vec<Val<T>> {
    values.iter().copied().map(Val).collect()
}

/// Lets a domain's type be read from a column; `FromSql` says how.
macro_rules! stands_for {
    ($($rust:ty => $sql:ty),* $(,)?) => {$(
        impl<DB> diesel::deserialize::Queryable<$sql, DB> for $rust
        where
            DB: diesel::backend::Backend,
            Self: diesel::deserialize::FromSql<$sql, DB>,
        {
            type Row = Self;
            fn build(row: Self) -> diesel::deserialize::Result<Self> {
                Ok(row)
            }
        }
    )*};
}
pub(crate) use stands_for;

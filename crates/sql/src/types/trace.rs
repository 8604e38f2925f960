//! [`Trace`]: 25 bytes on both.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use velox_kernel::TraceContext;

use super::{Trace, stands_for};

stands_for!(TraceContext => Trace);

fn read(bytes: &[u8]) -> deserialize::Result<TraceContext> {
    Ok(TraceContext::from_bytes(bytes).ok_or("what is in the store is no place in a trace")?)
}

impl ToSql<Trace, Pg> for TraceContext {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, &self.to_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<Trace, Sqlite> for TraceContext {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.to_bytes().to_vec());
        Ok(IsNull::No)
    }
}

impl FromSql<Trace, Pg> for TraceContext {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        read(value.as_bytes())
    }
}

impl FromSql<Trace, Sqlite> for TraceContext {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        read(value.read_blob())
    }
}

//! [`Blob`]: bytes on both.

use bytes::Bytes;
use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};

use super::{Blob, stands_for};

stands_for!(Bytes => Blob);

impl ToSql<Blob, Pg> for Bytes {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, self)?;
        Ok(IsNull::No)
    }
}

impl ToSql<Blob, Sqlite> for Bytes {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.as_ref());
        Ok(IsNull::No)
    }
}

impl FromSql<Blob, Pg> for Bytes {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::copy_from_slice(value.as_bytes()))
    }
}

impl FromSql<Blob, Sqlite> for Bytes {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        Ok(Self::copy_from_slice(value.read_blob()))
    }
}

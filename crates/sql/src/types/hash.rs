//! [`Hash`]: 32 bytes on both.

use diesel::deserialize::{self, FromSql};
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sqlite::{Sqlite, SqliteValue};
use velox_kernel::Digest;

use super::{Hash, stands_for};

stands_for!(Digest => Hash);

fn read(bytes: &[u8]) -> deserialize::Result<Digest> {
    Ok(Digest::new(bytes.try_into().map_err(|_| "a digest in the store is not 32 bytes long")?))
}

impl ToSql<Hash, Pg> for Digest {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        std::io::Write::write_all(out, self.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<Hash, Sqlite> for Digest {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Hash, Pg> for Digest {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        read(value.as_bytes())
    }
}

impl FromSql<Hash, Sqlite> for Digest {
    fn from_sql(mut value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        read(value.read_blob())
    }
}

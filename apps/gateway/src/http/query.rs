//! [`StrictQuery`]: query parameters by name and type; what a route does not know is refused.

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Query;
use actix_web::{FromRequest, HttpRequest};
use garde::Validate;
use serde::de::value::MapDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use utoipa::IntoParams;
use velox_kernel::{Cursor, PageRequest, error_code};

use super::Problem;

/// The query as a `T`, which carries `#[serde(deny_unknown_fields)]`. Refuses with `invalid_parameter` (400).
#[derive(Debug)]
pub struct StrictQuery<T>(pub T);

impl<T> FromRequest for StrictQuery<T>
where
    T: DeserializeOwned + Validate<Context: Default>,
{
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(read_query(request.query_string()).map(Self))
    }
}

/// Reads a query string.
///
/// # Errors
/// `invalid_parameter` (400), naming the parameter.
pub fn read_query<T>(query: &str) -> Result<T, Problem>
where
    T: DeserializeOwned + Validate<Context: Default>,
{
    let Query(pairs) = Query::<Vec<(String, String)>>::from_query(query)
        .map_err(|_| Problem::of(error_code::INVALID_PARAMETER).detail("The query is not `name=value&…`."))?;
    for (place, (name, _)) in pairs.iter().enumerate() {
        if pairs[..place].iter().any(|(other, _)| other == name) {
            return Err(Problem::parameter(name, "is given twice"));
        }
    }
    // PostgreSQL has no text with one, so that no parameter may have it either.
    if let Some((name, _)) = pairs.iter().find(|(_, value)| value.contains('\0')) {
        return Err(Problem::parameter(name, "has the character U+0000"));
    }
    let decoder = MapDeserializer::<_, QueryError>::new(pairs.into_iter().map(|(name, value)| (name, Text(value))));
    let value: T = serde_path_to_error::deserialize(decoder).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().0;
        for kind in ["unknown field `", "missing field `"] {
            if let Some((name, rest)) = message.strip_prefix(kind).and_then(|rest| rest.split_once('`')) {
                let what = if kind.starts_with("unknown") { "is not known here" } else { "is missing" };
                return Problem::parameter(name, format!("{what}{rest}"));
            }
        }
        Problem::parameter(&path, message)
    })?;
    value.validate().map_err(|report| {
        let first = report.iter().next();
        first.map_or_else(
            || Problem::of(error_code::INVALID_PARAMETER),
            |(path, error)| Problem::parameter(&path.to_string(), error),
        )
    })?;
    Ok(value)
}

/// One page of a list, as a query: for lists that take no other parameter. Others have the same two members and
/// call [`page_request`].
#[derive(Clone, Debug, Default, Deserialize, Validate, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The most items on the page.
    #[garde(skip)]
    #[param(minimum = 1, maximum = 500, default = 50)]
    pub limit: Option<u16>,
    /// Where to go on: `next` of the page before.
    #[garde(skip)]
    pub after: Option<String>,
}

impl PageQuery {
    /// The wish for a page.
    ///
    /// # Errors
    /// As [`page_request`].
    pub fn page(&self) -> Result<PageRequest, Problem> {
        page_request(self.limit, self.after.as_deref())
    }
}

/// The wish for a page out of the parameters `limit` and `after`.
///
/// # Errors
/// `invalid_parameter` for the limit, `invalid_cursor` for the cursor.
pub fn page_request(limit: Option<u16>, after: Option<&str>) -> Result<PageRequest, Problem> {
    let after = after
        .map(str::parse::<Cursor>)
        .transpose()
        .map_err(|error| Problem::of(error_code::INVALID_CURSOR).detail(format!("`after` {error}")))?;
    PageRequest::new(limit.unwrap_or(PageRequest::USUAL), after).map_err(|error| Problem::parameter("limit", error))
}

/// The message of a decoder.
#[derive(Debug)]
struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for QueryError {}

impl de::Error for QueryError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// A parameter's text, read as whatever the field wants.
struct Text(String);

impl IntoDeserializer<'_, QueryError> for Text {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! read_as {
    ($($method:ident $visit:ident $type:ty, $words:literal;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
            match self.0.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(QueryError(concat!("must be ", $words).to_owned())),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text {
    type Error = QueryError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_string(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, QueryError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, QueryError> {
        if !variants.contains(&self.0.as_str()) {
            return Err(QueryError(format!("must be one of {}", variants.join(", "))));
        }
        let text: de::value::StringDeserializer<QueryError> = self.0.into_deserializer();
        text.deserialize_enum(name, variants, visitor)
    }

    read_as! {
        deserialize_bool visit_bool bool, "true or false";
        deserialize_u8 visit_u8 u8, "a whole number from 0 to 255";
        deserialize_u16 visit_u16 u16, "a whole number from 0 to 65535";
        deserialize_u32 visit_u32 u32, "a whole number from 0 to 4294967295";
        deserialize_u64 visit_u64 u64, "a whole number, not negative";
        deserialize_i32 visit_i32 i32, "a whole number";
        deserialize_i64 visit_i64 i64, "a whole number";
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use velox_kernel::{Symbol, Timestamp};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Side {
        Buy,
        Sell,
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    #[garde(allow_unvalidated)]
    struct Sample {
        limit: Option<u16>,
        symbol: Option<Symbol>,
        since: Option<Timestamp>,
        side: Option<Side>,
        open: Option<bool>,
    }

    #[test]
    fn reads_types_out_of_text() {
        let sample: Sample =
            read_query("limit=5&symbol=BTC-PERP&since=2026-01-01T00%3A00%3A00Z&side=sell&open=true").unwrap();
        assert_eq!(sample.limit, Some(5));
        assert_eq!(sample.symbol.unwrap().as_str(), "BTC-PERP");
        assert_eq!(sample.since.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert!(matches!(sample.side, Some(Side::Sell)));
        assert_eq!(sample.open, Some(true));
    }

    #[test]
    fn names_the_parameter_that_is_wrong() {
        for (query, words) in [
            ("limit=x", "`limit` must be a whole number from 0 to 65535"),
            ("limit=70000", "`limit` must be"),
            ("symbol=btc", "`symbol` must be 1 to 24"),
            ("side=hold", "`side` must be one of buy, sell"),
            ("open=1", "`open` must be true or false"),
            ("colour=red", "`colour` is not known here, expected one of"),
            ("limit=1&limit=2", "`limit` is given twice"),
            ("symbol=%00", "`symbol` has the character U+0000"),
        ] {
            let problem = read_query::<Sample>(query).unwrap_err();
            assert!(problem.to_string().starts_with(words), "{query}: {problem}");
            assert_eq!(problem.code(), error_code::INVALID_PARAMETER);
        }
    }

    #[test]
    fn pages_are_within_bounds() {
        assert_eq!(page_request(None, None).unwrap(), PageRequest::first());
        assert_eq!(page_request(Some(0), None).unwrap_err().code(), error_code::INVALID_PARAMETER);
        assert_eq!(page_request(None, Some("!")).unwrap_err().code(), error_code::INVALID_CURSOR);
    }
}

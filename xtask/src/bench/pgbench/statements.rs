//! The statements with which this build appends, as PostgreSQL is seen to run them.

use super::super::Settings;
use super::super::sql::Asked;
use crate::postgres::Cluster;
use anyhow::bail;

/// How long PostgreSQL is not looked at in between: an append takes about a millisecond, and stays in sight until the
/// session's next statement.
const LOOK_EVERY: &str = "10 milliseconds";

/// The statements by which the steps of a resting order are appended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statements {
    /// For what a client asks for.
    pub(super) plain: String,
    /// For what is written under the right to execute an account's orders: `FENCED` in `crates/postgres`.
    pub(super) fenced: String,
}

impl Statements {
    /// Those that PostgreSQL runs while orders are placed.
    pub(super) fn seen_while(
        settings: &Settings,
        cluster: &Cluster,
        place: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Statements> {
        let seconds = (settings.warm_up() + settings.measure()).as_secs_f64();
        let watch = format!(
            "CREATE TEMP TABLE seen (query text); \
             DO $$ DECLARE began timestamptz = clock_timestamp(); BEGIN \
                WHILE clock_timestamp() < began + {seconds} * interval '1 second' LOOP \
                    PERFORM pg_stat_clear_snapshot(); \
                    INSERT INTO seen SELECT query FROM pg_stat_activity \
                    WHERE application_name = 'velox' AND query LIKE 'WITH input%' EXCEPT SELECT query FROM seen; \
                    PERFORM pg_sleep_for('{LOOK_EVERY}'); \
                END LOOP; \
             END $$; \
             SELECT regexp_replace(query, E'\\\\s+', ' ', 'g') FROM seen"
        );
        let watching = Asked::of(cluster, "postgres", &watch)?;
        place()?;
        Statements::among(&watching.answer()?)
    }

    /// Those among the appends that were seen, one a line. The wide forms open accounts and take fills.
    fn among(seen: &str) -> anyhow::Result<Statements> {
        let narrow = seen.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("INSERT INTO fills"));
        let (fenced, plain): (Vec<&str>, Vec<&str>) = narrow.partition(|line| line.contains("role_shards"));
        let only = |form: &str, lines: &[&str]| match lines {
            [line] => Ok((*line).to_owned()),
            _ => bail!("{} {form} appends were seen while orders were placed, not one: {lines:#?}", lines.len()),
        };
        Ok(Statements { plain: only("plain", &plain)?, fenced: only("fenced", &fenced)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const PLAIN: &str = "WITH input AS (…) INSERT INTO events …";
    const FENCED: &str = "WITH input AS (…), kept AS (SELECT s.role FROM role_shards s …) INSERT INTO events …";
    const WIDE: &str = "WITH input AS (…) INSERT INTO events … INSERT INTO fills …";

    #[test]
    fn each_form_is_told_by_what_only_it_says() {
        let seen = Statements::among(&format!("{WIDE}\n{FENCED}\n{PLAIN}\n")).unwrap();
        assert_eq!(seen, Statements { plain: PLAIN.to_owned(), fenced: FENCED.to_owned() });
    }

    #[test]
    fn a_form_that_is_missing_or_there_twice_is_an_error() {
        for seen in [PLAIN.to_owned(), format!("{FENCED}\n{WIDE}"), format!("{PLAIN}\n{PLAIN} x\n{FENCED}")] {
            assert!(Statements::among(&seen).is_err(), "{seen}");
        }
    }
}

//! "Did you mean …": the known name nearest to an unknown one.

/// The known name with the fewest edits, when they are few enough to be a slip.
pub(super) fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (edits(unknown, name), name))
        .filter(|(edits, name)| *edits <= (name.len() / 3).max(2))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Levenshtein's distance, row by row.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let change = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_not_strangers() {
        let known = ["server.port", "server.bind", "log.filter"];
        assert_eq!(nearest("server.prot", known.into_iter()), Some("server.port"));
        assert_eq!(nearest("sever.bind", known.into_iter()), Some("server.bind"));
        assert_eq!(nearest("kafka.brokers", known.into_iter()), None);
    }
}

//! Reading files.

use std::path::Path;

use velox_feed_replay::{ReadError, bundled_recording, read_bars};

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name)
}

#[test]
fn gzipped_files_are_read_as_plain_ones() {
    let bars = read_bars(&data("btc-perp-1m.csv.gz")).unwrap();
    assert_eq!(bars.len(), 10_080);
    assert_eq!(bars[77], bundled_recording().bar(77));
}

#[test]
fn a_file_of_something_else_is_refused() {
    let error = read_bars(&data("btcusdt-quotes.csv")).unwrap_err();
    assert_eq!(error.to_string(), "line 1, column open: is missing from the header");
    assert!(matches!(read_bars(&data("none.csv")), Err(ReadError::Io(_))));
}

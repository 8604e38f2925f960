//! [`Progress`]: how much of the file was read, shown on a terminal and nowhere else.

use std::fs::File;
use std::io::Read;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::recording::Recording;

/// A bar that counts the file's bytes. Without a terminal on standard error it draws nothing.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(recording: &Recording) -> Self {
        let bar = ProgressBar::with_draw_target(Some(recording.size), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{msg:8} {wide_bar} {bytes}/{total_bytes} {eta}");
        Self(bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    /// Starts over, for the next reading of the file.
    pub(super) fn begin(&self, doing: &'static str) {
        self.0.reset();
        self.0.set_message(doing);
    }

    /// The file, with its bytes counted as they are read.
    pub(super) fn follow(&self, file: File) -> impl Read + use<> {
        self.0.wrap_read(file)
    }

    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

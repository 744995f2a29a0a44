//! Progress on standard error: a bar on a terminal, a line for every tenth otherwise.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Settings;
use crate::output::note;

pub(crate) struct Progress {
    bar: ProgressBar,
    what: &'static str,
    started: Instant,
    requests: u32,
    is_quiet: bool,
}

impl Progress {
    /// `what` names what is counted, such as "pairs".
    pub(crate) fn new(what: &'static str, count: usize, settings: &Settings) -> Self {
        // A job of one request needs neither.
        let is_quiet = settings.quiet || count < 100;
        // The records of --verbose would be written across a bar.
        let target = match is_quiet || settings.verbose {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let template = format!("{{bar:30}} {{pos}} of {{len}} {what}{{msg}}");
        let style = ProgressStyle::with_template(&template);
        let bar = ProgressBar::with_draw_target(Some(count as u64), target);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self {
            bar,
            what,
            started: Instant::now(),
            requests: 0,
            is_quiet,
        }
    }

    /// Adds what these requests did; at least `requests_left` more will follow.
    pub(crate) fn add(&mut self, count: usize, requests: u32, requests_left: usize) {
        self.requests += requests;
        let each = self.started.elapsed() / self.requests.max(1);
        let left = each.saturating_mul(requests_left.try_into().unwrap_or(u32::MAX));
        self.bar.set_message(match left.as_secs() {
            0 => String::new(),
            left => format!(", {left} s left"),
        });
        let length = self.bar.length().unwrap_or_default();
        let tenths = |position| position * 10 / length.max(1);
        let before = self.bar.position();
        self.bar.inc(count as u64);
        let position = self.bar.position();
        if self.bar.is_hidden() && !self.is_quiet && tenths(position) > tenths(before) {
            note!("{position} of {length} {}", self.what);
        }
    }

    pub(crate) fn finish(self) {
        self.bar.abandon_with_message("");
    }
}

//! What the tools for large jobs share: input, progress, files that survive a kill, and Ctrl-C.

#![allow(dead_code, reason = "each tool uses a part")]

#[path = "../exit/mod.rs"]
pub(crate) mod exit;
pub(crate) mod input;
pub(crate) mod output;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gong_call_access::{Batches, Report};
use indicatif::{ProgressBar, ProgressStyle};
use output::{Refused, Remaining};

use exit::BadInput;
use input::Input;

/// Exit codes of the tools, beside those of every example.
pub(crate) const SOME_REFUSED: u8 = 3;
pub(crate) const SOME_REMAIN: u8 = 4;

/// Writes a line to standard error. If nobody reads it any more, the job continues without a panic.
macro_rules! note {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($part)*);
    }};
}
#[allow(unused_imports, reason = "each tool uses a part")]
pub(crate) use note;

impl Input {
    /// Prints the problems of the input, which end the tool unless it skips invalid lines.
    pub(crate) fn check(&self, skips_invalid: bool) -> Result<(), BadInput> {
        for problem in &self.problems {
            note!("{problem}");
        }
        match (self.problems.len(), skips_invalid) {
            (0, _) => Ok(()),
            (count, true) => {
                note!("skipping these lines ({count} problems)\n");
                Ok(())
            }
            (count, false) => Err(BadInput(format!(
                "{count} problems, nothing was sent; --skip-invalid skips these lines"
            ))),
        }
    }
}

/// Returns whether any two of these are the same file, however their paths are spelled.
pub(crate) fn is_any_file_twice<'a>(paths: impl IntoIterator<Item = &'a Path>) -> bool {
    let mut seen = BTreeSet::new();
    paths.into_iter().any(|path| {
        // A file that does not exist yet has no canonical path, but its folder has.
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let folder = fs::canonicalize(folder.unwrap_or_else(|| Path::new("."))).ok();
        let in_folder = folder
            .zip(path.file_name())
            .map(|(folder, name)| folder.join(name));
        let path = fs::canonicalize(path).ok().or(in_folder);
        path.is_some_and(|path| !seen.insert(path))
    })
}

/// Whether Ctrl-C was pressed.
#[derive(Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub(crate) fn new() -> Result<Self, ctrlc::Error> {
        let interrupt = Self(Arc::default());
        let for_handler = interrupt.clone();
        ctrlc::set_handler(move || for_handler.0.store(true, Ordering::SeqCst))?;
        Ok(interrupt)
    }

    pub(crate) fn is_pressed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs a job to its end, or until Ctrl-C, and keeps its files up to date meanwhile.
pub(crate) fn run(
    mut batches: Batches<'_>,
    interrupt: &Interrupt,
    mut refused: Option<&mut Refused>,
    remaining: Option<&Path>,
) -> Result<Report, Box<dyn Error>> {
    let list = batches.remaining();
    let mut remaining = remaining.map(Remaining::new);
    if let Some(remaining) = &remaining {
        remaining.write(&list)?;
    }
    let mut progress = Progress::new(list.len());
    drop(list);
    let mut report = Report::default();
    loop {
        if interrupt.is_pressed() {
            batches.stop();
        }
        let Some(batch) = batches.next() else { break };
        // The refusals come first: for a moment a pair may be in both files, but it is never in
        // neither.
        if let Some(refused) = &mut refused {
            refused.add(&batch)?;
        }
        progress.add(batch.access_list().len());
        report.extend([batch]);
        if let Some(remaining) = &mut remaining {
            remaining.update(|| {
                let mut list = batches.remaining();
                list.extend(report.remaining());
                list
            })?;
        }
    }
    progress.finish();
    if let Some(refused) = refused {
        // Later batches may have revealed what explains the first refusals.
        refused.write()?;
    }
    if let Some(remaining) = &remaining {
        remaining.write(report.remaining())?;
    }
    Ok(report)
}

/// The exit code that says what became of these jobs.
pub(crate) fn code(reports: &[Report]) -> u8 {
    let left: usize = reports.iter().map(|report| report.remaining().len()).sum();
    if left > 0 {
        note!("{left} pairs left");
        SOME_REMAIN
    } else if reports.iter().all(Report::all_done) {
        exit::DONE
    } else {
        SOME_REFUSED
    }
}

/// A bar on a terminal, a line for every tenth otherwise.
struct Progress {
    bar: ProgressBar,
    shown_tenths: u64,
}

impl Progress {
    fn new(pairs: usize) -> Self {
        let bar = ProgressBar::new(pairs as u64);
        let template = "{bar:40} {pos} of {len} pairs, {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let shown_tenths = 0;
        Self { bar, shown_tenths }
    }

    fn add(&mut self, pairs: usize) {
        self.bar.inc(pairs as u64);
        let (position, length) = (self.bar.position(), self.bar.length().unwrap_or(1));
        let tenths = position * 10 / length.max(1);
        if self.bar.is_hidden() && tenths > self.shown_tenths {
            self.shown_tenths = tenths;
            note!("{position} of {length} pairs");
        }
    }

    fn finish(self) {
        self.bar.abandon();
    }
}

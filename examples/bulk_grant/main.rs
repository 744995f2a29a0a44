//! Gives users access to any number of calls: `cargo run --example bulk_grant -- FILE`

mod input;
mod output;
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use gong_call_access::{CallAccessList, Report};
use indicatif::{ProgressBar, ProgressStyle};
use output::{Refused, Remaining};

/// Gives users access to Gong calls, any number of them.
///
/// FILE is CSV with a header that names call_id and user_id (other columns are ignored; the
/// delimiter is a comma, a semicolon or a tab), or Gong's own JSON body, as --remaining writes it.
///
/// Credentials come from GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or from GONG_ACCESS_TOKEN;
/// GONG_BASE_URL is your company's own host. Without credentials everything is granted on a
/// stand-in for Gong on this machine.
///
/// Ctrl-C stops after the batch in hand, its retries and searches included. To go on, give the file of
/// --remaining as FILE; to try what was refused once more, the file of --refused.
///
/// Exit codes: 0 all pairs granted; 3 some were refused; 4 some remain;
/// 2 bad input, nothing was sent; 1 anything else.
#[derive(Parser)]
#[command(name = "bulk_grant", verbatim_doc_comment)]
struct Arguments {
    /// The pairs to grant; `-` is standard input
    file: PathBuf,

    /// Print what would be sent, and how long it takes at least; send nothing to Gong
    #[arg(long)]
    dry_run: bool,

    /// Go on without the lines that cannot be used
    #[arg(long)]
    skip_invalid: bool,

    /// Keep what is not done yet in this file, as Gong's own JSON body
    #[arg(long, value_name = "FILE")]
    remaining: Option<PathBuf>,

    /// Add the refused pairs to this file, as CSV, with the id that explains each and the reason
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,

    /// The most requests in a second; Gong's default limit for a whole company is 3
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_second: u32,
}

const BAD_INPUT: u8 = 2;

/// Prints a line, without a panic if nobody reads it any more: the job goes on.
macro_rules! say {
    ($($part:tt)*) => {
        let _ = writeln!(std::io::stdout(), $($part)*);
    };
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let input = match input::read(&arguments.file) {
        Ok(input) => input,
        Err(problem) => return fail(BAD_INPUT, &problem),
    };
    for problem in &input.problems {
        eprintln!("{problem}");
    }
    match (input.problems.len(), arguments.skip_invalid) {
        (0, _) => {}
        (count, true) => eprintln!("going on without these ({count} problems)\n"),
        (count, false) => {
            let message = format!(
                "{count} problems, nothing was sent; --skip-invalid goes on without these lines"
            );
            return fail(BAD_INPUT, &message);
        }
    }
    let (pairs, calls) = (input.access.len(), input.access.call_count());
    say!(
        "pairs: {pairs}, calls: {calls}, duplicates merged: {}",
        input.duplicates
    );
    if arguments.refused.is_some()
        && (arguments.refused == arguments.remaining
            || arguments.refused.as_ref() == Some(&arguments.file))
    {
        return fail(BAD_INPUT, "--refused needs a file of its own");
    }
    let keeps_record = arguments.remaining.is_some() || arguments.refused.is_some();
    if keeps_record && !arguments.dry_run && !stand_in::has_credentials() {
        let message =
            "--remaining and --refused need credentials: without them nothing reaches Gong";
        return fail(BAD_INPUT, message);
    }
    let result = if arguments.dry_run {
        dry_run(&input.access, arguments.requests_per_second)
    } else {
        run(&arguments, &input.access)
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let is_config = error
                .downcast_ref()
                .is_some_and(gong_call_access::Error::is_config);
            fail(if is_config { BAD_INPUT } else { 1 }, &error.to_string())
        }
    }
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(code)
}

/// Counts the requests by sending them to the stand-in, which acknowledges all of them.
fn dry_run(access: &CallAccessList, per_second: u32) -> Result<u8, Box<dyn Error>> {
    let client = stand_in::start(CallAccessList::new())?
        .requests_per_second(None)
        .build()?;
    let requests = client.grant_batches(access).count();
    let seconds = requests.saturating_sub(1) / per_second as usize;
    say!("requests: {requests}, which take at least {seconds} s at {per_second} a second");
    say!("(Gong's default limits for a whole company are 3 a second and 10000 a day)");
    say!("dry run: nothing was sent to Gong");
    Ok(0)
}

fn run(arguments: &Arguments, access: &CallAccessList) -> Result<u8, Box<dyn Error>> {
    let builder = stand_in::gong_or_stand_in(CallAccessList::new(), std::io::stdout())?;
    let client = builder
        .requests_per_second(arguments.requests_per_second)
        .build()?;
    let mut remaining = arguments.remaining.clone().map(Remaining::new);
    let mut refused = arguments.refused.clone().map(Refused::new).transpose()?;
    if let Some(remaining) = &remaining {
        remaining.write(access)?;
    }
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let for_handler = Arc::clone(&is_interrupted);
    ctrlc::set_handler(move || for_handler.store(true, Ordering::SeqCst))?;

    let mut progress = Progress::new(access.len());
    let mut batches = client.grant_batches(access);
    let mut report = Report::default();
    while !is_interrupted.load(Ordering::SeqCst) {
        let Some(batch) = batches.next() else {
            break;
        };
        // The refusals first: a pair may be in both files for a moment, and never in none.
        if let Some(refused) = &mut refused {
            refused.add(&batch)?;
        }
        let pairs = batch.access_list().len();
        report.extend([batch]);
        if let Some(remaining) = &mut remaining {
            remaining.update(|| all_remaining(&report, batches.remaining()))?;
        }
        progress.add(pairs);
    }
    progress.finish();
    let left = all_remaining(&report, batches.remaining());
    // What explains the first refusals may have become known after them.
    if let Some(refused) = &refused {
        refused.write()?;
    }
    if let Some(remaining) = &remaining {
        remaining.write(&left)?;
    }
    say!("{report}");
    if !stand_in::has_credentials() {
        say!("(on the stand-in: nothing was sent to Gong)");
    }
    if !left.is_empty() {
        eprintln!("{} pairs left", left.len());
        return Ok(4);
    }
    Ok(if report.all_done() { 0 } else { 3 })
}

/// What a report knows to remain, and what was not even reached.
fn all_remaining(report: &Report, unreached: CallAccessList) -> CallAccessList {
    let mut remaining = unreached;
    remaining.extend(report.remaining());
    remaining
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
            say!("{position} of {length} pairs");
        }
    }

    fn finish(self) {
        self.bar.abandon();
    }
}

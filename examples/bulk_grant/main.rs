//! Grants any number of (call, user) pairs from a file: `cargo run --example bulk_grant -- FILE`

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

/// Gives users access to any number of Gong calls.
///
/// FILE is CSV with the columns call_id and user_id (other columns are ignored; the delimiter is a
/// comma, a semicolon or a tab), or a JSON request body as --remaining writes it.
///
/// Credentials are read from GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or from GONG_ACCESS_TOKEN;
/// set GONG_BASE_URL to your company's own host. Without credentials, the program runs against a
/// stand-in for Gong on this machine.
///
/// Ctrl-C stops after the current batch, including its retries and searches. To continue, pass the
/// file of --remaining as FILE; to retry the refused pairs, the file of --refused.
///
/// Exit codes: 0 all pairs granted; 3 some were refused; 4 some remain;
/// 2 bad input, nothing was sent; 1 any other failure.
#[derive(Parser)]
#[command(name = "bulk_grant", verbatim_doc_comment)]
struct Arguments {
    /// The pairs to grant; `-` reads standard input
    file: PathBuf,

    /// Print how many requests it takes, and how long at least, without sending anything to Gong
    #[arg(long)]
    dry_run: bool,

    /// Skip invalid lines instead of stopping
    #[arg(long)]
    skip_invalid: bool,

    /// Keep the pairs that are not done yet in this file, as a JSON request body
    #[arg(long, value_name = "FILE")]
    remaining: Option<PathBuf>,

    /// Append the refused pairs to this file, as CSV, each with the unknown id and Gong's reason
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,

    /// The rate limit; Gong's default for a whole company is 3 requests a second
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_second: u32,
}

const BAD_INPUT: u8 = 2;

/// Prints a line. Unlike `println!`, it does not panic if the pipe is closed: the job continues.
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
        (count, true) => eprintln!("skipped these ({count} problems)\n"),
        (count, false) => {
            let message =
                format!("{count} problems, nothing was sent; --skip-invalid skips these lines");
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
        // The refused pairs first, so that a killed run leaves a pair in both files rather than in
        // neither.
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
    // Later batches may have shown which id explains an early refusal.
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

/// The pairs that remain of the batches so far, and those that were not reached.
fn all_remaining(report: &Report, unreached: CallAccessList) -> CallAccessList {
    let mut remaining = unreached;
    remaining.extend(report.remaining());
    remaining
}

/// Shows progress: a bar on a terminal, otherwise a line for every tenth.
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

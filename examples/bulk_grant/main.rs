//! Grants any number of (call, user) pairs from a file: `cargo run --example bulk_grant -- FILE`

#[path = "../job/mod.rs"]
mod job;
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gong_call_access::CallAccessList;
use job::Interrupt;
use job::exit::BadInput;
use job::output::Refused;

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
/// --remaining file as FILE; to retry the refused pairs, pass the --refused file.
///
/// Exit codes: 0 all pairs granted; 3 some were refused; 4 some remain;
/// 2 bad input, nothing was sent; 1 any other failure.
#[derive(Parser)]
#[command(name = "bulk_grant", verbatim_doc_comment)]
struct Arguments {
    /// The pairs to grant; `-` reads standard input
    file: PathBuf,

    /// Print the number of requests and the least time they take, without sending anything to Gong
    #[arg(long)]
    dry_run: bool,

    /// Skip invalid lines instead of stopping
    #[arg(long)]
    skip_invalid: bool,

    /// Write the pairs that are not done yet to this file, as a JSON request body
    #[arg(long, value_name = "FILE")]
    remaining: Option<PathBuf>,

    /// Append the refused pairs to this file, as CSV, each with the unknown id and Gong's reason
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,

    /// The rate limit; Gong's default for a whole company is 3 requests a second
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_second: u32,
}

fn main() -> ExitCode {
    job::exit::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<u8, Box<dyn Error>> {
    let input = job::input::read(&arguments.file)?;
    input.check(arguments.skip_invalid)?;
    let (pairs, calls) = (input.access.len(), input.access.call_count());
    // If nobody reads standard output any more, the job continues.
    let _ = writeln!(
        io::stdout(),
        "pairs: {pairs}, calls: {calls}, duplicates merged: {}",
        input.duplicates
    );
    let others = [&arguments.file].into_iter().chain(&arguments.remaining);
    if let Some(refused) = &arguments.refused {
        let with = |other: &PathBuf| job::is_any_file_twice([refused.as_path(), other.as_path()]);
        if others.clone().any(with) {
            return Err(BadInput("--refused needs a separate file".to_owned()).into());
        }
    }
    // A resumed job writes its own input, but the columns of a table would be lost.
    let is_replaced = job::is_any_file_twice(others.map(PathBuf::as_path));
    if is_replaced && !(input.is_json && input.problems.is_empty()) {
        let message = "--remaining would replace FILE, which is not a JSON request body";
        return Err(BadInput(message.to_owned()).into());
    }
    if arguments.dry_run {
        return dry_run(&input.access, arguments.requests_per_second);
    }
    let keeps_record = arguments.remaining.is_some() || arguments.refused.is_some();
    if keeps_record && !stand_in::has_credentials() {
        let message =
            "--remaining and --refused need credentials: without them nothing reaches Gong";
        return Err(BadInput(message.to_owned()).into());
    }
    grant(arguments, &input.access)
}

/// Counts the requests by sending them to the stand-in, which acknowledges all of them.
fn dry_run(access: &CallAccessList, per_second: u32) -> Result<u8, Box<dyn Error>> {
    let client = stand_in::start(CallAccessList::new())?
        .requests_per_second(None)
        .build()?;
    let requests = client.grant_batches(access).count();
    let seconds = requests.saturating_sub(1) / per_second as usize;
    writeln!(
        io::stdout(),
        "requests: {requests}, which take at least {seconds} s at {per_second} a second\n\
         (Gong's default limits for a whole company are 3 a second and 10000 a day)\n\
         dry run: nothing was sent to Gong"
    )?;
    Ok(job::exit::DONE)
}

fn grant(arguments: &Arguments, access: &CallAccessList) -> Result<u8, Box<dyn Error>> {
    let builder = stand_in::gong_or_stand_in(CallAccessList::new(), io::stdout())?;
    let client = builder
        .requests_per_second(arguments.requests_per_second)
        .build()?;
    let mut refused = arguments.refused.as_deref().map(Refused::new).transpose()?;
    let report = job::run(
        client.grant_batches(access),
        &Interrupt::new()?,
        refused.as_mut(),
        arguments.remaining.as_deref(),
    )?;
    let _ = writeln!(io::stdout(), "{report}");
    if !stand_in::has_credentials() {
        let _ = writeln!(io::stdout(), "(on the stand-in: nothing was sent to Gong)");
    }
    Ok(job::code(&[report]))
}

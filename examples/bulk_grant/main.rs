//! Gives users access to any number of calls: `cargo run --example bulk_grant -- FILE`

#[path = "../job/mod.rs"]
mod job;
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gong_call_access::CallAccessList;
use job::output::Refused;
use job::{BadInput, Interrupt, say};

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

fn main() -> ExitCode {
    job::exit(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<u8, Box<dyn Error>> {
    let input = job::input::read(&arguments.file)?;
    input.check(arguments.skip_invalid)?;
    let (pairs, calls) = (input.access.len(), input.access.call_count());
    say!(
        "pairs: {pairs}, calls: {calls}, duplicates merged: {}",
        input.duplicates
    );
    if arguments.refused.is_some()
        && (arguments.refused == arguments.remaining
            || arguments.refused.as_ref() == Some(&arguments.file))
    {
        return Err(BadInput("--refused needs a file of its own".to_owned()).into());
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
    say!("requests: {requests}, which take at least {seconds} s at {per_second} a second");
    say!("(Gong's default limits for a whole company are 3 a second and 10000 a day)");
    say!("dry run: nothing was sent to Gong");
    Ok(job::DONE)
}

fn grant(arguments: &Arguments, access: &CallAccessList) -> Result<u8, Box<dyn Error>> {
    let builder = stand_in::gong_or_stand_in(CallAccessList::new(), std::io::stdout())?;
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
    say!("{report}");
    if !stand_in::has_credentials() {
        say!("(on the stand-in: nothing was sent to Gong)");
    }
    Ok(job::code(&[report]))
}

//! Makes access match a file exactly: `cargo run --example reconcile -- FILE`

#[path = "../job/mod.rs"]
mod job;
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gong_call_access::{CallAccessList, CallId, Client, Report};
use job::exit::BadInput;
use job::output::{Refused, Remaining};
use job::{Interrupt, note};

/// Makes access to Gong calls match a file exactly, for the calls that the file names.
///
/// FILE is CSV with the columns call_id and user_id (other columns are ignored; the delimiter is a
/// comma, a semicolon or a tab), or a JSON request body. The program lists the current access, and
/// shows what it would grant and revoke; it changes nothing without --apply. If a listing fails
/// halfway, it changes nothing.
///
/// It revokes before it grants. If it is stopped halfway, some users may still lack access, but
/// nobody regains access that was revoked. To continue, run it again.
///
/// It sees only access that was given through this API. It does not list users who can open a call
/// for another reason, such as a shared call or a permission profile, and they keep that access.
///
/// Credentials are read from GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or from GONG_ACCESS_TOKEN;
/// set GONG_BASE_URL to your company's own host. Without credentials, the program runs against a
/// stand-in for Gong on this machine, where one example pair is granted.
///
/// Exit codes: 0 all changes made, or only shown; 3 some pairs were refused; 4 some remain; 2 bad
/// input, nothing was sent; 1 any other failure.
#[derive(Parser)]
#[command(name = "reconcile", verbatim_doc_comment)]
struct Arguments {
    /// The only pairs that should have access; `-` reads standard input
    file: PathBuf,

    /// The calls to reconcile, one id per line, instead of those in FILE; a call that FILE does not
    /// name loses all of its users
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,

    /// Make the changes that are shown
    #[arg(long)]
    apply: bool,

    /// Print the changes as JSON: two lists, each in the form of a request body
    #[arg(long)]
    json: bool,

    /// Skip invalid lines instead of stopping; access that only they would keep is revoked
    #[arg(long)]
    skip_invalid: bool,

    /// Append the refused revocations to this file, as CSV, each with the unknown id and Gong's reason
    #[arg(long, value_name = "FILE", requires = "apply")]
    refused_revocations: Option<PathBuf>,

    /// Append the refused grants to this file, in the same way
    #[arg(long, value_name = "FILE", requires = "apply")]
    refused_grants: Option<PathBuf>,

    /// Write the pairs that are not revoked yet to this file, as a JSON request body
    #[arg(long, value_name = "FILE", requires = "apply")]
    remaining_revocations: Option<PathBuf>,

    /// Write the pairs that are not granted yet to this file, as a JSON request body
    #[arg(long, value_name = "FILE", requires = "apply")]
    remaining_grants: Option<PathBuf>,

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
    let wanted = input.access;
    let calls = calls(arguments, &wanted)?;
    check_files(arguments)?;

    // Standard output is for JSON alone.
    let notes: Box<dyn Write> = if arguments.json {
        Box::new(io::stderr())
    } else {
        Box::new(io::stdout())
    };
    let builder = stand_in::gong_or_stand_in(stand_in::example()?, notes)?;
    let client = builder
        .requests_per_second(arguments.requests_per_second)
        .build()?;
    let current = list(&client, calls)?;
    let (grant, revoke) = (wanted.difference(&current), current.difference(&wanted));
    let mut out = io::stdout();
    if arguments.json {
        writeln!(
            out,
            "{}",
            serde_json::json!({"grant": grant, "revoke": revoke})
        )?;
    } else {
        write_changes(&mut out, &current, &grant, &revoke)?;
    }
    if !arguments.apply {
        return Ok(job::exit::DONE);
    }
    apply(arguments, &client, &grant, &revoke)
}

/// The calls whose access is to be what the file says.
fn calls(arguments: &Arguments, wanted: &CallAccessList) -> Result<BTreeSet<CallId>, BadInput> {
    let Some(path) = &arguments.calls else {
        return Ok(wanted.calls().collect());
    };
    let calls = job::input::read_calls(path)?;
    match wanted.calls().find(|call| !calls.contains(call)) {
        None => Ok(calls),
        Some(call) => Err(BadInput(format!(
            "call {call} is in {} but not in {}, so nothing was sent",
            arguments.file.display(),
            path.display()
        ))),
    }
}

/// Checks that no output file is also the input or another output.
fn check_files(arguments: &Arguments) -> Result<(), BadInput> {
    let written = [
        &arguments.refused_revocations,
        &arguments.refused_grants,
        &arguments.remaining_revocations,
        &arguments.remaining_grants,
    ];
    let written = written.into_iter().flatten();
    let read = [&arguments.file].into_iter().chain(&arguments.calls);
    if job::is_any_file_twice(written.clone().chain(read).map(PathBuf::as_path)) {
        let message = "FILE and the files of the options must be different files";
        return Err(BadInput(message.to_owned()));
    }
    if written.count() > 0 && !stand_in::has_credentials() {
        let message = "files need credentials: without them nothing reaches Gong";
        return Err(BadInput(message.to_owned()));
    }
    Ok(())
}

/// Lists the current access. After an error, it discards what was listed before.
fn list(
    client: &Client,
    calls: BTreeSet<CallId>,
) -> Result<CallAccessList, gong_call_access::Error> {
    let mut access = CallAccessList::new();
    for listing in client.list_batches(calls) {
        access.extend(listing?.access_list());
    }
    Ok(access)
}

fn write_changes(
    out: &mut impl Write,
    current: &CallAccessList,
    grant: &CallAccessList,
    revoke: &CallAccessList,
) -> io::Result<()> {
    let kept = current.len() - revoke.len();
    if grant.is_empty() && revoke.is_empty() {
        return writeln!(
            out,
            "nothing to change: {kept} pairs already match the file"
        );
    }
    writeln!(out, "{:8}{:22}USER", "", "CALL")?;
    for (change, list) in [("revoke", revoke), ("grant", grant)] {
        for (call, user) in list {
            writeln!(out, "{change:8}{call:22}{user}")?;
        }
    }
    writeln!(
        out,
        "{kept} kept, {} to revoke, {} to grant\n\
         (access that users have for other reasons is not listed and does not change)",
        revoke.len(),
        grant.len()
    )
}

fn apply(
    arguments: &Arguments,
    client: &Client,
    grant: &CallAccessList,
    revoke: &CallAccessList,
) -> Result<u8, Box<dyn Error>> {
    let interrupt = Interrupt::new()?;
    // Both before anything is sent: an old file must not pass for what is left of this run.
    for (list, path) in [
        (revoke, &arguments.remaining_revocations),
        (grant, &arguments.remaining_grants),
    ] {
        if let Some(path) = path {
            Remaining::new(path).write(list)?;
        }
    }
    let mut reports: Vec<Report> = Vec::new();
    for (name, mut batches, refused, remaining) in [
        (
            "revoke",
            client.revoke_batches(revoke),
            &arguments.refused_revocations,
            &arguments.remaining_revocations,
        ),
        (
            "grant",
            client.grant_batches(grant),
            &arguments.refused_grants,
            &arguments.remaining_grants,
        ),
    ] {
        // What stopped the revocations would stop the grants too.
        if reports.iter().any(|report| report.stopped_by().is_some()) {
            batches.stop();
        }
        let mut refused = refused.as_deref().map(Refused::new).transpose()?;
        let report = job::run(batches, &interrupt, refused.as_mut(), remaining.as_deref())?;
        note!("{name}:\n{report}");
        reports.push(report);
    }
    if !stand_in::has_credentials() {
        note!("(on the stand-in: nothing was sent to Gong)");
    }
    Ok(job::code(&reports))
}

//! Makes access exactly what a file says: `cargo run --example reconcile -- FILE`

#[path = "../job/mod.rs"]
mod job;
#[path = "../stand_in/mod.rs"]
mod stand_in;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use gong_call_access::{CallAccessList, CallId, Client, Report};
use job::output::{Refused, Remaining};
use job::{BadInput, Interrupt, note, say};

/// Makes the access to Gong calls exactly what a file says, for the calls that it names.
///
/// FILE is CSV with a header that names call_id and user_id (other columns are ignored; the
/// delimiter is a comma, a semicolon or a tab), or Gong's own JSON body. It lists the current access,
/// and shows what would be granted and revoked; only --apply changes anything. A listing that fails
/// half way changes nothing.
///
/// It revokes first: if it is stopped half way, somebody may wait for access, and nobody keeps access
/// that was taken from them. To go on, run it again.
///
/// It sees only access that was given through this API. Users who can open a call for other reasons,
/// because it was shared with them or their permission profile covers it, are not listed, and keep
/// that access.
///
/// Credentials come from GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or from GONG_ACCESS_TOKEN;
/// GONG_BASE_URL is your company's own host. Without credentials it runs on a stand-in for Gong on
/// this machine, where the example of Gong's documentation has been granted.
///
/// Exit codes: 0 nothing is left to do, or only shown; 3 some pairs were refused; 4 some remain;
/// 2 bad input, nothing was sent; 1 anything else.
#[derive(Parser)]
#[command(name = "reconcile", verbatim_doc_comment)]
struct Arguments {
    /// The pairs that should have access, and no others; `-` is standard input
    file: PathBuf,

    /// The calls to look at, one id on each line, in place of those of FILE; a call that FILE does not
    /// name loses all of its users
    #[arg(long, value_name = "FILE")]
    calls: Option<PathBuf>,

    /// Grant and revoke what is shown
    #[arg(long)]
    apply: bool,

    /// Print what would change as JSON: two lists, each in the form of Gong's own body
    #[arg(long)]
    json: bool,

    /// Go on without the lines that cannot be used; the access that they would keep is revoked
    #[arg(long)]
    skip_invalid: bool,

    /// Add the refused revocations to this file, as CSV, with the id that explains each and the reason
    #[arg(long, value_name = "FILE", requires = "apply")]
    refused_revocations: Option<PathBuf>,

    /// Add the refused grants to this file, likewise
    #[arg(long, value_name = "FILE", requires = "apply")]
    refused_grants: Option<PathBuf>,

    /// Keep what is not revoked yet in this file, as Gong's own JSON body
    #[arg(long, value_name = "FILE", requires = "apply")]
    remaining_revocations: Option<PathBuf>,

    /// Keep what is not granted yet in this file, as Gong's own JSON body
    #[arg(long, value_name = "FILE", requires = "apply")]
    remaining_grants: Option<PathBuf>,

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
    let wanted = input.access;
    let calls = calls(arguments, &wanted)?;
    check_files(arguments)?;

    // Standard output is for JSON alone.
    let notes: Box<dyn std::io::Write> = if arguments.json {
        Box::new(std::io::stderr())
    } else {
        Box::new(std::io::stdout())
    };
    let builder = stand_in::gong_or_stand_in(stand_in::example()?, notes)?;
    let client = builder
        .requests_per_second(arguments.requests_per_second)
        .build()?;
    let current = list(&client, calls)?;
    let (grant, revoke) = (wanted.difference(&current), current.difference(&wanted));
    if arguments.json {
        say!("{}", serde_json::json!({"grant": grant, "revoke": revoke}));
    } else {
        print_changes(&current, &grant, &revoke);
    }
    if !arguments.apply {
        return Ok(job::DONE);
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

/// No file may be written by two writers, or be the input.
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

/// Lists the current access; what was listed before an error is not used.
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

fn print_changes(current: &CallAccessList, grant: &CallAccessList, revoke: &CallAccessList) {
    if grant.is_empty() && revoke.is_empty() {
        say!(
            "nothing to change: {} pairs are as they should be",
            current.len()
        );
        return;
    }
    say!("{:8}{:22}USER", "", "CALL");
    for (change, list) in [("revoke", revoke), ("grant", grant)] {
        for (call, user) in list {
            say!("{change:8}{call:22}{user}");
        }
    }
    let kept = current.len() - revoke.len();
    say!(
        "{kept} kept, {} to revoke, {} to grant",
        revoke.len(),
        grant.len()
    );
    say!("(access that users have for other reasons is not seen, and stays)");
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

//! Lists who has access to calls, and revokes it on request: `cargo run --example audit -- CALL_ID...`

mod exit;
mod stand_in;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};
use exit::exit;
use gong_call_access::{CallAccessList, CallId, Client, Report};

/// Lists the users to whom the API gave access to Gong calls.
///
/// Users with access for another reason are not listed: somebody may have shared the call with
/// them, or their permission profile may cover it.
///
/// Credentials are read from GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or from GONG_ACCESS_TOKEN;
/// set GONG_BASE_URL to your company's own host. Without credentials, the program runs against a
/// stand-in for Gong on this machine, where one example pair is granted.
///
/// Exit codes: 0 success; 2 bad input; 1 any other failure, or a revocation that was not confirmed.
#[derive(Parser)]
#[command(name = "audit", verbatim_doc_comment)]
struct Arguments {
    /// The ids of the calls, 1 to 20 digits each
    #[arg(value_name = "CALL")]
    calls: Vec<CallId>,

    /// Print JSON instead of a table, in the form of a request body
    #[arg(long)]
    json: bool,

    /// Revoke the listed access, after a confirmation
    #[arg(long)]
    revoke: bool,

    /// Do not ask for confirmation
    #[arg(long, requires = "revoke")]
    yes: bool,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.calls.is_empty() {
        if stand_in::has_credentials() {
            let message = "at least one CALL is required";
            Arguments::command()
                .error(ErrorKind::MissingRequiredArgument, message)
                .exit();
        }
        arguments.calls = stand_in::example()
            .iter()
            .flat_map(CallAccessList::calls)
            .collect();
    }
    exit(run(&arguments))
}

fn run(arguments: &Arguments) -> Result<u8> {
    let client = stand_in::gong_or_stand_in(stand_in::example()?, io::stderr())?.build()?;
    let access = list(&client, &arguments.calls)?;
    let mut out = io::stdout();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string(&access)?)?;
    } else {
        write_table(&mut out, &arguments.calls, &access)?;
    }
    if !arguments.revoke || access.is_empty() {
        return Ok(exit::DONE);
    }
    if !arguments.yes && !is_confirmed(&access)? {
        return Err("not confirmed, nothing was revoked".into());
    }
    let report: Report = client.revoke_batches(&access).collect();
    // A panic here would hide what was revoked.
    let _ = writeln!(io::stderr(), "{report}");
    if !report.all_done() {
        return Err("not all access was revoked".into());
    }
    Ok(exit::DONE)
}

fn list(client: &Client, calls: &[CallId]) -> Result<CallAccessList> {
    let mut access = CallAccessList::new();
    for listing in client.list_batches(calls.iter().copied()) {
        access.extend(listing?.access_list());
    }
    Ok(access)
}

fn write_table(out: &mut impl Write, calls: &[CallId], access: &CallAccessList) -> io::Result<()> {
    writeln!(out, "{:20}  USER", "CALL")?;
    for call in calls {
        let users: Vec<_> = access.users(*call).map(|user| user.to_string()).collect();
        let users = match &users[..] {
            [] => "(none through the API)".to_owned(),
            users => users.join(&format!("\n{:20}  ", "")),
        };
        writeln!(out, "{call:20}  {users}")?;
    }
    Ok(())
}

fn is_confirmed(access: &CallAccessList) -> io::Result<bool> {
    let (pairs, calls) = (access.len(), access.call_count());
    let mut err = io::stderr();
    write!(err, "revoke {pairs} pairs of {calls} calls? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

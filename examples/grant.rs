//! Gives users access to one call: `cargo run --example grant -- CALL_ID USER_ID...`

mod exit;
mod stand_in;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};
use exit::exit;
use gong_call_access::{CallAccessList, CallId, Client, UserId};

/// Gives users access to a Gong call.
///
/// Credentials are read from GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET, or from GONG_ACCESS_TOKEN;
/// set GONG_BASE_URL to your company's own host. Without credentials, the program runs against a
/// stand-in for Gong on this machine, and needs no arguments.
///
/// Exit codes: 0 granted; 2 bad input; 1 any other failure.
#[derive(Parser)]
#[command(name = "grant", verbatim_doc_comment)]
struct Arguments {
    /// The id of the call, 1 to 20 digits
    #[arg(requires = "users")]
    call: Option<CallId>,

    /// The ids of the users, 1 to 20 digits each
    #[arg(id = "users", value_name = "USER")]
    users: Vec<UserId>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let has_credentials = stand_in::has_credentials();
    let access = match arguments.call {
        Some(call) => Ok(arguments
            .users
            .into_iter()
            .map(|user| (call, user))
            .collect()),
        None if has_credentials => Arguments::command()
            .error(
                ErrorKind::MissingRequiredArgument,
                "a CALL and at least one USER are required",
            )
            .exit(),
        None => stand_in::example().map_err(Into::into),
    };
    let client = stand_in::gong_or_stand_in(CallAccessList::new(), std::io::stdout())
        .and_then(|builder| Ok(builder.build()?));
    let place = if has_credentials {
        ""
    } else {
        " on the stand-in"
    };
    exit(access.and_then(|access| grant(&client?, &access, place)))
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn grant(client: &Client, access: &CallAccessList, place: &str) -> Result<u8> {
    let mut out = std::io::stdout();
    writeln!(out, "request body: {}", serde_json::to_string(access)?)?;
    let receipt = client.grant(access)?.into_result()?;
    let request_id = receipt.request_id().unwrap_or("none");
    // A closed pipe is not a failure any more: the access is granted.
    for (call, user) in access {
        let _ = writeln!(out, "granted{place}: user {user} may open call {call}");
    }
    let _ = writeln!(out, "request id: {request_id}");
    Ok(exit::DONE)
}

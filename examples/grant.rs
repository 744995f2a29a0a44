//! Gives users access to a call: `cargo run --example grant -- CALL USER...`
//!
//! It uses your Gong if any GONG_ variable is set: GONG_ACCESS_KEY, GONG_ACCESS_KEY_SECRET and
//! GONG_BASE_URL. Otherwise it talks to a fake Gong on this machine, and needs no arguments.

use std::env;
use std::process::ExitCode;

use gong_call_access::{CallAccessList, CallId, Client, Credentials};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let mut ids: Vec<String> = env::args().skip(1).collect();
    let mut gong = mockito::Server::new();
    let is_real = env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("GONG_"));
    let client = if is_real {
        Client::from_env()?
    } else {
        eprintln!("no credentials: granting on a fake Gong on this machine");
        if ids.is_empty() {
            ids = ["7782342274025937895", "234599484848423"]
                .map(str::to_owned)
                .into();
        }
        gong.mock("PUT", "/v2/calls/users-access")
            .with_body(r#"{"requestId":"4al018gzaztcr8nbukw"}"#)
            .create();
        let fake = Credentials::bearer("fake")?;
        Client::builder(fake).base_url(gong.url()).build()?
    };

    let (call, users) = ids.split_first().ok_or("usage: grant CALL USER...")?;
    let call: CallId = call.parse()?;
    let mut access = CallAccessList::new();
    for user in users {
        access.insert(call, user.parse()?);
    }
    let receipt = client.grant(&access)?.into_result()?;
    for user in access.users(call) {
        println!("user {user} may open call {call}");
    }
    println!("request id: {}", receipt.request_id().unwrap_or("none"));
    Ok(ExitCode::SUCCESS)
}

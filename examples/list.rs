//! Lists who was given access to calls: `cargo run --example list -- CALL...`
//!
//! It uses your Gong if any GONG_ variable is set: GONG_ACCESS_KEY, GONG_ACCESS_KEY_SECRET and
//! GONG_BASE_URL. Otherwise it talks to a fake Gong on this machine, and needs no arguments.

use std::env;
use std::io::Write;
use std::process::ExitCode;

use gong_call_access::{CallId, Client, Credentials};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let mut calls = Vec::new();
    for id in env::args().skip(1) {
        calls.push(CallId::try_from(id.as_str())?);
    }
    let mut gong = mockito::Server::new();
    let is_real = env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("GONG_"));
    let client = if is_real {
        Client::from_env()?
    } else {
        eprintln!("no credentials: listing call 5 on a fake Gong on this machine");
        calls = vec![CallId::from(5)];
        gong.mock("POST", "/v2/calls/users-access")
            .with_body(r#"{"callAccessList":[{"callId":"5","users":[{"userId":"7"}]}]}"#)
            .create();
        let fake = Credentials::bearer("fake")?;
        Client::builder(fake).base_url(gong.url()).build()?
    };

    if calls.is_empty() {
        return Err("usage: list CALL...".into());
    }
    let mut out = std::io::stdout().lock();
    for listing in client.list_batches(calls) {
        for (call, user) in listing?.into_access_list() {
            writeln!(out, "user {user} may open call {call}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

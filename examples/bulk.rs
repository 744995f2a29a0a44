//! Grants every pair of a file: `cargo run --example bulk -- FILE`
//!
//! FILE holds a list in the form of Gong's own request body, such as the one below. After each
//! batch, `remaining.json` holds what is left. If the program is killed, run it again with that
//! file.
//!
//! It uses your Gong if any GONG_ variable is set: GONG_ACCESS_KEY, GONG_ACCESS_KEY_SECRET and
//! GONG_BASE_URL. Otherwise it talks to a fake Gong on this machine, and needs no arguments.

use std::process::ExitCode;
use std::{env, fs};

use gong_call_access::{CallAccessList, Client, Credentials, Report};

const EXAMPLE: &str = r#"{"callAccessList":[
    {"callId":"7782342274025937895","userIds":["234599484848423","234599484848424"]},
    {"callId":"7782342274025937896","userIds":["234599484848423"]}
]}"#;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    let mut gong = mockito::Server::new();
    let is_real = env::vars_os().any(|(name, _)| name.to_string_lossy().starts_with("GONG_"));
    let client = if is_real {
        Client::from_env()?
    } else {
        eprintln!("no credentials: granting on a fake Gong on this machine");
        gong.mock("PUT", "/v2/calls/users-access")
            .with_body("{}")
            .create();
        let fake = Credentials::bearer("fake")?;
        Client::builder(fake).base_url(gong.url()).build()?
    };
    let json = match env::args().nth(1) {
        Some(path) => fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?,
        None if is_real => return Err("usage: bulk FILE".into()),
        None => EXAMPLE.to_owned(),
    };
    let access: CallAccessList = serde_json::from_str(&json)?;

    let mut report = Report::default();
    let mut batches = client.grant_batches(&access);
    while let Some(batch) = batches.next() {
        report.extend([batch]);
        fs::write("remaining.tmp", serde_json::to_vec(&batches.remaining())?)?;
        fs::rename("remaining.tmp", "remaining.json")?;
    }
    println!("{report}");
    Ok(if report.all_done() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

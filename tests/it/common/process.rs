//! Processes with an environment of their own.

use std::panic::Location;
use std::path::Path;
use std::process::Command;

const CHILD: &str = "GONG_CALL_ACCESS_TEST_CHILD";

const AMBIENT: [&str; 14] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "GONG_ACCESS_KEY",
    "GONG_ACCESS_KEY_SECRET",
    "GONG_ACCESS_SECRET",
    "GONG_ACCESS_TOKEN",
    "GONG_BASE_URL",
    "RUST_LOG",
];

/// Whether this process was started by [`run_in_child`].
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of the calling file again, in a process of its own whose environment has these
/// variables, and no other proxy or credential.
#[track_caller]
pub fn run_in_child(test: &str, variables: &[(&str, &str)]) {
    let file = Path::new(Location::caller().file());
    let module = file.file_stem().and_then(|module| module.to_str()).unwrap();
    let test = format!("{module}::{test}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in AMBIENT {
        command.env_remove(name);
    }
    let output = command
        .args([&test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    print!("{stdout}");
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{test} with {variables:?}:\n{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

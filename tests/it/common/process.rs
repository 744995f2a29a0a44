//! Processes with an environment of their own.

use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

/// The program of an example, which `cargo test` has built beside the tests.
#[track_caller]
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let target = tests.parent().and_then(Path::parent).unwrap();
    let example = target.join("examples").join(name);
    assert!(
        example.exists(),
        "{} is not built: run cargo build --examples",
        example.display()
    );
    example
}

/// A command that sees no proxy and no credential of the environment.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in AMBIENT {
        command.env_remove(name);
    }
    command
}

/// Whether this process was started by [`run_in_child`].
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of the calling file again, in a process of its own with these variables in its
/// environment.
#[track_caller]
pub fn run_in_child(test: &str, variables: &[(&str, &str)]) {
    let file = Path::new(Location::caller().file());
    let module = file.file_stem().and_then(|module| module.to_str()).unwrap();
    let test = format!("{module}::{test}");
    let output = command(std::env::current_exe().unwrap())
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

/// Asserts the exit code, and that each stream contains these parts, without a secret or a panic.
#[track_caller]
pub fn assert_exit(output: &Output, code: i32, stdout: &[&str], stderr: &[&str]) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let shown = format!("{}\n{out}\n{err}", output.status);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    for (stream, parts) in [(&out, stdout), (&err, stderr)] {
        for part in parts {
            assert!(stream.contains(part), "{part:?} is not in:\n{shown}");
        }
    }
    assert!(
        !shown.contains(super::SECRET) && !shown.contains("panicked"),
        "{shown}"
    );
}

/// A folder that is removed on drop.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }
}

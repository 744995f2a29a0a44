//! The example `audit`, driven as a person would, on its stand-in.

use std::io::Write;
use std::process::Stdio;

use crate::common::{CALL, USER, command, example};

#[track_caller]
fn run(arguments: &[&str], code: i32) -> (String, String) {
    answer(arguments, "", code)
}

/// Runs it with this on its standard input.
#[track_caller]
fn answer(arguments: &[&str], input: &str, code: i32) -> (String, String) {
    let mut audit = command(example("audit"));
    let audit = audit.args(arguments).stdin(Stdio::piped());
    let audit = audit.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = audit.spawn().unwrap();
    // It may end without reading.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

#[test]
fn it_lists_as_a_table_or_as_json() {
    let (out, err) = run(&[CALL, "5"], 0);
    assert_eq!(
        out,
        format!(
            "CALL                  USER\n{CALL}   {USER}\n5                     (none through the API)\n"
        )
    );
    assert!(
        err.contains("stand-in") && err.contains("GONG_ACCESS_KEY"),
        "{err}"
    );
    let (out, _) = run(&["--json"], 0);
    assert_eq!(
        out,
        format!("{{\"callAccessList\":[{{\"callId\":\"{CALL}\",\"userIds\":[\"{USER}\"]}}]}}\n")
    );
}

#[test]
fn it_revokes_after_a_confirmation_only() {
    let (_, err) = run(&[CALL, "--revoke"], 1);
    assert!(err.contains("not confirmed, nothing was revoked"), "{err}");
    let (_, err) = answer(&[CALL, "--revoke"], "n\n", 1);
    assert!(err.contains("not confirmed, nothing was revoked"), "{err}");
    let (_, err) = answer(&[CALL, "--revoke"], "y\n", 0);
    assert!(err.contains("done: 1 pair of 1 call"), "{err}");
    let (_, err) = run(&[CALL, "--revoke", "--yes"], 0);
    assert!(err.contains("done: 1 pair of 1 call"), "{err}");
    let (_, err) = run(&["5", "--revoke"], 0);
    assert!(!err.contains("revoke 0"), "{err}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_does_not_hide_that_access_was_revoked() {
    use crate::common::{Server, Then, http};
    let listing =
        format!(r#"{{"callAccessList":[{{"callId":"{CALL}","users":[{{"userId":"{USER}"}}]}}]}}"#);
    let server = Server::start(move |exchange| {
        let body = if exchange.nth == 0 { &listing } else { "{}" };
        exchange.send(http(200, "", body));
        Then::KeepAlive
    });
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut audit = command(example("audit"));
    audit
        .args([CALL, "--revoke", "--yes"])
        .stderr(full.unwrap());
    audit.env("GONG_ACCESS_TOKEN", "token");
    let output = audit.env("GONG_BASE_URL", server.url()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn bad_input_is_exit_code_2() {
    let (_, err) = run(&["_5"], 2);
    assert!(err.contains("CSV export"), "{err}");
    run(&["--yes", CALL], 2);
}

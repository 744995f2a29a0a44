//! The example `bulk_grant`, driven as a person would: bad files, a dry run, refusals, a kill and a
//! resumption.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

use crate::common::{self, Folder, KEY, SECRET, Server, Then, assert_exit, command, http, ok};
use gong_call_access::{CallAccessList, CallId, UserId};

fn bulk_grant() -> Command {
    command(common::example("bulk_grant"))
}

fn on(server: &Server) -> Command {
    let mut command = bulk_grant();
    command
        .env("GONG_ACCESS_KEY", KEY)
        .env("GONG_ACCESS_KEY_SECRET", SECRET)
        .env("GONG_BASE_URL", server.url())
        .args(["--requests-per-second", "1000"]);
    command
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// `count` calls with one user each, as CSV.
fn csv(count: usize) -> String {
    let rows = (0..count).map(|call| format!("{},7\n", 5000 + call));
    format!("call_id,user_id\n{}", rows.collect::<String>())
}

type Granted = Arc<Mutex<BTreeSet<(CallId, UserId)>>>;

/// A server that remembers what it granted, refuses calls that end in `refused`, and reports every
/// request.
fn gong(refused: &'static str) -> (Server, Granted, mpsc::Receiver<usize>) {
    let granted = Granted::default();
    let for_server = Arc::clone(&granted);
    let (sender, receiver) = mpsc::channel();
    let server = Server::start(move |exchange| {
        let list: CallAccessList = serde_json::from_str(&exchange.request.body).unwrap();
        let is_refused = list.calls().any(|call| call.as_str().ends_with(refused));
        if !is_refused {
            for_server.lock().unwrap().extend(&list);
        }
        // Nobody listens in most tests.
        let _ = sender.send(exchange.nth);
        let no = r#"{"errors":["Some calls not found"],"requestId":"no"}"#;
        exchange.send(if is_refused { http(400, "", no) } else { ok() });
        Then::KeepAlive
    });
    (server, granted, receiver)
}

const NOTHING: &str = "nothing";

#[test]
fn every_bad_line_is_reported_at_once_and_nothing_is_sent() {
    let (server, granted, _) = gong("13");
    let folder = Folder::new();
    let text = "\u{feff}user_id;note, \"of, her\";call_id\r\n1;\"a;b\r\nc\";2\r\n\r\n_3;b;7.7E+18\r\n9\r\n\"4\";;\"5\"\r\n6;x;\r\n";
    let file = folder.write("bad.csv", text);
    let output = on(&server).arg(&file).output().unwrap();
    let problems = [
        "line 5: invalid call id \"7.7E+18\"",
        "line 5: invalid user id \"_3\"",
        "line 6: too few columns",
        "line 8: invalid call id \"\"",
        "4 problems, nothing was sent",
    ];
    assert_exit(&output, 2, &[], &problems);
    assert_eq!(server.requests().len(), 0);

    let output = on(&server)
        .arg(&file)
        .arg("--skip-invalid")
        .output()
        .unwrap();
    assert_exit(&output, 0, &["done: 2 pairs of 2 calls"], &problems[..4]);
    assert_eq!(
        (server.requests().len(), granted.lock().unwrap().len()),
        (1, 2)
    );
}

#[test]
fn input_that_cannot_be_read_is_bad_input() {
    let folder = Folder::new();
    for (text, problem) in [
        ("", "expected a header with the columns call_id and user_id"),
        ("call,user\n1,2\n", "line 1: expected a header"),
        ("call_id\n1\n", "line 1: expected a header"),
        (
            "call_id,user_id,title\n1,2,\"broken\n3,4,x\n5,6,y\n",
            "line 2: a quote is not closed",
        ),
        (
            "call_id,user_id\n1,2\n   \n   \n3,4\n",
            "line 3: too few columns",
        ),
        ("{\"callAccessList\":", "EOF"),
        (
            "{\"callAccessList\":[{\"callId\":\"_1\",\"userIds\":[\"2\"]}]}",
            "entry 1: invalid call id",
        ),
    ] {
        let file = folder.write("input", text);
        assert_exit(
            &bulk_grant().arg(file).output().unwrap(),
            2,
            &[],
            &[problem],
        );
    }
    assert_exit(
        &bulk_grant().arg(folder.path("none")).output().unwrap(),
        2,
        &[],
        &["cannot read"],
    );
    let file = folder.write("input", &csv(1));
    let same = bulk_grant()
        .args([&file, Path::new("--refused"), &file])
        .output();
    assert_exit(&same.unwrap(), 2, &[], &["--refused needs a separate file"]);
    let none = bulk_grant()
        .arg(&file)
        .args(["--requests-per-second", "0"])
        .output();
    assert_exit(&none.unwrap(), 2, &[], &["invalid value '0'"]);
    let half = bulk_grant()
        .arg(folder.write("input", &csv(1)))
        .env("GONG_ACCESS_KEY", "x")
        .output();
    assert_exit(
        &half.unwrap(),
        2,
        &[],
        &["GONG_ACCESS_KEY_SECRET is missing"],
    );
}

#[test]
fn without_credentials_no_record_of_a_job_is_touched() {
    let folder = Folder::new();
    let remaining = folder.write(
        "remaining.json",
        r#"{"callAccessList":[{"callId":"1","userIds":["2"]}]}"#,
    );
    let before = read(&remaining);
    let output = bulk_grant()
        .arg(&remaining)
        .arg("--remaining")
        .arg(&remaining)
        .output();
    assert_exit(&output.unwrap(), 2, &[], &["need credentials"]);
    assert_eq!(read(&remaining), before);
}

#[test]
fn a_quote_within_a_field_is_text() {
    let (server, granted, _) = gong(NOTHING);
    let folder = Folder::new();
    let file = folder.write(
        "pairs.csv",
        "call_id,user_id,title\n1,2,24\" monitor\n3,4,27\" monitor\n",
    );
    assert_exit(
        &on(&server).arg(file).output().unwrap(),
        0,
        &["done: 2 pairs"],
        &[],
    );
    assert_eq!(
        (server.requests().len(), granted.lock().unwrap().len()),
        (1, 2)
    );
}

#[test]
fn a_quote_that_swallows_rows_is_bad_input() {
    let (server, granted, _) = gong(NOTHING);
    let folder = Folder::new();
    for (line, text) in [
        (
            2,
            "call_id,user_id,title\n1,7,\"Some title\n2,7,x\n3,7,y\n4,7,\"Other\n5,7,z\n",
        ),
        // The second quote would give the user of one row to the call of another.
        (2, "call_id,title,user_id\n1,\"foo,7\n3,\"bar,9\n4,baz,10\n"),
        (2, "call_id,title,user_id\n1,\"foo,7\n3,bar\",9\n4,baz,10\n"),
        (2, "title,call_id,user_id\n\"foo,1,7\n\"bar,3,9\ny,4,10\n"),
        (2, "call_id,title,user_id\n1,\"foo,7\r3,bar\",9\r"),
        (2, "call_id;title;user_id\n1;\"foo;7\"bar;9\n"),
        (2, "call_id,title,user_id\n1,\"foo,7,\"x\" y,9\n"),
        (1, "call_id,user_id,\"title\n1,7,x\n2,7,y\n"),
        (1, "call_id,user_id,\"title\n1,7,\"x\n2,7,y\n"),
        (1, "call_id,user_id,\"title\n1,7,x\"\n2,7,y\n"),
        (1, "call_id,user_id,\"title\r1,7,x\"\n2,7,y\n"),
    ] {
        let file = folder.write("pairs.csv", text);
        let output = on(&server).arg(file).output().unwrap();
        let problem = format!("line {line}: a quote is not closed");
        assert_exit(&output, 2, &[], &[&problem]);
    }
    assert_eq!(server.requests().len(), 0);
    let text = "call_id,title,user_id\n1,\"a, 5\",7\n2,\"b \"\"c\"\"\nd\" ,7\n3,\"\",7\n4,e\"f,7\n";
    let file = folder.write("pairs.csv", text);
    let output = on(&server).arg(file).output().unwrap();
    assert_exit(&output, 0, &["done: 4 pairs of 4 calls"], &[]);
    assert_eq!(granted.lock().unwrap().len(), 4);
}

#[test]
fn a_table_is_not_replaced_by_what_remains_of_it() {
    let (server, _, _) = gong(NOTHING);
    let folder = Folder::new();
    let file = folder.write("pairs.csv", &csv(3));
    let same = folder.path(".").join("pairs.csv");
    for option in ["--remaining", "--refused"] {
        let output = on(&server)
            .arg(&file)
            .arg(option)
            .arg(&same)
            .output()
            .unwrap();
        assert_exit(&output, 2, &[], &[option]);
        assert_eq!(read(&file), csv(3));
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_file_that_the_tool_did_not_write_is_not_touched() {
    let (server, _, _) = gong(NOTHING);
    let folder = Folder::new();
    let file = folder.write("pairs.csv", &csv(3));
    let other = folder.write("other.csv", "user_id,call_id\n1,2\n");
    let output = on(&server).arg(&file).arg("--refused").arg(&other).output();
    let problem = "other.csv: it does not begin with the columns that are written";
    assert_exit(&output.unwrap(), 2, &[], &[problem]);
    assert_eq!(read(&other), "user_id,call_id\n1,2\n");
    let place = folder.path("folder");
    std::fs::create_dir(&place).unwrap();
    for (option, code, problem) in [
        ("--refused", 2, "cannot append to "),
        ("--remaining", 1, "folder: it is not a regular file"),
    ] {
        let output = on(&server).arg(&file).arg(option).arg(&place).output();
        assert_exit(&output.unwrap(), code, &[], &[problem]);
    }
    assert_eq!(server.requests().len(), 0);
}

#[cfg(unix)]
#[test]
fn a_record_keeps_its_link_and_its_permissions() {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (server, _, _) = gong(NOTHING);
    let folder = Folder::new();
    let file = folder.write("pairs.csv", &csv(3));
    let target = folder.write("target.json", "");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.path("link.json");
    symlink(&target, &link).unwrap();
    let output = on(&server)
        .arg(&file)
        .arg("--remaining")
        .arg(&link)
        .output();
    assert_exit(&output.unwrap(), 0, &[], &[]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&target), r#"{"callAccessList":[]}"#);
    let mode = fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert_eq!(server.requests().len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let folder = Folder::new();
    let file = folder.write("pairs.csv", &csv(3));
    for (name, arguments) in [
        ("bulk_grant", &["--dry-run"][..]),
        ("reconcile", &[]),
        ("reconcile", &["--json"]),
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut tool = common::command(common::example(name));
        let output = tool.arg(&file).args(arguments).stdout(full.unwrap());
        let output = output.output().unwrap();
        assert_exit(&output, 1, &[], &["error: No space left on device"]);
    }
}

#[test]
fn a_call_without_users_in_a_json_body_is_reported() {
    let (server, _, _) = gong(NOTHING);
    let folder = Folder::new();
    let body = r#"{"callAccessList":[{"callId":"5","userIds":[]}]}"#;
    let file = folder.write("body.json", body);
    let output = on(&server).arg(file).output().unwrap();
    assert_exit(&output, 2, &[], &["entry 1: no userIds for call \"5\""]);
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let (server, _, _) = gong("13");
    let folder = Folder::new();
    let file = folder.write("pairs.csv", &csv(1000));
    let mut dry_run = bulk_grant();
    dry_run
        .env("GONG_ACCESS_TOKEN", "token")
        .env("GONG_BASE_URL", server.url());
    let said = [
        "pairs: 1000, calls: 1000, duplicates merged: 0",
        "requests: 10, which take at least 3 s at 3 a second",
        "nothing was sent",
    ];
    assert_exit(
        &dry_run.arg("--dry-run").arg(file).output().unwrap(),
        0,
        &said,
        &[],
    );
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn without_credentials_it_runs_against_the_stand_in_and_says_so() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bulk_grant/sample.csv");
    let output = bulk_grant().arg(sample).output().unwrap();
    assert_exit(
        &output,
        0,
        &[
            "stand-in",
            "done: 4 pairs of 3 calls",
            "nothing was sent to Gong",
        ],
        &[],
    );
}

#[test]
fn refused_pairs_are_written_with_their_reasons() {
    let (server, granted, _) = gong("13");
    let folder = Folder::new();
    let (file, refused, remaining) = (
        folder.write("pairs.csv", &csv(120)),
        folder.path("refused.csv"),
        folder.path("remaining.json"),
    );
    let run = |file: &Path| {
        let mut command = on(&server);
        command
            .arg(file)
            .arg("--refused")
            .arg(&refused)
            .arg("--remaining")
            .arg(&remaining);
        command.output().unwrap()
    };
    assert_exit(&run(&file), 3, &["refused: 2 pairs of 2 calls"], &[]);
    let header = "call_id,user_id,unknown_id,status,request_id,reason\n";
    let row = |call| {
        format!(
            "{call},7,call {call},400,no,\"status 400, bad request: Some calls not found (request id no, 1 attempt); check that every call and user exists\"\n"
        )
    };
    assert_eq!(
        read(&refused),
        format!("{header}{}{}", row(5013), row(5113))
    );
    assert_eq!(read(&remaining), r#"{"callAccessList":[]}"#);
    assert_eq!(granted.lock().unwrap().len(), 118);
    // Another run adds to the file.
    let again = folder.write("again.csv", "call_id,user_id\n13,7\n");
    assert_exit(&run(&again), 3, &[], &[]);
    assert_eq!(
        read(&refused),
        format!("{header}{}{}{}", row(5013), row(5113), row(13))
    );
}

#[test]
fn the_refused_pairs_of_an_unknown_user_name_that_user() {
    let server = Server::start(|exchange| {
        let is_refused = exchange.request.body.contains(r#""9""#);
        exchange.send(if is_refused {
            http(400, "", "{}")
        } else {
            ok()
        });
        Then::KeepAlive
    });
    let folder = Folder::new();
    let rows = (5000..5050).map(|call| format!("{call},7\n{call},9\n"));
    let file = folder.write(
        "pairs.csv",
        &format!("call_id,user_id\n{}", rows.collect::<String>()),
    );
    let refused = folder.path("refused.csv");
    let output = on(&server)
        .arg(&file)
        .arg("--refused")
        .arg(&refused)
        .output();
    let summary = "  user 9: refused with 3 calls, acknowledged with none; 47 more of their pairs";
    assert_exit(&output.unwrap(), 3, &["done: 50 pairs", summary], &[]);
    let table = read(&refused);
    assert_eq!(table.lines().count(), 51);
    let mut rows = table.lines().skip(1);
    assert!(rows.all(|row| row.contains(",9,user 9,400,")), "{table}");
}

#[test]
fn a_job_that_stops_leaves_what_remains() {
    let server = Server::start(|exchange| {
        exchange.send(if exchange.nth < 2 {
            ok()
        } else {
            http(429, "retry-after: 86400\r\n", "")
        });
        Then::KeepAlive
    });
    let folder = Folder::new();
    let (file, remaining) = (
        folder.write("pairs.csv", &csv(450)),
        folder.path("remaining.json"),
    );
    let mut command = on(&server);
    let output = command
        .arg(file)
        .arg("--remaining")
        .arg(&remaining)
        .output()
        .unwrap();
    assert_exit(
        &output,
        4,
        &[
            "done: 200 pairs",
            "remaining: 250 pairs",
            "continue after: 24 h",
        ],
        &["250 pairs left"],
    );
    let left: CallAccessList = serde_json::from_str(&read(&remaining)).unwrap();
    assert_eq!((left.len(), server.requests().len()), (250, 3));
}

/// Starts a job of 30 requests and returns it once the server has received this many.
fn start(
    server: &Server,
    heard: &mpsc::Receiver<usize>,
    requests: usize,
    file: &Path,
    remaining: &Path,
) -> Child {
    let mut command = on(server);
    command.arg(file).arg("--remaining").arg(remaining);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..requests {
        heard.recv().unwrap();
    }
    child
}

#[test]
fn a_killed_job_is_resumed_and_no_pair_is_lost() {
    for requests in [1, 2, 15, 29] {
        let (server, granted, heard) = gong(NOTHING);
        let folder = Folder::new();
        let (file, remaining) = (
            folder.write("pairs.csv", &csv(3000)),
            folder.path("remaining.json"),
        );
        let mut child = start(&server, &heard, requests, &file, &remaining);
        child.kill().unwrap();
        child.wait().unwrap();
        let left: CallAccessList = serde_json::from_str(&read(&remaining)).unwrap();
        let done = granted.lock().unwrap().clone();
        assert!(
            done.len() + left.len() >= 3000,
            "killed at {requests}: a pair is in neither"
        );
        let output = on(&server).arg(&remaining).output().unwrap();
        assert_exit(&output, 0, &["remaining: 0 pairs"], &[]);
        assert_eq!(granted.lock().unwrap().len(), 3000, "killed at {requests}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_after_the_request_in_flight_and_writes_what_remains() {
    let (server, granted, heard) = gong(NOTHING);
    let folder = Folder::new();
    let (file, remaining) = (
        folder.write("pairs.csv", &csv(30_000)),
        folder.path("remaining.json"),
    );
    let mut child = start(&server, &heard, 3, &file, &remaining);
    let process = nix::unistd::Pid::from_raw(child.id().try_into().unwrap());
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGINT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    let left: CallAccessList = serde_json::from_str(&read(&remaining)).unwrap();
    let granted = granted.lock().unwrap();
    assert!(!left.is_empty() && left.pairs().all(|pair| !granted.contains(&pair)));
    assert_eq!(left.len() + granted.len(), 30_000);
}

//! `grant` and `revoke`: what is done, refused and left, and what is said about it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::common::{Folder, Gong, TOKEN, assert_has, pairs, read, read_list, run, tool};

#[test]
fn pairs_of_the_arguments_are_granted_and_revoked() {
    let gong = Gong::new(pairs([]));
    let said = run(&mut gong.tool(["grant", "5", "7", "8"]), 0);
    let expected = "granted: user 7 may open call 5\ngranted: user 8 may open call 5\n";
    assert_eq!((&*said.out, &*said.err), (expected, ""));
    assert_eq!(gong.access(), pairs([(5, 7), (5, 8)]));

    let refused = run(&mut gong.tool(["revoke", "5", "7"]), 2);
    assert_has(
        &refused.err,
        &["without a terminal, nobody can confirm this: add --yes"],
    );
    let said = run(&mut gong.tool(["revoke", "5", "7", "--yes"]), 0);
    assert_eq!(said.out, "revoked: user 7 from call 5\n");
    assert_eq!(gong.access(), pairs([(5, 8)]));
    assert_eq!(gong.methods(), ["PUT", "DELETE"]);
}

#[test]
fn a_file_with_one_mistake_sends_nothing() {
    let gong = Gong::new(pairs([(5, 7)]));
    let folder = Folder::new();
    for (text, problem) in [
        ("call_id,title,user_id\n5,Review, 2026,7\n", "line 2"),
        ("call_id,user_id\n5,7,8\n", "line 2"),
        ("call_id,user_id,user_id\n5,7,8\n", "line 1"),
        ("call_id,user_id\n5,7\n_6,7\n", "line 3"),
    ] {
        let file = folder.write("file.csv", text);
        let said = run(&mut gong.tool(["grant", "--file", &file]), 2);
        assert_has(&said.err, &[problem, "nothing was sent"]);
        let said = run(&mut gong.tool(["reconcile", &file, "--apply", "--yes"]), 2);
        assert_has(&said.err, &[problem]);
    }
    let positional = run(&mut gong.tool(["grant", &folder.path("file.csv"), "7"]), 2);
    assert_has(&positional.err, &["to read a file, write --file"]);
    assert_eq!(gong.methods().len(), 0);
}

#[test]
fn a_dry_run_counts_the_requests_and_sends_none() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs((1000..2000).map(|call| (call, 7))));
    let mut dry_run = gong.tool(["grant", "--file", &file, "--dry-run"]);
    let said = run(&mut dry_run, 0);
    assert_has(
        &said.out,
        &[
            "1000 pairs of 1000 calls: at least 10 requests",
            "nothing was sent",
        ],
    );
    let json = run(dry_run.arg("--json"), 0).json();
    assert_eq!(
        (&json["min_requests"], &json["min_seconds"]),
        (&json!(10), &json!(0))
    );
    let mut slow = tool(["grant", "--file", &file, "--dry-run"]);
    let said = run(slow.env("GONG_ACCESS_TOKEN", TOKEN), 0);
    assert_has(&said.out, &["in at least 3 s at 3 a second"]);
    assert_eq!(gong.methods().len(), 0);
}

#[test]
fn a_large_job_shows_a_line_for_every_tenth_and_a_report() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs((1000..3000).map(|call| (call, 7))));
    let said = run(&mut gong.tool(["grant", "--file", &file]), 0);
    let tenths = (1..11).map(|tenth| format!("{} of 2000 pairs\n", tenth * 200));
    assert_eq!(said.err, tenths.collect::<String>());
    assert_has(&said.out, &["grants:\ndone: 2000 pairs of 2000 calls\n"]);
    assert!(!said.out.contains("granted:"), "{}", said.out);
    assert_eq!(gong.methods().len(), 20);
}

#[test]
fn a_file_without_pairs_is_a_warning() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let grant = ["grant", "--file", &folder.table("pairs.csv", &pairs([]))];
    let said = run(&mut gong.tool(grant), 0);
    assert_eq!(said.err, "warning: there are no pairs to grant\n");
    assert_eq!(run(gong.tool(grant).arg("--quiet"), 0).err, "");
    assert_eq!(gong.methods().len(), 0);
}

#[test]
fn requests_keep_to_the_limit_of_the_company() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs((1000..1500).map(|call| (call, 7))));
    let mut grant = tool(["grant", "--file", &file, "--verbose"]);
    grant
        .env("GONG_ACCESS_TOKEN", TOKEN)
        .env("GONG_BASE_URL", &gong.url);
    let mut child = grant
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut lines = lines.map(Result::unwrap);
    assert!(lines.any(|line| line.ends_with("for the rate limit")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(gong.methods().len(), 3);
}

#[test]
fn refused_pairs_leave_what_remains_for_a_table_that_can_be_sent_again() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table(
        "pairs.csv",
        &pairs([(5, 7), (5, 99), (6, 7), (6, 99), (991, 7)]),
    );
    let (left, refused) = (folder.path("left.json"), folder.path("refused.csv"));
    let files = [
        "grant",
        "--file",
        &file,
        "--remaining",
        &left,
        "--refused",
        &refused,
    ];
    let said = run(&mut gong.tool(files), 3);
    assert_has(
        &said.out,
        &["done: 2 pairs", "refused: 3 pairs", "user 99", "call 991"],
    );
    assert_has(
        &said.err,
        &[&format!(
            "then: gong-call-access --requests-per-second 1000 grant --file {refused}\n"
        )],
    );
    assert_eq!(gong.access(), pairs([(5, 7), (6, 7)]));
    assert_eq!(read_list(&left), pairs([]));

    let table = read(&refused);
    let mut rows: Vec<_> = table.lines().collect();
    assert_eq!(
        rows.remove(0),
        "call_id,user_id,change,unknown_id,status,request_id,reason"
    );
    rows.sort_unstable();
    for (row, start) in rows.iter().zip([
        "5,99,grant,user 99,400,'=request",
        "6,99,grant,user 99,400,'=request",
        "991,7,grant,call 991,400,'=request",
    ]) {
        assert!(row.starts_with(start), "{table}");
        assert_has(row, &["status 400, bad request: Some calls not found"]);
    }
    run(
        &mut gong.tool(["grant", "--file", &refused, "--dry-run"]),
        0,
    );

    // Without another file, they stay.
    run(
        &mut gong.tool(["grant", "--file", &file, "--remaining", &left]),
        3,
    );
    assert_eq!(read_list(&left), pairs([(5, 99), (6, 99), (991, 7)]));
}

#[test]
fn the_result_as_json_has_counts_and_groups() {
    let gong = Gong::new(pairs([(5, 7)]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs([(5, 7), (5, 99), (6, 7), (6, 99)]));
    let revoke = ["revoke", "--yes", "--json", "--file", &file];
    let json = run(&mut gong.tool(revoke), 3).json();
    assert_eq!(json["done"], json!({"pairs": 2, "calls": 2}));
    assert_eq!(json["refused"]["pairs"], 2);
    assert_eq!(json["remaining"]["pairs"], 0);
    assert_eq!(
        json["exit"],
        json!({"code": 3, "meaning": "some were refused"})
    );
    let group = &json["refusals"][0];
    assert_eq!(
        (&group["id"], &group["pairs"]),
        (&json!("user 99"), &json!(2))
    );
    assert_eq!(
        (&group["status"], &group["messages"][0]),
        (&json!(400), &json!("Some calls not found"))
    );
    assert_has(group["request_id"].as_str().unwrap(), &["=request"]);
}

#[test]
fn a_job_that_stops_says_how_far_it_came_and_how_to_continue() {
    let gong = Gong::answering(pairs([]), |nth, _| (nth == 5).then_some((401, "expired")));
    let folder = Folder::new();
    let all = pairs((1000..2000).map(|call| (call, 7)));
    let (file, left) = (
        folder.table("pairs.csv", &all),
        folder.path("left over.json"),
    );
    let said = run(
        &mut gong.tool(["grant", "--file", &file, "--remaining", &left]),
        4,
    );
    assert_has(
        &said.out,
        &["done: 500 pairs", "remaining: 500 pairs", "status 401"],
    );
    let quote = if cfg!(windows) { '"' } else { '\'' };
    let next = format!(
        "continue with: gong-call-access --requests-per-second 1000 grant --file {quote}{left}{quote}"
    );
    assert_has(
        &said.err,
        &[
            "100 of 1000 pairs\n",
            "500 of 1000 pairs\n",
            "check`",
            &next,
        ],
    );
    assert_eq!(read_list(&left), all.difference(&gong.access()));

    let said = run(&mut gong.tool(["grant", "--file", &left, "--quiet"]), 0);
    assert_eq!((&*said.out, &*said.err), ("", ""));
    assert_eq!(gong.access(), all);
}

#[test]
fn a_job_that_gong_holds_back_is_only_continued() {
    let gong = Gong::answering(pairs([]), |_, _| Some((429, "daily limit")));
    let said = run(&mut gong.tool(["grant", "5", "7"]), 4);
    assert_has(&said.out, &["status 429", "retry after 86400 s"]);
    assert_has(&said.err, &["next: continue with: gong-call-access"]);
    assert!(!said.err.contains("check"), "{}", said.err);
    assert_eq!(gong.methods(), ["PUT"]);
}

#[test]
fn verbose_shows_each_attempt_and_no_secret() {
    let gong = Gong::new(pairs([]));
    let said = run(&mut gong.tool(["--verbose", "grant", "5", "7"]), 0);
    assert_has(&said.err, &["attempt 1", "status 200"]);
    assert_eq!(
        said.err.lines().count(),
        2,
        "the library's alone: {}",
        said.err
    );
}

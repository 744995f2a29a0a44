//! `grant` and `revoke`: what is done, refused and left, and what is said about it.

use serde_json::json;

use crate::common::{Folder, Gong, assert_has, pairs, read, read_list, run};

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
    assert_eq!(run(dry_run.arg("--json"), 0).json()["min_requests"], 10);
    assert_eq!(gong.methods().len(), 0);
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

//! `reconcile`: what it shows and changes, and what keeps it from taking access away by mistake.

use crate::common::{Folder, Gong, assert_has, pairs, read, run};

#[test]
fn it_shows_what_would_change_makes_it_so_and_then_changes_nothing() {
    let before = pairs([(5, 7), (5, 8), (6, 7), (8, 7)]);
    let gong = Gong::new(before.clone());
    let folder = Folder::new();
    let wanted = pairs([(5, 8), (5, 10), (6, 7)]);
    let file = folder.table("wanted.csv", &wanted);
    let said = run(&mut gong.tool(["reconcile", &file]), 0);
    let table = "        CALL                  USER\n\
                 revoke  5                     7\n\
                 grant   5                     10\n\
                 2 kept, 1 to grant, 1 to revoke\n";
    assert_has(
        &said.out,
        &[table, "access that users have for other reasons"],
    );
    let json = run(&mut gong.tool(["reconcile", &file, "--json"]), 0).json();
    assert_eq!(
        json["revoke"],
        serde_json::to_value(pairs([(5, 7)])).unwrap()
    );
    assert_eq!(gong.access(), before);

    assert_has(
        &run(&mut gong.tool(["reconcile", &file, "--apply"]), 2).err,
        &["add --yes"],
    );
    assert_eq!(gong.methods(), ["POST", "POST"]);
    let apply = ["reconcile", &file, "--apply", "--yes"];
    let said = run(&mut gong.tool(apply), 0);
    assert_has(
        &said.out,
        &["revocations:\ndone: 1 pair", "grants:\ndone: 1 pair"],
    );
    assert_eq!(
        gong.methods()[2..],
        ["POST", "DELETE", "PUT"],
        "revoked first"
    );
    assert_eq!(
        gong.access(),
        wanted.into_iter().chain(pairs([(8, 7)])).collect()
    );

    let said = run(&mut gong.tool(apply), 0);
    assert_has(&said.out, &["3 kept, 0 to grant, 0 to revoke"]);
    assert_eq!(gong.methods()[5..], ["POST"]);
    let quiet = ["reconcile", &file, "--apply", "--yes", "--quiet"];
    let said = run(&mut gong.tool(quiet), 0);
    assert_eq!((&*said.out, &*said.err), ("", ""));
}

#[test]
fn a_source_that_suddenly_is_empty_removes_nobody() {
    let before = pairs((1..11).map(|call| (call, 7)));
    let gong = Gong::new(before.clone());
    let folder = Folder::new();
    let calls = before.calls().map(|call| format!("{call}\n"));
    let calls = folder.write("calls", calls.collect::<String>());
    let empty = folder.table("empty.csv", &pairs([]));
    let apply = |file: &str, most: &[&str], code| {
        let mut tool = gong.tool(["reconcile", file, "--apply", "--yes", "--calls", &calls]);
        run(tool.args(most), code)
    };
    assert_has(
        &apply(&empty, &[], 2).err,
        &["empty.csv has no pairs", "nothing was sent"],
    );
    assert_eq!(gong.methods().len(), 0);
    let few = folder.table("few.csv", &pairs((1..5).map(|call| (call, 7))));
    let guard = "6 of 10 pairs would be revoked, which is more than 5, so nothing was changed";
    assert_has(&apply(&few, &[], 2).err, &[guard, "--max-revocations 6"]);
    assert_has(
        &apply(&empty, &["--max-revocations", "9"], 2).err,
        &["more than 9"],
    );
    let shown = run(&mut gong.tool(["reconcile", &few, "--calls", &calls]), 0);
    assert_has(&shown.err, &["with --apply: 6 of 10"]);
    assert_eq!(gong.access(), before);

    apply(&few, &["--max-revocations", "6"], 0);
    assert_eq!(gong.access(), pairs((1..5).map(|call| (call, 7))));
    let half = folder.table("half.csv", &pairs([(1, 7), (2, 7)]));
    apply(&half, &[], 0);
    apply(&empty, &["--max-revocations", "2"], 0);
    assert_eq!(gong.access(), pairs([]));
}

#[test]
fn a_call_that_gong_does_not_know_is_reported_and_all_else_done() {
    let gong = Gong::new(pairs([(5, 7), (6, 7), (6, 8)]));
    let folder = Folder::new();
    let wanted = pairs([(5, 7), (6, 8), (6, 10), (991, 7), (6, 992)]);
    let file = folder.table("wanted.csv", &wanted);
    let refused = folder.path("refused.csv");
    let apply = [
        "reconcile",
        &file,
        "--apply",
        "--yes",
        "--refused",
        &refused,
    ];
    let shown = run(&mut gong.tool(["reconcile", &file]), 3);
    assert!(!shown.err.contains("next:"), "{}", shown.err);
    let said = run(&mut gong.tool(apply), 3);
    assert_has(&said.out, &["1 call that Gong does not know", "user 992"]);
    assert_has(&said.err, &["refused to list 1 call: 991", "next: correct"]);
    assert_eq!(gong.access(), pairs([(5, 7), (6, 8), (6, 10)]));
    let table = read(&refused);
    assert_has(
        &table,
        &["\n991,7,grant,call 991,400,", "\n6,992,grant,user 992,400,"],
    );
    assert_eq!(table.lines().count(), 3, "{table}");
    let json = run(
        &mut gong.tool(["reconcile", &file, "--apply", "--yes", "--json"]),
        3,
    )
    .json();
    assert_eq!(json["unknown_calls"][0], "991");
    assert_eq!(json["jobs"][1]["refused"]["pairs"], 1);
}

#[test]
fn a_listing_that_fails_halfway_changes_nothing() {
    let before = pairs((1000..1250).map(|call| (call, 7)));
    let gong = Gong::answering(before.clone(), |nth, _| {
        (nth == 2).then_some((401, "expired"))
    });
    let folder = Folder::new();
    let file = folder.table("wanted.csv", &pairs((1000..1250).map(|call| (call, 8))));
    let most = [
        "reconcile",
        &file,
        "--apply",
        "--yes",
        "--max-revocations",
        "999",
    ];
    let said = run(&mut gong.tool(most), 1);
    assert_has(&said.err, &["status 401", "next: gong-call-access"]);
    assert_eq!(gong.access(), before);
    assert_eq!(gong.methods(), ["POST", "POST", "POST"]);
}

#[test]
fn what_stops_the_revocations_keeps_the_grants_back() {
    let gong = Gong::answering(pairs([(5, 7), (6, 7)]), |nth, _| {
        (nth == 1).then_some((401, "no scope"))
    });
    let folder = Folder::new();
    let file = folder.table("wanted.csv", &pairs([(5, 8), (6, 7)]));
    let said = run(&mut gong.tool(["reconcile", &file, "--apply", "--yes"]), 4);
    assert_has(&said.out, &["status 401", "remaining: 1 pair"]);
    assert_has(&said.err, &["next: run the same command again"]);
    assert_eq!(gong.methods(), ["POST", "DELETE"]);
}

#[test]
fn a_call_of_the_file_that_is_not_among_the_calls_is_a_mistake() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table("wanted.csv", &pairs([(5, 7), (6, 7)]));
    let calls = folder.write("calls", "call_id\n5\n");
    let said = run(&mut gong.tool(["reconcile", &file, "--calls", &calls]), 2);
    assert_has(&said.err, &["call 6 is in", "nothing was sent"]);
    let both = run(&mut gong.tool(["reconcile", "-", "--calls", "-"]), 2);
    assert_has(&both.err, &["cannot both be standard input"]);
    let same = run(&mut gong.tool(["reconcile", &calls, "--calls", &calls]), 2);
    assert_has(
        &same.err,
        &["a header with one column call_id and one column user_id"],
    );
    assert_eq!(gong.methods().len(), 0);
}

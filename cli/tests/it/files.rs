//! Outputs that cannot be written, or that are also something else: known before anything is sent.

use std::fs::{self, File};
use std::process::Stdio;

use crate::common::{Folder, Gong, REFUSED_HEADER, assert_has, pairs, read, run, tool};

#[test]
fn an_output_is_no_input_and_no_other_output() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs([(5, 7)]));
    let hard = folder.path("hard.csv");
    fs::hard_link(&file, &hard).unwrap();
    let (new, dotted) = (folder.path("new.csv"), folder.path("./new.csv"));
    for arguments in [
        [
            "grant",
            "--file",
            &file,
            "--remaining",
            &file,
            "--json",
            "--quiet",
        ],
        [
            "grant",
            "--file",
            &file,
            "--refused",
            &hard,
            "--json",
            "--quiet",
        ],
        [
            "grant",
            "--file",
            &file,
            "--remaining",
            &new,
            "--refused",
            &dotted,
        ],
        [
            "reconcile",
            &file,
            "--apply",
            "--yes",
            "--refused",
            &file,
            "--quiet",
        ],
    ] {
        let said = run(&mut gong.tool(arguments), 2);
        assert_has(&said.err, &["is the same file as", "nothing was sent"]);
    }
    let mut piped = gong.tool(["grant", "--file", "-", "--remaining", &file]);
    let said = run(piped.stdin(File::open(&file).unwrap()), 2);
    assert_has(&said.err, &["is the same file as standard input"]);
    assert_eq!(read(&file), "call_id,user_id\n5,7\n");
    assert!(!fs::exists(new).unwrap(), "what was created is removed");
    assert_eq!(gong.methods().len(), 0);
}

#[test]
fn a_file_that_cannot_be_written_is_known_before_anything_is_sent() {
    let gong = Gong::new(pairs([(5, 8)]));
    let folder = Folder::new();
    let file = folder.table("pairs.csv", &pairs([(5, 7), (5, 8)]));
    let other = folder.write("other.csv", "user_id,call_id\n1,2\n");
    let (missing, below) = (folder.path("none/left"), format!("{file}/left"));
    for option in ["--remaining", "--refused"] {
        for path in [&missing, &below, &folder.path("")] {
            let said = run(&mut gong.tool(["grant", "--file", &file, option, path]), 2);
            assert_has(&said.err, &["cannot write", "nothing was sent"]);
        }
    }
    for arguments in [
        ["grant", "--quiet", "--file", &file, "--refused", &other],
        ["reconcile", &file, "--apply", "--yes", "--refused", &other],
    ] {
        let said = run(&mut gong.tool(arguments), 2);
        assert_has(
            &said.err,
            &["other.csv does not begin with the header call_id,user_id,change"],
        );
    }
    assert_eq!(read(&other), "user_id,call_id\n1,2\n");
    assert_eq!(gong.methods().len(), 0);
}

#[test]
fn only_a_file_without_other_pairs_is_replaced_by_what_remains() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let left = |user| format!(r#"{{"callAccessList":[{{"callId":"5","userIds":["{user}"]}}]}}"#);
    for (held, code, error) in [
        (
            "call_id,user_id\n5,7\n".to_owned(),
            2,
            "which does not hold pairs",
        ),
        (left(8), 2, "which has 1 pair that this run does not send"),
        (left(7), 0, ""),
        (String::new(), 0, ""),
    ] {
        let file = folder.write("left.json", &held);
        let said = run(
            &mut gong.tool(["grant", "5", "7", "--remaining", &file]),
            code,
        );
        assert_has(&said.err, &[error]);
        assert_eq!(read(&file) == held, code == 2, "{held}");
    }
    assert_eq!(gong.methods().len(), 2);
}

#[test]
fn the_stand_in_changes_no_file_that_exists() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let left = folder.write("left.json", "what a job left");
    for option in ["--remaining", "--refused"] {
        let said = run(&mut tool(["--demo", "grant", "5", "7", option, &left]), 2);
        assert_has(&said.err, &["--demo changes no file"]);
    }
    assert_eq!(read(left), "what a job left");
    assert_eq!(gong.methods().len(), 0);
}

#[test]
fn two_runs_with_one_file_of_refused_pairs_lose_no_row() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let refused = folder.path("refused.csv");
    run(
        &mut gong.tool(["grant", "990", "7", "--refused", &refused]),
        3,
    );
    let calls: Vec<String> = (1..9).map(|call| format!("99{call}")).collect();
    let runs = calls.iter().map(|call| {
        let mut tool = gong.tool(["grant", call, "7", "--refused", &refused]);
        tool.stderr(Stdio::null()).stdout(Stdio::null());
        tool.spawn().unwrap()
    });
    let runs: Vec<_> = runs.collect();
    for mut run in runs {
        assert_eq!(run.wait().unwrap().code(), Some(3));
    }
    // An editor left its last line open.
    fs::write(&refused, read(&refused).trim_end()).unwrap();
    run(
        &mut gong.tool(["grant", "999", "7", "--refused", &refused]),
        3,
    );
    let table = read(&refused);
    assert!(table.starts_with(REFUSED_HEADER), "{table}");
    let mut rows: Vec<_> = table.lines().skip(1).collect();
    rows.sort_unstable();
    let rows = rows
        .iter()
        .map(|row| row.split_once(",7,grant,").unwrap().0);
    assert!(
        rows.eq(["990"]
            .into_iter()
            .chain(calls.iter().map(|call| &**call))
            .chain(["999"])),
        "{table}"
    );
}

#[test]
fn a_warning_of_rounded_ids_is_not_printed_with_quiet() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let file = folder.write("pairs.csv", "call_id,user_id\n7782342274025930000,7\n");
    for (option, is_shown) in [("--quiet", false), ("--verbose", true)] {
        let said = run(&mut gong.tool(["grant", "--file", &file, option]), 0);
        assert_eq!(said.err.contains("may have rounded"), is_shown, "{option}");
    }
    assert_eq!(gong.methods(), ["PUT", "PUT"]);
}

#[test]
fn a_file_of_refused_pairs_may_come_back_from_a_spreadsheet() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    let rows = "call_id,user_id,change,unknown_id,status,request_id,reason\r\n";
    let file = folder.write("refused.csv", rows);
    run(&mut gong.tool(["grant", "5", "7", "--refused", &file]), 0);
    assert_eq!(read(&file), rows);
    assert_eq!(gong.methods(), ["PUT"]);
}

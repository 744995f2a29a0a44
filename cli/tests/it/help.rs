//! What a newcomer sees: help, a grant, a refusal, and what is missing.

use crate::common::{TOKEN, assert_has, assert_snapshot, run, tool};

#[test]
fn the_help_of_each_command_is_as_reviewed() {
    for command in ["grant", "revoke", "list", "reconcile", "check"] {
        let help = run(&mut tool([command, "--help"]), 0);
        assert_snapshot(&format!("{command}.txt"), &help.out);
    }
    assert_snapshot("help.txt", &run(&mut tool(["--help"]), 0).out);
    let version = format!("gong-call-access {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(run(&mut tool(["--version"]), 0).out, version);
    let completions = run(&mut tool(["completions", "bash"]), 0);
    assert_has(&completions.out, &["--max-revocations"]);
}

#[test]
fn a_job_on_the_stand_in_is_as_reviewed_and_marked_on_every_line() {
    let team = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/team.csv");
    let said = run(&mut tool(["--demo", "grant", "--file", team]), 3);
    assert_snapshot("demo.txt", &said.out);
    assert!(said.out.lines().all(|line| line.starts_with("demo: ")));
    let one = run(&mut tool(["--demo", "grant", "5", "7"]), 0);
    assert_eq!(one.out, "demo: granted: user 7 may open call 5\n");
    let list = run(&mut tool(["--demo", "list", "7782342274025937895", "5"]), 0);
    assert_has(
        &list.out,
        &[
            "7782342274025937895   234599484848423\n",
            "5                     (nobody",
        ],
    );
    let changes = run(&mut tool(["--demo", "reconcile", team]), 3);
    assert_has(
        &changes.out,
        &["demo: 2 kept, 3 to grant, 1 to revoke, 1 call that"],
    );
}

#[test]
fn without_credentials_nothing_runs_and_the_message_says_what_to_set() {
    let expected = ["GONG_ACCESS_KEY_SECRET", "GONG_ACCESS_TOKEN", "--demo"];
    for command in ["grant", "revoke", "list", "check"] {
        let mut tool = tool([command, "5"]);
        match command {
            "grant" => tool.arg("7"),
            "revoke" => tool.args(["7", "--yes"]),
            _ => &mut tool,
        };
        assert_has(&run(&mut tool, 2).err, &expected);
    }
    let mut half = tool(["list", "5", "--json"]);
    let said = run(half.env("GONG_ACCESS_KEY", TOKEN), 2);
    assert_has(&said.err, &["GONG_ACCESS_KEY_SECRET is missing"]);
    assert_eq!(said.json()["exit"]["code"], 2);
}

//! What is asked on a terminal.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::common::{Folder, Gong, Said, assert_has, pairs, said};

/// Runs the program on a terminal of its own, where somebody answers.
#[track_caller]
fn answer(tool: Command, answer: &str, redirection: &str, code: i32) -> Said {
    let mut words = vec![tool.get_program().to_owned()];
    words.extend(tool.get_args().map(ToOwned::to_owned));
    let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
    let line = format!("{} {redirection}", words.join(" "));
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    let environment = tool.get_envs();
    script.envs(environment.filter_map(|(name, value)| Some((name, value?))));
    script.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(answer.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    said(output, code)
}

#[test]
fn access_is_taken_away_only_after_a_yes() {
    let before = pairs([(5, 7), (6, 7)]);
    let gong = Gong::new(before.clone());
    let question = "revoke 1 pair of 1 call? [y/N]";
    for no in ["\n", "n\n", "yo\n"] {
        let said = answer(gong.tool(["revoke", "5", "7"]), no, "", 2);
        assert_has(&said.out, &[question, "not confirmed, nothing was changed"]);
    }
    // Nobody would see the question.
    answer(gong.tool(["revoke", "5", "7"]), "y\n", "2>/dev/null", 2);
    assert_eq!((gong.access(), gong.methods().len()), (before, 0));

    let said = answer(gong.tool(["revoke", "5", "7"]), "y\n", "", 0);
    assert_has(&said.out, &[question, "revoked: user 7 from call 5"]);
    assert_eq!(gong.access(), pairs([(6, 7)]));
}

#[test]
fn a_reconcile_asks_before_it_changes_anything() {
    let before = pairs([(5, 7), (5, 8)]);
    let gong = Gong::new(before.clone());
    let folder = Folder::new();
    let apply = |access, reply, code| {
        let file = folder.table("wanted.csv", &access);
        answer(gong.tool(["reconcile", &file, "--apply"]), reply, "", code)
    };
    let question = "revoke 1 pair and grant 1 pair? [y/N]";
    assert_has(&apply(pairs([(5, 8), (5, 9)]), "n\n", 2).out, &[question]);
    assert_eq!(gong.access(), before);
    apply(pairs([(5, 8), (5, 9)]), "y\n", 0);
    assert_eq!(gong.access(), pairs([(5, 8), (5, 9)]));

    // One kind of change is enough to ask, and none is none.
    assert_has(
        &apply(pairs([(5, 8)]), "y\n", 0).out,
        &["revoke 1 pair and grant 0 pairs?"],
    );
    assert_has(
        &apply(pairs([(5, 8), (5, 7)]), "y\n", 0).out,
        &["revoke 0 pairs and grant 1 pair?"],
    );
    let said = apply(pairs([(5, 8), (5, 7)]), "", 0);
    assert!(!said.out.contains("[y/N]"), "{}", said.out);
}

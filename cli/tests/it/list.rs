//! `list`: three formats, and a call that Gong does not know.

use crate::common::{Folder, Gong, assert_has, pairs, read, run};

#[test]
fn each_format_is_read_back_and_an_unknown_call_is_reported() {
    let gong = Gong::new(pairs([(5, 7), (5, 8), (6, 7)]));
    let said = run(&mut gong.tool(["list", "5", "99", "42"]), 3);
    let table = "CALL                  USER\n\
                 42                    (nobody through the API)\n\
                 5                     7\n\
                 5                     8\n\
                 99                    (Gong does not know this call)\n";
    assert_eq!(said.out, table);
    assert_has(&said.err, &["Gong refused to list 1 call: 99: status 400"]);

    let folder = Folder::new();
    for format in ["csv", "json"] {
        let listed = run(&mut gong.tool(["list", "5", "6", "--format", format]), 0);
        let file = folder.write(format, listed.out);
        let said = run(&mut gong.tool(["reconcile", &file]), 0);
        assert_has(&said.out, &["3 kept, 0 to grant, 0 to revoke"]);
        let again = run(
            &mut gong.tool(["list", "--calls", &file, "--format", format]),
            0,
        );
        assert_eq!(again.out, read(file));
    }
    let json = run(&mut gong.tool(["list", "5", "99", "--json"]), 3).json();
    assert_eq!(json["unknown_calls"], serde_json::json!(["99"]));
    assert_eq!(json["exit"]["meaning"], "some were refused");
}

#[test]
fn a_note_names_the_first_ten_unknown_calls() {
    let gong = Gong::new(pairs([]));
    let folder = Folder::new();
    for (count, end) in [(10, "9909: status"), (11, "9909, …: status")] {
        let calls = (9900..9900 + count).map(|call| format!("{call}\n"));
        let calls = folder.write("calls", calls.chain(["5\n".to_owned()]).collect::<String>());
        let said = run(&mut gong.tool(["list", "--calls", &calls]), 3);
        assert_has(
            &said.err,
            &[&format!("refused to list {count} calls: 9900, "), end],
        );
    }
}

#[test]
fn a_listing_that_fails_says_how_to_find_the_cause() {
    let gong = Gong::answering(pairs([]), |_, _| Some((401, "no")));
    let said = run(&mut gong.tool(["list", "5"]), 1);
    assert_has(&said.err, &["error: status 401", "next: gong-call-access"]);
    assert_eq!(said.out, "");
}

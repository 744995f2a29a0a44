use csv::{QuoteStyle, Terminator, WriterBuilder};
use gong_call_access::CallId;

use super::{Problems, read_calls, read_pairs};

/// The pairs and warnings, or the problems, as a user sees them.
fn pairs(input: impl AsRef<[u8]>) -> String {
    shown(read_pairs(input.as_ref(), "grant").map(|read| {
        let pairs = read
            .ids
            .pairs()
            .map(|(call, user)| format!("{call} {user}"));
        (pairs.collect(), read.warnings)
    }))
}

fn calls(input: impl AsRef<[u8]>) -> String {
    shown(read_calls(input.as_ref()).map(|read| {
        let calls = read.ids.iter().map(CallId::to_string);
        (calls.collect(), read.warnings)
    }))
}

fn shown(read: Result<(Vec<String>, Problems), Problems>) -> String {
    match read {
        Ok((ids, warnings)) if warnings.is_empty() => ids.join(", "),
        Ok((ids, warnings)) => format!("{}\n{warnings}", ids.join(", ")),
        Err(problems) => problems.to_string(),
    }
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let text = format!("\u{feff}{text}");
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
#[rustfmt::skip]
fn a_table_is_read_or_refused_with_every_problem() {
    let fields = "number of fields: found";
    let comma = "; quote a field that contains ','";
    let semicolon = "; quote a field that contains ';'";
    let columns = "expected a header with one column call_id and one column user_id";
    let not_closed = "found a quote that is not closed, expected one at the end of the field";
    let text_after = "found text after a closing quote; write a quote inside quotes twice";
    let hidden = "found a row inside quotes, expected a closing quote above it";
    let joined = "found a second header: were two files joined?";
    let x = "column user_id: invalid user id \"x\": character 1 is 'x', expected 1 to 20 digits";
    let empty = "column user_id: invalid user id \"\": it is empty, expected 1 to 20 digits";
    for (row, input, want) in [
        ("71", "call_id,title,user_id\n1,Review, 2026,7", format!("line 2: {fields} 4, expected 3{comma}")),
        ("71", "call_id;user_id\n1;7;8\n2;x", format!("line 2: {fields} 3, expected 2{semicolon}\nline 3, {x}")),
        ("71", "call_id,user_id\n1", format!("line 2: {fields} 1, expected 2")),
        ("71", "call_id,user_id,\n1,7\n2,7,,", "1 7, 2 7".into()),
        ("71", "call_id,title,user_id,note\n1,a,7,\n1,Review, 2026,8,", format!("line 3: {fields} 5, expected 4{comma}")),
        ("71", "title,call_id,user_id,,\na,1,7,,\nb,2,7", "1 7, 2 7".into()),
        ("72", "call_id,user_id,user_id\n1,7,8", format!("line 1: found \"call_id,user_id,user_id\", {columns}")),
        ("72", "call_id,call_id.1,user_id\n1,2,7", format!("line 1: found \"call_id,call_id.1,user_id\", {columns}")),
        ("73", "User ID,title,Call ID\n7,a,1", "1 7".into()),
        ("73", "CALL_ID\tUSER_ID\n1\t7", "1 7".into()),
        ("73", "callId;userId\n1;7", "1 7".into()),
        ("73", "\"call_id\",\"user_id\"\n\"1\",\"7\"", "1 7".into()),
        ("73", "\ncall,user\n1,7", format!("line 2: found \"call,user\", {columns}")),
        ("73", "", format!("line 1: found nothing, {columns}")),
        ("75", "sep=;\ncall_id;user_id\n1;7", "1 7".into()),
        ("75", "#TYPE System.Object\r\n\"call_id\",\"user_id\"\r\n1,7", "1 7".into()),
        ("76", "\ncall_id,user_id\n,,\n\n 1 , 7 \n \n", "1 7".into()),
        ("76", "call_id,user_id\r1,7\r\r2,x", format!("line 4, {x}")),
        ("76", "title,call_id,user_id\r\n\"a\r\nb\rc\",1,7\r\n\r\nd,1,", format!("line 6, {empty}")),
        ("77", "call_id,user_id\n1,\"7\n2,8", format!("line 2: {not_closed}")),
        ("77", "call_id,title,user_id\n1,\"a,7\n2,\"b\",8\n3,c,x", format!("line 2: {not_closed}\nline 4, {x}")),
        ("77", "title,call_id,user_id\n\"a\n\"\"b\"\"\",\"1\" 2,7\nc,3,x", format!("line 3: {text_after}\nline 4, {x}")),
        ("77", "call_id,title,user_id\n1,\"a, b,7\n2,c\",\"8\"", format!("line 2: {hidden}")),
        ("77", "call_id,user_id,\"title\n1,7,a\n2,8,b\"", format!("line 1: {hidden}")),
        ("77", "call_id,title,note,user_id\n100,\"a, b,x,900\n101,,\", c\",901", format!("line 2: {hidden}")),
        ("77", "call_id,title,user_id\n100,\"a, b,900\n101,c, d\",901", format!("line 2: {hidden}")),
        ("77", "owner,note,user_id,title,call_id\n\"x, y,,900,a,100\nb,\", c\",901,d,101", format!("line 2: {hidden}")),
        ("", "call_id,user_id,change\n1,7,grant\n2,8,\n3,9,revoke", "line 4, column change: found revoke, expected grant".into()),
        ("80", "call_id,user_id\n1,7\ncall_id,user_id\n2,8", "1 7, 2 8".into()),
        ("80", "call_id,user_id\n1,7\nuser_id,call_id\n7,x", format!("line 3: {joined}\nline 4, {x}")),
        ("80", "call_id,title,user_id\n1,a,7\n\u{feff}User ID,title", format!("line 3: {joined}")),
    ] {
        assert_eq!(pairs(input), want, "row {row}: {input:?}");
    }
}

#[test]
#[rustfmt::skip]
fn calls_are_read_or_refused_with_every_problem() {
    let fields = "number of fields: found 2, expected 1; quote a field that contains ','";
    let columns = "expected a header with one column call_id, or one id on each line";
    let x = "column 1: invalid call id \"x\": character 1 is 'x', expected 1 to 20 digits";
    let not_closed = "found a quote that is not closed, expected one at the end of the field";
    let not_text = "expected a string of digits; a JSON number may have lost digits";
    for (row, input, want) in [
        ("71", "1\n2,3", format!("line 2: {fields}")),
        ("72", "call_id,call_id\n1,2", format!("line 1: found \"call_id,call_id\", {columns}")),
        ("72", "user_id\n7", format!("line 1: found \"user_id\", {columns}")),
        ("73", "\"call_id\"\n\"1\"", "1".into()),
        ("73", "title;Call ID\na;1", "1".into()),
        ("76", "2\r\r\n1\r\n\rx", format!("line 5, {x}")),
        ("77", "1\n\"2\n3", format!("line 2: {not_closed}")),
        ("80", "1\ncall_id\n2", "line 2: found a second header: were two files joined?".into()),
        ("JSON", r#"["1", "2"]"#, "1, 2".into()),
        ("JSON", r#"{"callAccessList": [{"callId": "1"}]}"#, "1".into()),
        ("JSON", "[1,\n  {}]", format!("line 1, column 2: found 1, {not_text}\nline 2, column 3: found {{}}, {not_text}")),
    ] {
        assert_eq!(calls(input), want, "row {row}: {input:?}");
    }
}

#[test]
#[rustfmt::skip]
fn json_is_read_or_refused_with_every_problem() {
    let x = "invalid call id \"x\": character 1 is 'x', expected 1 to 20 digits";
    let not_text = "expected a string of digits; a JSON number may have lost digits";
    for (entries, want) in [
        (r#"{"callId": "1", "userIds": ["7", "7"]}, {"callId": "1", "userIds": ["7"]}"#, "1 7".into()),
        (r#"{"callId": "x", "userIds": [7]}"#, format!("line 2, column 12: {x}\nline 2, column 29: found 7, {not_text}")),
        (r#"{"callId": "1"}"#, "line 2, column 12: found a call without userIds, expected at least one".into()),
        (r#"{"callId": "1", "userIds": null}"#, "line 2, column 31: invalid type: null, expected a sequence".into()),
        ("{}", "line 2, column 2: missing field `callId`".into()),
        ("{", "line 3, column 1: key must be a string".into()),
    ] {
        assert_eq!(pairs(format!("{{\"callAccessList\": [\n{entries}\n]}}")), want, "{entries}");
    }
}

#[test]
fn row_74_utf_16_is_read_where_it_has_a_mark() {
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        assert_eq!(pairs(utf16("call_id\tuser_id\r\n1\t7\r\n", bytes)), "1 7");
        assert_eq!(calls(utf16("1\r\n", bytes)), "1");
        assert_eq!(calls(utf16("[\"1\"]", bytes)), "1");
        let body = r#"{"callAccessList":[{"callId":"1","userIds":["7"]}]}"#;
        assert_eq!(pairs(utf16(body, bytes)), "1 7");
    }
    let expected =
        "expected UTF-8, or UTF-16 with a byte order mark; save the file as \"CSV UTF-8\"";
    let unmarked = utf16("call_id", u16::to_le_bytes).split_off(2);
    assert_eq!(calls(unmarked), format!("line 1: found a NUL, {expected}"));
    assert_eq!(
        calls(b"1\r\n2\r\xfc"),
        format!("line 3: found bytes that are not text, {expected}")
    );
    assert_eq!(calls("\u{feff}call_id\n1"), "1");
}

#[test]
fn row_78_ids_that_a_program_changed_are_refused_or_warned_of() {
    for id in "7.78E+18 _719 =\"719\" '719 719\u{a0} \u{200b}719".split(' ') {
        let invalid = id.parse::<CallId>().unwrap_err();
        let want = format!("line 2, column Call ID: {invalid}");
        assert_eq!(pairs(format!("Call ID,user_id\n{id},7")), want);
    }
    let rounded = "which a spreadsheet or JavaScript may have rounded; compare it with Gong";
    for id in "1234567890123450 7782342274025930000 7782342274025938000".split(' ') {
        let table = format!("call_id,user_id\n{id},7\n{id},8");
        let want = format!("{id} 7, {id} 8\nline 2, column call_id: found {id}, {rounded}");
        assert_eq!(pairs(table), want);
    }
    for id in "123456789012300 1234567890123456 12345678901234560 7782342274025937900".split(' ') {
        assert_eq!(calls(id), id);
    }
}

#[test]
fn the_first_twenty_problems_are_shown() {
    let all = calls("1\n".to_owned() + &"x\n".repeat(22));
    assert_eq!(all.lines().count(), 21);
    assert_eq!(all.lines().last(), Some("and 2 more"));
}

#[test]
fn a_table_in_any_dialect_is_read_as_it_was_written() {
    for seed in 0..100 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut id = || random.u64(1..).to_string();
        let rows: Vec<_> = (0..20).map(|_| [id(), id()]).collect();
        let text = written(&mut random, &rows);
        let bytes = match random.u8(..4) {
            0 => utf16(&text, u16::to_le_bytes),
            1 => utf16(&text, u16::to_be_bytes),
            2 => format!("\u{feff}{text}").into_bytes(),
            _ => text.clone().into_bytes(),
        };
        let ids = rows
            .iter()
            .map(|[call, user]| (call.parse().unwrap(), user.parse().unwrap()));
        let read = read_pairs(&bytes, "grant").map_err(|problems| problems.to_string());
        assert_eq!(
            read.unwrap().ids,
            ids.clone().collect(),
            "seed {seed}: {text}"
        );
        let read = read_calls(&bytes).map_err(|problems| problems.to_string());
        assert_eq!(
            read.unwrap().ids,
            ids.map(|(call, _)| call).collect(),
            "seed {seed}: {text}"
        );
    }
}

/// Writes a table in a random dialect, with titles between the ids or around them.
fn written(random: &mut fastrand::Rng, rows: &[[String; 2]]) -> String {
    use {QuoteStyle::*, Terminator::*};
    let titles = ["", "Q3, 2026; \"draft\"", "a\r\nb\n\rc", "1\t2", "\""];
    let mut writer = WriterBuilder::new()
        .delimiter(random.choice(*b",;\t").unwrap())
        .quote_style(random.choice([Always, Necessary, NonNumeric]).unwrap())
        .terminator(random.choice([CRLF, Any(b'\n'), Any(b'\r')]).unwrap())
        .from_writer(Vec::new());
    let mut columns = [0, 1, 2];
    random.shuffle(&mut columns);
    let mut write = |row: [&str; 3]| writer.write_record(columns.map(|column| row[column]));
    write(["Call ID", "userId", "title, or \"subject\""]).unwrap();
    for [call, user] in rows {
        write([call, user, random.choice(titles).unwrap()]).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

//! Ids and lists: what they may hold, and what goes over the wire.

use std::collections::BTreeSet;

use crate::common::one_pair;
use gong_call_access::{CallAccessList, CallId, Error, Listing, UserId};
use proptest::prelude::*;

/// The body of Gong's page.
const EXAMPLE: &str =
    r#"{"callAccessList":[{"callId":"7782342274025937895","userIds":["234599484848423"]}]}"#;

fn pair(call: &str, user: &str) -> (CallId, UserId) {
    (call.parse().unwrap(), user.parse().unwrap())
}

#[test]
fn an_invalid_id_is_refused_with_a_hint() {
    let twenty_one = "1".repeat(21);
    for (text, problem, hint) in [
        ("", "empty", ""),
        (&twenty_one, "21 digits", ""),
        ("_7190000", "character 1 is '_'", "CSV export"),
        ("7.78E+18", "character 2 is '.'", "spreadsheet"),
        ("7.78e+18", "character 2 is '.'", "spreadsheet"),
        ("7,78234E+18", "character 2 is ','", "spreadsheet"),
        ("+5", "character 1 is '+'", ""),
        ("-5", "character 1 is '-'", ""),
        ("７８", "character 1 is '７'", ""),
        ("7 8", "character 2 is ' '", ""),
        (" 78", "character 1 is ' '", "space around"),
        ("78\n", "character 3 is '\\n'", "space around"),
        ("\u{a0}78", "character 1 is '\\u{a0}'", "space around"),
        ("78\u{200b}", "character 3 is '\\u{200b}'", "space around"),
        ("'78", "character 1 is '\\''", "marks text"),
        (r#"="78""#, "character 1 is '='", "marks text"),
        ("78\0", "character 3 is '\\0'", ""),
        ("78\n9,x\n", "character 3 is '\\n'", ""),
    ] {
        let call = text.parse::<CallId>().unwrap_err().to_string();
        // What a `main` that returns the error prints.
        let user = format!("{:?}", UserId::try_from(text).unwrap_err());
        assert!(call.starts_with("invalid call id \""), "{call}");
        assert!(user.starts_with("invalid user id \""), "{user}");
        for message in [call, user] {
            assert!(
                message.contains(problem) && message.contains(hint),
                "{message}"
            );
            assert!(message.contains("expected 1 to 20 digits"), "{message}");
            assert_eq!(message.contains(';'), !hint.is_empty(), "{message}");
        }
    }
}

#[test]
fn a_long_or_hostile_id_is_cut_and_escaped_in_its_error() {
    let message = format!("\x1b[2J{}", "x".repeat(10_000))
        .parse::<CallId>()
        .unwrap_err()
        .to_string();
    assert!(message.len() < 200, "{message}");
    assert!(
        !message.contains('\x1b') && message.contains("\\u{1b}"),
        "{message}"
    );
    let error = Error::from("x".parse::<UserId>().unwrap_err());
    assert!(error.is_config() && error.is_invalid_id() && matches!(error, Error::InvalidId(_)));
    assert_eq!(error.attempts(), 0);
}

#[test]
fn an_id_is_kept_as_given() {
    for text in ["0", "007", "7782342274025937895", "99999999999999999999"] {
        let id: CallId = text.parse().unwrap();
        assert_eq!(id.as_str(), text);
        assert_eq!(id.to_string(), text);
        assert_eq!(format!("{id:>25}").len(), 25);
        assert_eq!(format!("{id:?}"), format!("CallId({text:?})"));
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("{text:?}"));
        assert_eq!(
            serde_json::from_str::<CallId>(&format!("{text:?}")).unwrap(),
            id
        );
        let user: UserId = text.parse().unwrap();
        assert_eq!(
            format!("{user} {user:?}"),
            format!("{text} UserId({text:?})")
        );
    }
    assert_ne!("7".parse::<CallId>().unwrap(), "07".parse().unwrap());
}

#[test]
fn a_number_becomes_an_id() {
    for number in [0, 7, 7_782_342_274_025_937_895, u64::MAX] {
        let (call, user) = (CallId::from(number), UserId::from(number));
        assert_eq!(call, number.to_string().parse().unwrap());
        assert_eq!(call.as_str(), user.as_str());
    }
}

#[test]
fn an_id_is_read_from_a_json_string_only() {
    for json in [
        "7782342274025937895",
        "7.7e18",
        "null",
        "[\"1\"]",
        "\"_1\"",
        "\"\"",
    ] {
        let message = serde_json::from_str::<CallId>(json)
            .unwrap_err()
            .to_string();
        let is_explained =
            message.contains("a string of 1 to 20 digits") || message.contains("invalid call id");
        assert!(is_explained, "{json}: {message}");
    }
    let escaped = "\"\\u0037\"";
    assert_eq!(
        serde_json::from_str::<UserId>(escaped).unwrap().as_str(),
        "7"
    );
}

#[test]
fn the_body_is_the_example_of_gongs_page() {
    assert_eq!(serde_json::to_string(&one_pair()).unwrap(), EXAMPLE);
    assert_eq!(
        serde_json::from_str::<CallAccessList>(EXAMPLE).unwrap(),
        one_pair()
    );
}

#[test]
fn a_list_is_a_set_in_order() {
    let mut list = CallAccessList::new();
    assert!(list.is_empty());
    for (call, user, is_new) in [
        ("2", "1", true),
        ("10", "3", true),
        ("2", "1", false),
        ("2", "0", true),
    ] {
        let (call, user) = pair(call, user);
        assert_eq!(list.insert(call, user), is_new);
        assert!(list.contains(call, user));
    }
    let (call, user) = pair("2", "3");
    assert!(!list.contains(call, user));
    assert_eq!(
        (list.len(), list.call_count(), list.is_empty()),
        (3, 2, false)
    );
    assert_eq!(
        list.calls().map(|id| id.to_string()).collect::<Vec<_>>(),
        ["10", "2"]
    );
    assert_eq!(
        list.users(call)
            .map(|id| id.to_string())
            .collect::<Vec<_>>(),
        ["0", "1"]
    );
    assert_eq!(list.users("1".parse().unwrap()).count(), 0);
    assert_eq!(list.users("3".parse().unwrap()).count(), 0);
    assert_eq!(
        serde_json::to_string(&list).unwrap(),
        r#"{"callAccessList":[{"callId":"10","userIds":["3"]},{"callId":"2","userIds":["0","1"]}]}"#
    );
    let pairs = (&list).into_iter();
    assert_eq!(pairs.len(), 3);
    assert_eq!(pairs.collect::<Vec<_>>(), list.pairs().collect::<Vec<_>>());

    let mut owned = list.clone().into_iter();
    assert_eq!((owned.next(), owned.len()), (list.pairs().next(), 2));
    assert!(owned.eq(list.pairs().skip(1)));
}

#[test]
fn listings_add_up_to_a_list() {
    let listing = |pairs: &[_]| Listing::new(pairs.iter().copied().collect());
    let (one, two, three) = (pair("1", "1"), pair("1", "2"), pair("2", "1"));
    let mut list: CallAccessList = [listing(&[one, two]), listing(&[])].into_iter().collect();
    assert!(list.pairs().eq([one, two]));
    list.extend([listing(&[two, three])]);
    assert!(list.pairs().eq([one, two, three]));
}

#[test]
fn reading_a_list_merges_duplicates_and_ignores_unknown_fields() {
    let json = r#"{"x":1,"callAccessList":[
        {"callId":"2","userIds":["1","1"],"y":[]},
        {"userIds":["3"],"callId":"2"},
        {"callId":"5","userIds":[]}]}"#;
    let list: CallAccessList = serde_json::from_str(json).unwrap();
    assert_eq!(list, [pair("2", "1"), pair("2", "3")].into_iter().collect());
    for (json, problem) in [
        ("{}", "missing field `callAccessList`"),
        ("null", "invalid type: null"),
        ("[[]]", "invalid type: sequence, expected an object"),
        (
            r#"{"callAccessList":[["5",["6"]]]}"#,
            "invalid type: sequence, expected an object",
        ),
        (r#"{"callAccessList":null}"#, "invalid type: null"),
        (
            r#"{"callAccessList":[{"callId":"2"}]}"#,
            "missing field `userIds`",
        ),
        (
            r#"{"callAccessList":[{"callId":2,"userIds":["1"]}]}"#,
            "a string of 1 to 20 digits",
        ),
        (
            r#"{"callAccessList":[{"callId":"2","userIds":["x"]}]}"#,
            "invalid user id",
        ),
    ] {
        let error = serde_json::from_str::<CallAccessList>(json).unwrap_err();
        assert!(error.to_string().contains(problem), "{json}: {error}");
    }
    let error = serde_json::from_str::<CallAccessList>(
        r#"{"callAccessList":[{"callId":"_2","userIds":[]}]}"#,
    );
    assert!(error.unwrap_err().to_string().contains("CSV export"));
}

fn an_id() -> impl Strategy<Value = String> {
    "[0-9]{1,20}"
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ids_are_digits_and_sort_as_text(left in an_id(), right in an_id()) {
        let (left_id, right_id) = (left.parse::<CallId>().unwrap(), right.parse::<CallId>().unwrap());
        prop_assert_eq!(left_id.as_str(), &left);
        prop_assert_eq!(left_id.cmp(&right_id), left.cmp(&right));
        prop_assert_eq!(left_id == right_id, left == right);
        let (left_id, right_id) = (left.parse::<UserId>().unwrap(), right.parse::<UserId>().unwrap());
        prop_assert_eq!(left_id.cmp(&right_id), left.cmp(&right));
    }

    #[test]
    fn anything_else_is_not_an_id(text in "\\PC*") {
        let is_id = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert_eq!(text.parse::<CallId>().is_ok(), is_id);
        prop_assert_eq!(UserId::try_from(text.as_str()).is_ok(), is_id);
    }

    #[test]
    fn a_list_is_the_set_of_its_pairs(ids in proptest::collection::vec(("[0-9]{1,2}", "[0-9]{1,2}"), 0..200)) {
        let pairs: Vec<_> = ids.iter().map(|(call, user)| pair(call, user)).collect();
        let expected: BTreeSet<_> = pairs.iter().copied().collect();
        let list: CallAccessList = pairs.iter().copied().collect();
        let mut extended = CallAccessList::new();
        extended.extend(pairs.iter().rev().copied());
        prop_assert_eq!(&list, &extended);
        prop_assert!(list.pairs().eq(expected.iter().copied()));
        prop_assert_eq!(list.len(), expected.len());
        let calls: BTreeSet<_> = pairs.iter().map(|(call, _)| *call).collect();
        prop_assert!(list.calls().eq(calls.iter().copied()));
        prop_assert_eq!(list.call_count(), calls.len());
        let regrouped: Vec<_> = list.calls().flat_map(|call| list.users(call).map(move |user| (call, user))).collect();
        prop_assert!(list.pairs().eq(regrouped));
        let json = serde_json::to_string(&list).unwrap();
        prop_assert_eq!(serde_json::from_str::<CallAccessList>(&json).unwrap(), list);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lists_are_sets(
        one in proptest::collection::btree_set((0..6_u8, 0..6_u8), 0..30),
        other in proptest::collection::btree_set((0..6_u8, 0..6_u8), 0..30),
    ) {
        let pair = |(call, user): &(u8, u8)| (call.to_string().parse().unwrap(), user.to_string().parse().unwrap());
        let list = |pairs: &BTreeSet<(u8, u8)>| pairs.iter().map(pair).collect::<CallAccessList>();
        let set = |pairs: &mut dyn Iterator<Item = &(u8, u8)>| list(&pairs.copied().collect());
        let (a, b) = (list(&one), list(&other));
        prop_assert_eq!(a.difference(&b), set(&mut one.difference(&other)));
        prop_assert_eq!(a.intersection(&b), set(&mut one.intersection(&other)));
        prop_assert_eq!(a.is_subset(&b), one.is_subset(&other));
        prop_assert!(a.intersection(&b).is_subset(&b));
        prop_assert!(a.clone().into_iter().eq(&a));

        let mut kept = a.clone();
        kept.retain(|call, user| b.contains(call, user));
        prop_assert_eq!(&kept, &a.intersection(&b));
        let mut left = a.clone();
        for (call, user) in b {
            let was_there = left.contains(call, user);
            prop_assert_eq!(left.remove(call, user), was_there);
        }
        prop_assert_eq!(left, set(&mut one.difference(&other)));
    }
}

#[test]
fn an_id_can_be_given_as_text() {
    let length = |text: &dyn AsRef<str>| text.as_ref().len();
    assert_eq!(length(&CallId::try_from("007").unwrap()), 3);
    assert_eq!(length(&UserId::try_from("12").unwrap()), 2);
}

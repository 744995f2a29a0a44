//! Parses any text as an id: digits are kept as given, and anything else gives a short message.

#![no_main]

use fuzz::{CallId, UserId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let is_id = (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let (call, user) = (text.parse::<CallId>(), UserId::try_from(text));
    assert_eq!((call.is_ok(), user.is_ok()), (is_id, is_id));
    if let (Ok(call), Ok(user)) = (&call, &user) {
        assert_eq!((call.as_str(), user.as_str()), (text, text));
        let json = serde_json::to_string(call).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<CallId>(&json).unwrap(), *call);
    }
    for error in [call.err(), user.err()].into_iter().flatten() {
        let shown = error.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        assert!(shown.chars().count() < 700, "{shown}");
    }
});

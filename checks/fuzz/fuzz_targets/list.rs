//! Deserialises any bytes as a list: the result is a set in order, and survives a round trip.

#![no_main]

use fuzz::CallAccessList;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|json: &[u8]| {
    let Ok(list) = serde_json::from_slice::<CallAccessList>(json) else {
        return;
    };
    // In what it skips, serde_json checks neither the UTF-8 nor the depth, so this may fail.
    if let Ok(value) = serde_json::from_slice::<Value>(json) {
        assert!(value["callAccessList"].is_array());
    }
    let pairs: Vec<_> = list.pairs().collect();
    assert_eq!(pairs.len(), list.len());
    assert!(pairs.is_sorted() && pairs.windows(2).all(|two| two[0] != two[1]));

    let written = serde_json::to_string(&list).expect("a list can be written");
    let read: CallAccessList = serde_json::from_str(&written).expect("and read");
    assert_eq!(read, list);
    let value: Value = serde_json::from_str(&written).expect("it is JSON");
    let entries = value["callAccessList"].as_array().expect("an array");
    assert_eq!(entries.len(), list.call_count(), "each call once");
    for entry in entries {
        let users = entry["userIds"].as_array().expect("an array");
        let call = entry["callId"].as_str().and_then(|id| id.parse().ok());
        assert_eq!(users.len(), list.users(call.expect("an id")).count());
        assert!(!users.is_empty(), "a call without users does not appear");
    }
});

//! Grants, listings and revocations against a server that keeps state.

#[path = "../../examples/stand_in/mod.rs"]
mod stand_in;

use std::collections::BTreeSet;

use crate::common::one_pair;
use gong_call_access::{CallAccessList, CallId, Client, Report, UserId};
use proptest::prelude::*;

fn client() -> Client {
    let builder = stand_in::start(CallAccessList::new()).unwrap();
    let builder = builder.requests_per_second(None);
    builder
        .max_calls_per_batch(2)
        .max_pairs_per_batch(3)
        .build()
        .unwrap()
}

fn listed(client: &Client, calls: impl IntoIterator<Item = CallId>) -> CallAccessList {
    let listing = client.list(calls).unwrap().into_result().unwrap();
    listing.access_list().clone()
}

#[test]
fn a_granted_pair_is_listed_until_it_is_revoked() {
    let client = client();
    let access = one_pair();
    assert!(listed(&client, access.calls()).is_empty());
    for _ in 0..2 {
        assert!(client.grant(&access).unwrap().is_success());
        assert_eq!(listed(&client, access.calls()), access);
    }
    for _ in 0..2 {
        assert!(client.revoke(&access).unwrap().is_success());
        assert!(listed(&client, access.calls()).is_empty());
    }
}

fn pair(call: u8, user: u8) -> (CallId, UserId) {
    (
        call.to_string().parse().unwrap(),
        user.to_string().parse().unwrap(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn batches_have_the_same_effect_as_pairs_one_by_one(
        steps in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec((0..5_u8, 0..4_u8), 0..12)),
            1..8,
        ),
    ) {
        let client = client();
        let mut expected = BTreeSet::new();
        for (is_grant, pairs) in steps {
            let list: CallAccessList = pairs.iter().map(|(call, user)| pair(*call, *user)).collect();
            let batches = if is_grant { client.grant_batches(&list) } else { client.revoke_batches(&list) };
            let report: Report = batches.collect();
            prop_assert!(report.all_done());
            prop_assert_eq!(report.done(), &list);
            for pair in &list {
                if is_grant {
                    expected.insert(pair);
                } else {
                    expected.remove(&pair);
                }
            }
        }
        let calls = (0..5).map(|call| pair(call, 0).0);
        prop_assert!(listed(&client, calls).pairs().eq(expected));
    }
}

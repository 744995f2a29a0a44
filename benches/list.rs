//! Measures ids and lists: parsing, building, iterating, encoding and decoding.
//!
//! Building is compared with nested B-trees, encoding with plain structs.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gong_call_access::{CallAccessList, CallId, UserId};
use serde::Serialize;

const MILLION: u64 = 1_000_000;

fn id(n: u64) -> String {
    (7_782_342_274_000_000_000 + n).to_string()
}

/// `calls` calls with `users` users each, in order.
fn pairs(calls: u64, users: u64) -> Vec<(CallId, UserId)> {
    let users: Vec<UserId> = (0..users).map(|n| id(n).parse().unwrap()).collect();
    (0..calls)
        .map(|n| id(n).parse().unwrap())
        .flat_map(|call| users.iter().map(move |user| (call, *user)))
        .collect()
}

/// The same pairs in an irregular but fixed order.
fn scrambled(mut pairs: Vec<(CallId, UserId)>) -> Vec<(CallId, UserId)> {
    let len = pairs.len();
    (0..len).for_each(|n| pairs.swap(n, n * 7_919 % len));
    pairs
}

/// Plain structs of strings, for serde_json alone.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    call_access_list: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    call_id: String,
    user_ids: Vec<String>,
}

impl Body {
    fn of(list: &CallAccessList) -> Self {
        let entry = |call: CallId| Entry {
            call_id: call.to_string(),
            user_ids: list.users(call).map(|user| user.to_string()).collect(),
        };
        Self {
            call_access_list: list.calls().map(entry).collect(),
        }
    }
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    for (calls, users) in [(1, 1), (100, 10), (10_000, 10)] {
        let list: CallAccessList = pairs(calls, users).into_iter().collect();
        let body = Body::of(&list);
        assert_eq!(
            serde_json::to_vec(&list).unwrap(),
            serde_json::to_vec(&body).unwrap()
        );
        group.throughput(Throughput::Elements(calls * users));
        let size = calls * users;
        group.bench_with_input(BenchmarkId::new("list", size), &list, |bencher, list| {
            bencher.iter(|| serde_json::to_vec(black_box(list)));
        });
        group.bench_with_input(
            BenchmarkId::new("plain structs", size),
            &body,
            |bencher, body| {
                bencher.iter(|| serde_json::to_vec(black_box(body)));
            },
        );
    }
}

fn decode(criterion: &mut Criterion) {
    let list: CallAccessList = pairs(10_000, 10).into_iter().collect();
    let json = serde_json::to_vec(&list).unwrap();
    assert_eq!(
        serde_json::from_slice::<CallAccessList>(&json).unwrap(),
        list
    );
    criterion.bench_function("decode 100,000 pairs", |bencher| {
        bencher.iter(|| serde_json::from_slice::<CallAccessList>(black_box(&json)));
    });
}

fn parse(criterion: &mut Criterion) {
    let texts: Vec<_> = (0..1000).map(id).collect();
    criterion.bench_function("parse 1,000 ids", |bencher| {
        bencher.iter(|| {
            black_box(&texts)
                .iter()
                .filter(|text| text.parse::<CallId>().is_ok())
                .count()
        });
    });
}

fn million(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1,000,000 pairs");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(3));
    let shapes = [
        ("1,000 users a call", pairs(1000, 1000)),
        (
            "1,000 users a call, scrambled",
            scrambled(pairs(1000, 1000)),
        ),
        ("1 user a call", pairs(MILLION, 1)),
        ("1 user a call, scrambled", scrambled(pairs(MILLION, 1))),
    ];
    for (shape, pairs) in &shapes {
        group.bench_function(format!("{shape}: insert"), |bencher| {
            bencher.iter(|| {
                let mut list = CallAccessList::new();
                pairs
                    .iter()
                    .for_each(|(call, user)| assert!(list.insert(*call, *user)));
                list
            });
        });
        group.bench_function(format!("{shape}: insert into nested B-trees"), |bencher| {
            bencher.iter(|| {
                let mut list = BTreeMap::<CallId, BTreeSet<UserId>>::new();
                pairs
                    .iter()
                    .for_each(|(call, user)| assert!(list.entry(*call).or_default().insert(*user)));
                list
            });
        });
        group.bench_function(format!("{shape}: collect"), |bencher| {
            bencher.iter(|| pairs.iter().copied().collect::<CallAccessList>());
        });
        let list: CallAccessList = pairs.iter().copied().collect();
        assert_eq!(list.len() as u64, MILLION);
        group.bench_function(format!("{shape}: iterate"), |bencher| {
            bencher.iter(|| {
                black_box(&list).pairs().for_each(|pair| {
                    black_box(pair);
                })
            });
        });
    }
}

criterion_group!(benches, parse, encode, decode, million);
criterion_main!(benches);

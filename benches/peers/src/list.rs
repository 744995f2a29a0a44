//! Builds and encodes a `CallAccessList` or nested B-trees. Prints the milliseconds of each step, and
//! the memory in KiB.
//!
//! Arguments: `ours` or `nested`, the number of calls, the number of users of each call.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Instant;

use gong_call_access::{CallAccessList, CallId, UserId};
use serde::{Serialize, Serializer};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, kind, calls, users] = &arguments[..] else {
        return Err("expected ours|nested CALLS USERS".into());
    };
    let (calls, users): (u64, u64) = (calls.parse()?, users.parse()?);
    let id = |n: u64| (7_782_342_274_025_937_000 + n).to_string();
    let call_ids: Vec<CallId> = (0..calls)
        .map(|n| id(n).parse())
        .collect::<Result<_, _>>()?;
    let user_ids: Vec<UserId> = (0..users)
        .map(|n| id(n).parse())
        .collect::<Result<_, _>>()?;
    let pairs = || {
        call_ids
            .iter()
            .flat_map(|call| user_ids.iter().map(move |user| (*call, *user)))
    };
    let before = memory()?;
    match kind.as_str() {
        "ours" => measure(before, || {
            let mut list = CallAccessList::new();
            for (call, user) in pairs() {
                list.insert(call, user);
            }
            list
        }),
        _ => measure(before, || {
            let mut list = Nested::default();
            for (call, user) in pairs() {
                list.0.entry(call).or_default().insert(user);
            }
            list
        }),
    }
}

fn measure<L: Serialize>(before: u64, build: impl FnOnce() -> L) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let list = build();
    let built = started.elapsed();
    let memory = memory()? - before;
    let started = Instant::now();
    std::hint::black_box(serde_json::to_vec(&list)?);
    println!(
        "{} {} {memory}",
        built.as_millis(),
        started.elapsed().as_millis()
    );
    Ok(())
}

fn memory() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no VmRSS")?.parse()?)
}

#[derive(Default)]
struct Nested(BTreeMap<CallId, BTreeSet<UserId>>);

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry<'a> {
            call_id: &'a CallId,
            user_ids: &'a BTreeSet<UserId>,
        }
        serializer.collect_seq(
            self.0
                .iter()
                .map(|(call_id, user_ids)| Entry { call_id, user_ids }),
        )
    }
}

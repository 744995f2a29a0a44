//! How much memory a list takes, and a job beside it.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::alloc::System;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gong_call_access::{CallAccessList, CallId, Client, Credentials, UserId};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// As documented.
const BYTES_OF_A_PAIR: usize = 100;

/// `calls` calls with `users` users each.
fn pairs(calls: usize, users: usize) -> Vec<(CallId, UserId)> {
    let id = |n: usize| (7_782_342_274_000_000_000 + n as u64).to_string();
    let users: Vec<UserId> = (0..users).map(|n| id(n).parse().unwrap()).collect();
    (0..calls)
        .map(|n| id(n).parse().unwrap())
        .flat_map(|call| users.iter().map(move |user| (call, *user)))
        .collect()
}

/// How much more memory a region holds at its end than at its start.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated)
}

// One test, since the memory of another one's thread would be counted too.
#[test]
fn a_pair_takes_less_than_documented_and_a_job_no_more_than_a_batch() {
    const PAIRS: usize = 20_000;
    for (calls, users) in [(PAIRS, 1), (PAIRS / 10, 10), (100, PAIRS / 100), (1, PAIRS)] {
        for is_scrambled in [false, true] {
            let mut pairs = pairs(calls, users);
            if is_scrambled {
                (0..PAIRS).for_each(|n| pairs.swap(n, n * 7919 % PAIRS));
            }
            let region = Region::new(ALLOCATOR);
            let mut list = CallAccessList::new();
            pairs
                .iter()
                .for_each(|(call, user)| assert!(list.insert(*call, *user)));
            let each = held(&region) / PAIRS;
            let shape = format!("{calls} calls, {users} users, scrambled: {is_scrambled}");
            assert!(each < BYTES_OF_A_PAIR, "{each} bytes a pair: {shape}");
        }
    }

    let (url, requests) = acknowledging();
    let builder = Client::builder(Credentials::bearer("a-token").unwrap()).base_url(url);
    let client = builder.requests_per_second(None).build().unwrap();
    let list: CallAccessList = pairs(10_000, 10).into_iter().collect();
    let mut batches = client.grant_batches(&list);
    drop(batches.next());
    let region = Region::new(ALLOCATOR);
    assert_eq!(batches.by_ref().take(98).count(), 98);
    let grown = held(&region);
    let batch = 1000 * BYTES_OF_A_PAIR;
    assert!(grown < batch, "{grown} bytes more after 98 batches");
    assert_eq!(requests.load(Ordering::SeqCst), 99);
}

/// Starts a server that acknowledges everything and keeps nothing but the number of requests.
fn acknowledging() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let for_server = Arc::clone(&requests);
    std::thread::spawn(move || {
        // The client keeps its connection.
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line).unwrap() > 0 {
            if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            } else if line == "\r\n" {
                io::copy(&mut reader.by_ref().take(length), &mut io::sink()).unwrap();
                for_server.fetch_add(1, Ordering::SeqCst);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer).unwrap();
            }
            line.clear();
        }
    });
    (url, requests)
}

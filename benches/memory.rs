//! How much memory a response takes while it is decoded, beside its size, and how long it takes.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use gong_call_access::{CallId, Client, Credentials};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MEBIBYTE: usize = 1024 * 1024;

/// How many times its size a response may take.
const MOST: f64 = 4.0;

/// Repeats an element in an array until it has about this many bytes.
fn array(element: &str, size: usize) -> String {
    format!(
        "[{}0]",
        format!("{element},").repeat(size / (element.len() + 1))
    )
}

fn with_field(field: &str, value: &str) -> String {
    format!(r#"{{"requestId":"x","{field}":{value}}}"#)
}

/// About how many bytes a user takes in a listing.
const USER_SIZE: usize = 34;

/// About how many bytes a call with one user takes in a listing.
const CALL_SIZE: usize = 76;

fn id(n: usize) -> u64 {
    7_782_342_274_000_000_000 + n as u64
}

/// A listing of this many calls, with this many users each.
fn listing(calls: usize, users: usize) -> String {
    let user = |n| format!(r#"{{"userId":"{}"}}"#, id(n));
    let users = (0..users).map(user).collect::<Vec<_>>().join(",");
    let call = |n| format!(r#"{{"callId":"{}","users":[{users}]}}"#, id(n));
    let calls = (0..calls).map(call).collect::<Vec<_>>().join(",");
    format!(r#"{{"callAccessList":[{calls}]}}"#)
}

/// Starts a server that answers with the body at hand.
fn server(body: &Arc<Mutex<String>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = Arc::clone(body);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            // Head and body of a question are small, and may come in two parts.
            let mut end = 0;
            while !request.get(..end).unwrap().ends_with(b"}}") {
                end += stream.read(request.get_mut(end..).unwrap()).unwrap();
            }
            let body = body.lock().unwrap();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
        }
    });
    url
}

fn main() {
    let body = Arc::new(Mutex::new(String::new()));
    let client = Client::builder(Credentials::bearer("a-token").unwrap());
    let client = client
        .base_url(server(&body))
        .requests_per_second(None)
        .build()
        .unwrap();
    let call = CallId::try_from(id(0).to_string().as_str()).unwrap();
    let nested = "[".repeat(100) + &"]".repeat(100);
    println!("| body | MiB | peak memory, times the body | ms a MiB |");
    println!("|---|---|---|---|");
    for (name, make) in [
        (
            "an unknown field with numbers",
            &(|size| with_field("more", &array("1", size))) as &dyn Fn(usize) -> String,
        ),
        ("an unknown field, nested", &|size| {
            with_field("more", &array(&nested, size))
        }),
        ("an unknown field with an escaped text", &|size| {
            with_field("more", &format!("\"{}\"", r"\u00e9".repeat(size / 6)))
        }),
        ("errors that are numbers", &|size| {
            with_field("errors", &array("1", size))
        }),
        ("errors that are one text", &|size| {
            with_field("errors", &format!("\"{}\"", r"\u00e9".repeat(size / 6)))
        }),
        ("users with ids of 19 digits", &|size| {
            listing(1, size / USER_SIZE)
        }),
        // A vector that doubles would be half empty.
        ("as many users, and one more", &|size| {
            listing(1, (size / USER_SIZE / 2).next_power_of_two() + 1)
        }),
        ("an unknown field, nested without end", &|size| {
            with_field("more", &("[".repeat(size / 2) + &"]".repeat(size / 2)))
        }),
        // An error that quoted this unassigned character would write it in 7 bytes instead of 2.
        ("a text in place of the listing", &|size| {
            with_field(
                "callAccessList",
                &format!("\"{}\"", "\u{378}".repeat(size / 2)),
            )
        }),
        ("a text in place of a call", &|size| {
            with_field(
                "callAccessList",
                &format!("[\"{}\"]", "\u{378}".repeat(size / 2)),
            )
        }),
        ("a text in place of the users", &|size| {
            let text = "\u{378}".repeat(size / 2);
            let call = id(0);
            let calls = format!(r#"[{{"callId":"{call}","users":"{text}"}}]"#);
            with_field("callAccessList", &calls)
        }),
        ("a text in place of the errors", &|size| {
            with_field("errors", &format!("\"{}\"", "\u{378}".repeat(size / 2)))
        }),
        ("a text in place of everything", &|size| {
            format!("\"{}\"", "\u{378}".repeat(size / 2))
        }),
        ("calls with one user each", &|size| {
            listing(size / CALL_SIZE, 1)
        }),
    ] {
        for size in [8 * MEBIBYTE, 63 * MEBIBYTE] {
            *body.lock().unwrap() = make(size);
            let len = body.lock().unwrap().len() as f64 / MEBIBYTE as f64;
            let before = ALLOCATOR.current_usage_as_mb();
            ALLOCATOR.reset_peak_usage();
            let started = Instant::now();
            let response = client.list([call]).unwrap();
            let millis = started.elapsed().as_secs_f64() * 1000.0;
            let times = f64::from(ALLOCATOR.peak_usage_as_mb() - before) / len;
            drop(response);
            println!("| {name} | {len:.0} | {times:.2} | {:.1} |", millis / len);
            assert!(times <= MOST, "more than {MOST} times its size");
        }
    }
}

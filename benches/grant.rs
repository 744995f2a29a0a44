//! Grants over a kept-alive connection on loopback: one, beside the same PUT through bare ureq, and a job of
//! 100,000 pairs, beside sending the same requests one by one.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gong_call_access::{CallAccessList, Client, Credentials, Outcome};

const BODY: &str = r#"{"requestId":"4al018gzaztcr8nbukw"}"#;

/// Starts a server that acknowledges everything, and returns its URL.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away ends its connection, and nothing else.
            thread::spawn(move || serve(stream?));
        }
    });
    url
}

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match request_length(&bytes) {
            Some(length) if bytes.len() >= length => {
                bytes.drain(..length);
                stream.write_all(response.as_bytes())?;
            }
            _ => match stream.read(&mut chunk)? {
                0 => return Ok(()),
                n => bytes.extend(chunk.iter().take(n)),
            },
        }
    }
}

/// The length of head and body, once the head is there.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(bytes.get(..head)?)
        .ok()?
        .to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head + 4 + length.parse::<usize>().ok()?)
}

fn client(url: &str) -> Client {
    let credentials = Credentials::access_key("an-access-key", "an-access-key-secret").unwrap();
    let builder = Client::builder(credentials).base_url(url);
    builder.requests_per_second(None).build().unwrap()
}

fn list(calls: u64, users: u64) -> CallAccessList {
    let id = |n: u64| (7_782_342_274_000_000_000 + n).to_string();
    let user_ids: Vec<_> = (0..users).map(|n| id(n).parse().unwrap()).collect();
    (0..calls)
        .map(|n| id(n).parse().unwrap())
        .flat_map(|call| user_ids.iter().map(move |user| (call, *user)))
        .collect()
}

fn one(criterion: &mut Criterion) {
    let url = server();
    let mut group = criterion.benchmark_group("grant over a kept-alive connection");
    for (name, list) in [
        ("1 pair", list(1, 1)),
        ("100 calls x 10 users", list(100, 10)),
    ] {
        let client = client(&url);
        assert!(client.grant(&list).unwrap().is_success());
        group.bench_function(name, |bencher| {
            bencher.iter(|| client.grant(&list).unwrap().is_success());
        });
        let agent = bare_ureq();
        assert_eq!(put(&agent, &url, &list), BODY.as_bytes());
        group.bench_function(format!("{name}, bare ureq"), |bencher| {
            bencher.iter(|| put(&agent, &url, &list));
        });
    }
}

fn bare_ureq() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(30)))
        .timeout_resolve(Some(Duration::from_secs(10)))
        .timeout_connect(Some(Duration::from_secs(10)))
        .proxy(None)
        .build()
        .into()
}

fn put(agent: &ureq::Agent, url: &str, list: &CallAccessList) -> Vec<u8> {
    let body = serde_json::to_vec(list).unwrap();
    let mut response = agent
        .put(format!("{url}/v2/calls/users-access"))
        .header(
            "authorization",
            "Basic YW4tYWNjZXNzLWtleTphbi1hY2Nlc3Mta2V5LXNlY3JldA==",
        )
        .header("content-type", "application/json")
        .send(&body[..])
        .unwrap();
    response.body_mut().read_to_vec().unwrap()
}

fn job(criterion: &mut Criterion) {
    let client = client(&server());
    let list = list(10_000, 10);
    let mut group = criterion.benchmark_group("100,000 pairs in 100 requests");
    group.sample_size(10);
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done(_));
    assert_eq!(
        client
            .grant_batches(&list)
            .filter(|batch| is_done(batch.outcome()))
            .count(),
        100
    );
    group.bench_function("as a job", |bencher| {
        bencher.iter(|| client.grant_batches(&list).count());
    });
    group.bench_function("one grant after the other", |bencher| {
        bencher.iter(|| {
            let pairs: Vec<_> = list.pairs().collect();
            let parts = pairs
                .chunks(1000)
                .map(|pairs| pairs.iter().copied().collect());
            parts
                .filter(|part| client.grant(part).unwrap().is_success())
                .count()
        });
    });
}

criterion_group!(benches, one, job);
criterion_main!(benches);

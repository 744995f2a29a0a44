//! Measures calls over a kept-alive connection on loopback.
//!
//! A grant and a listing are compared with bare ureq and serde_json; a job of 1,000,000 pairs with
//! planning alone, and with sending the same requests one by one.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gong_call_access::{CallAccessList, CallId, Client, Credentials, Outcome, UserId};
use serde::Deserialize;

const RECEIPT: &str = r#"{"requestId":"4al018gzaztcr8nbukw"}"#;

/// Starts a server that answers every request with this body, and returns its URL.
fn server(body: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let length = body.len();
    let response: Arc<str> =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}").into();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let response = Arc::clone(&response);
            // A client that disconnects is not an error.
            thread::spawn(move || serve(stream?, &response));
        }
    });
    url
}

fn serve(mut stream: TcpStream, response: &str) -> io::Result<()> {
    stream.set_nodelay(true)?;
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

/// Returns the length of head and body, once the head is complete.
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
    let user_ids: Vec<UserId> = (0..users).map(|n| id(n).parse().unwrap()).collect();
    (0..calls)
        .map(|n| id(n).parse().unwrap())
        .flat_map(|call| user_ids.iter().map(move |user| (call, *user)))
        .collect()
}

fn one(criterion: &mut Criterion) {
    let url = server(RECEIPT);
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
        assert_eq!(put(&agent, &url, &list), RECEIPT.as_bytes());
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

const AUTHORIZATION: &str = "Basic YW4tYWNjZXNzLWtleTphbi1hY2Nlc3Mta2V5LXNlY3JldA==";

fn put(agent: &ureq::Agent, url: &str, list: &CallAccessList) -> Vec<u8> {
    let request = agent.put(format!("{url}/v2/calls/users-access"));
    send(request, &serde_json::to_vec(list).unwrap())
}

fn send(request: ureq::RequestBuilder<ureq::typestate::WithBody>, body: &[u8]) -> Vec<u8> {
    let request = request.header("authorization", AUTHORIZATION);
    let mut response = request
        .header("content-type", "application/json")
        .send(body)
        .unwrap();
    response.body_mut().read_to_vec().unwrap()
}

/// Plain structs of strings, for serde_json alone.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    call_access_list: Vec<CallAccess>,
}

#[derive(Deserialize)]
struct CallAccess {
    users: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    #[serde(rename = "userId")]
    _id: String,
}

fn listing(criterion: &mut Criterion) {
    let list = list(1000, 100);
    let call = |call: CallId| {
        let users = list
            .users(call)
            .map(|user| format!(r#"{{"userId":"{user}"}}"#));
        let users = users.collect::<Vec<_>>().join(",");
        format!(r#"{{"callId":"{call}","users":[{users}]}}"#)
    };
    let calls: Vec<_> = list.calls().map(call).collect();
    let body = format!(r#"{{"callAccessList":[{}]}}"#, calls.join(","));
    let url = server(&body);
    let mut group = criterion.benchmark_group("list 100,000 pairs of 1,000 calls");
    group.sample_size(20);

    let client = client(&url);
    let ask = || {
        let listing = client.list(list.calls()).unwrap().into_result().unwrap();
        listing.access_list().len()
    };
    assert_eq!(ask(), 100_000);
    group.bench_function("list", |bencher| bencher.iter(ask));

    let agent = bare_ureq();
    let ids: Vec<_> = list.calls().map(|call| call.to_string()).collect();
    let ask = || {
        let question = serde_json::json!({"filter": {"callIds": ids}}).to_string();
        let request = agent.post(format!("{url}/v2/calls/users-access"));
        let answer: Answer = serde_json::from_slice(&send(request, question.as_bytes())).unwrap();
        let users = answer.call_access_list.iter().map(|call| call.users.len());
        users.sum::<usize>()
    };
    assert_eq!(ask(), 100_000);
    group.bench_function("bare ureq, plain structs", |bencher| bencher.iter(ask));
}

fn job(criterion: &mut Criterion) {
    let client = client(&server(RECEIPT));
    let list = list(100_000, 10);
    let mut group = criterion.benchmark_group("1,000,000 pairs in 1,000 requests");
    group.sample_size(10);
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::Done(_));
    let batches = client.grant_batches(&list);
    let done = batches.filter(|batch| is_done(batch.outcome())).count();
    assert_eq!(done, 1000, "the fewest that 1,000 pairs a request allow");
    group.bench_function("as a job", |bencher| {
        bencher.iter(|| client.grant_batches(&list).count());
    });
    group.bench_function("planning alone", |bencher| {
        bencher.iter(|| client.grant_batches(&list).min_requests());
    });
    let pairs: Vec<_> = list.pairs().collect();
    let parts: Vec<CallAccessList> = pairs
        .chunks(1000)
        .map(|pairs| pairs.iter().copied().collect())
        .collect();
    group.bench_function("encoding and sending the same lists", |bencher| {
        bencher.iter(|| {
            let grant = |part| client.grant(part).unwrap().is_success();
            assert!(parts.iter().all(grant));
        });
    });
}

criterion_group!(benches, one, listing, job);
criterion_main!(benches);

//! How to test a program that uses this crate; the documentation of `Client` links to it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use gong_call_access::{CallAccessList, Client, Credentials, Error, Report, Response, RetryPolicy};

const PATH: &str = "/v2/calls/users-access";

type TestResult = Result<(), Box<dyn std::error::Error>>;

/// A client for a server on loopback. It does not retry, and no rate limit slows it down.
fn client(url: impl Into<String>) -> Result<Client, Error> {
    Client::builder(Credentials::access_key("key", "secret")?)
        .base_url(url)
        .retry(RetryPolicy::none())
        .requests_per_second(None)
        .build()
}

fn access(calls: &[&str]) -> Result<CallAccessList, Error> {
    let user = "7".parse()?;
    calls.iter().map(|call| Ok((call.parse()?, user))).collect()
}

#[test]
fn success() -> TestResult {
    let mut gong = mockito::Server::new();
    let put = gong
        .mock("PUT", PATH)
        .match_header("authorization", "Basic a2V5OnNlY3JldA==")
        .match_body(r#"{"callAccessList":[{"callId":"1","userIds":["7"]}]}"#)
        .with_body(r#"{"requestId":"4al018gzaztcr8nbukw"}"#)
        .create();
    let receipt = client(gong.url())?.grant(&access(&["1"])?)?.into_result()?;
    assert_eq!(receipt.request_id(), Some("4al018gzaztcr8nbukw"));
    put.assert();
    Ok(())
}

#[test]
fn bad_request_and_unauthorized() -> TestResult {
    for (status, message) in [(400, "Some calls not found"), (401, "Company is inactive")] {
        let mut gong = mockito::Server::new();
        let put = gong
            .mock("PUT", PATH)
            .with_status(status)
            .with_body(format!(r#"{{"errors":["{message}"]}}"#))
            .create();
        match (status, client(gong.url())?.grant(&access(&["1"])?)?) {
            (400, Response::BadRequest(error)) | (401, Response::Unauthorized(error)) => {
                assert_eq!(error.messages(), [message]);
            }
            (_, other) => return Err(format!("{other:?}").into()),
        }
        put.assert();
    }
    Ok(())
}

#[test]
fn too_many_requests_with_a_wait() -> TestResult {
    let mut gong = mockito::Server::new();
    let put = gong
        .mock("PUT", PATH)
        .with_status(429)
        .with_header("retry-after", "86400")
        .create();
    let response = client(gong.url())?.grant(&access(&["1"])?)?;
    let wait = response.error().and_then(|error| error.retry_after());
    assert_eq!(wait, Some(Duration::from_secs(86_400)));
    put.assert();
    Ok(())
}

#[test]
fn timeout() -> TestResult {
    // It accepts connections but never answers.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let client = client(format!("http://{}", silent.local_addr()?))?
        .to_builder()
        .timeout(Duration::from_millis(100))
        .build()?;
    let started = Instant::now();
    let Err(error) = client.grant(&access(&["1"])?) else {
        return Err("a response from nobody".into());
    };
    assert!(error.is_timeout() && started.elapsed() >= Duration::from_millis(100));
    Ok(())
}

#[test]
fn a_job_with_a_refused_id() -> TestResult {
    let mut gong = mockito::Server::new();
    let names_call_2 = |request: &mockito::Request| {
        let body = request.utf8_lossy_body();
        body.is_ok_and(|body| body.contains(r#""callId":"2""#))
    };
    gong.mock("PUT", PATH)
        .match_request(names_call_2)
        .with_status(400)
        .create();
    gong.mock("PUT", PATH)
        .match_request(move |request| !names_call_2(request))
        .with_body("{}")
        .create();
    let access = access(&["1", "2", "3"])?;
    let report: Report = client(gong.url())?.grant_batches(&access).collect();
    assert_eq!(report.done().len(), 2);
    assert!(report.refused().calls().eq(["2".parse()?]));
    assert!(report.remaining().is_empty());
    Ok(())
}

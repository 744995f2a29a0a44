//! The test that the README shows, since a test within an example of the documentation does not run.

use gong_call_access::{Client, Credentials, Response, RetryPolicy};

#[test]
fn an_unknown_call_is_reported() -> Result<(), Box<dyn std::error::Error>> {
    let mut gong = mockito::Server::new();
    let put = gong
        .mock("PUT", "/v2/calls/users-access")
        .match_body(r#"{"callAccessList":[{"callId":"1","userIds":["2","3"]}]}"#)
        .with_status(400)
        .with_body(r#"{"requestId":"x","errors":["Some calls not found"]}"#)
        .expect(1)
        .create();

    let client = Client::builder(Credentials::access_key("key", "secret")?)
        .base_url(gong.url())
        .retry(RetryPolicy::none())
        .requests_per_second(None)
        .build()?;
    let call = "1".parse()?;
    let access = [(call, "2".parse()?), (call, "3".parse()?)];
    let response = client.grant(&access.into_iter().collect())?;

    let Response::BadRequest(error) = response else {
        return Err(format!("{response:?}").into());
    };
    assert_eq!(error.messages(), ["Some calls not found"]);
    put.assert();
    Ok(())
}

//! What each of Gong's responses becomes.

use crate::common::{
    self, CALL, PATH, Server, Then, USER, VERBS, Verb, client, for_each_verb, http, once, one_pair,
    variant,
};
use gong_call_access::{ApiError, Client, Receipt, Response};
use mockito::Matcher;

/// Sends each of the three calls to a server that answers this, and checks that the responses are
/// the same and that no call is retried.
fn answer(status: usize, headers: &[(&str, &str)], body: &str) -> Response {
    answer_to(client, status, headers, body)
}

/// The same for an answer that would be retried, with a client that does not retry.
fn answer_once(status: usize, headers: &[(&str, &str)], body: &str) -> Response {
    answer_to(once, status, headers, body)
}

fn answer_to(
    client: fn(&str) -> Client,
    status: usize,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let mut server = mockito::Server::new();
    same_for_each_verb(|verb| {
        let mut mock = server.mock(verb.method(), PATH).with_status(status);
        for (name, value) in headers {
            mock = mock.with_header(*name, value);
        }
        let mock = mock.with_body(body).expect(1).create();
        let response = verb.send(&client(&server.url())).unwrap();
        mock.assert();
        response
    })
}

/// The same for bytes that a well-behaved server does not send.
fn answer_raw(bytes: impl Into<Vec<u8>>) -> Response {
    let bytes = bytes.into();
    same_for_each_verb(|verb| {
        let server = Server::sends(bytes.clone(), Then::Close);
        let response = verb.send(&once(&server.url())).unwrap();
        assert_eq!(server.requests().len(), 1);
        response
    })
}

#[track_caller]
fn same_for_each_verb(mut send: impl FnMut(Verb) -> Response) -> Response {
    let [grant, revoke, list] = VERBS.map(&mut send);
    assert_eq!(format!("{revoke:?}"), format!("{grant:?}"));
    assert_eq!(format!("{list:?}"), format!("{grant:?}"));
    grant
}

#[track_caller]
fn error(response: Response) -> ApiError {
    let error = response.into_result().unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    error
}

#[track_caller]
fn receipt(response: Response) -> Receipt {
    response.into_result().unwrap()
}

#[test]
fn the_request_is_the_one_that_gong_documents() {
    let access =
        r#"{"callAccessList":[{"callId":"7782342274025937895","userIds":["234599484848423"]}]}"#;
    let question = r#"{"filter":{"callIds":["7782342274025937895"]}}"#;
    for (verb, body) in [
        (Verb::Grant, access),
        (Verb::Revoke, access),
        (Verb::List, question),
    ] {
        let mut server = mockito::Server::new();
        let mock = server
            .mock(verb.method(), PATH)
            .match_query(Matcher::Missing)
            .match_header("content-type", "application/json")
            .match_header("accept", "application/json")
            .match_header("accept-encoding", "identity")
            .match_header(
                "authorization",
                "Basic S0VZLTRmOWExYzc6U0VDUkVULWUwN2I1ZDJh",
            )
            .match_header(
                "user-agent",
                concat!("gong-call-access/", env!("CARGO_PKG_VERSION")),
            )
            .match_body(body)
            .with_body(r#"{"requestId":"4al018gzaztcr8nbukw"}"#)
            .expect(1)
            .create();
        let receipt = verb.receipt(&client(&server.url()));
        mock.assert();
        assert_eq!(receipt.request_id(), Some("4al018gzaztcr8nbukw"));
        assert_eq!(receipt.attempts(), 1);
    }
}

#[test]
fn each_header_is_sent_once_and_a_path_prefix_is_kept() {
    let server = Server::sends(common::ok(), Then::KeepAlive);
    let client = common::builder(&format!("{}/gong/v2/", server.url()))
        .user_agent("provisioning/1.2 (ops@example.com)")
        .build()
        .unwrap();
    assert!(client.grant(&one_pair()).unwrap().is_success());
    let requests = server.requests();
    let [request] = &requests[..] else {
        panic!("{requests:?}")
    };
    assert!(
        request
            .head
            .starts_with(&format!("PUT /gong{PATH} HTTP/1.1\r\n")),
        "{}",
        request.head
    );
    for (name, value) in [
        ("host", server.address().to_string().as_str()),
        ("content-length", &request.body.len().to_string()),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("user-agent", "provisioning/1.2 (ops@example.com)"),
    ] {
        assert_eq!(request.header(name), [value], "{name}");
    }
    assert_eq!(request.header("authorization").len(), 1);
}

#[test]
fn an_acknowledgement_in_any_form_is_a_success() {
    let x = r#"{"requestId":"x"}"#;
    let nested = format!(
        r#"{{"requestId":"x","a":{}{}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    for (body, headers) in [
        (x, &[][..]),
        (
            r#"{"a":[{"b":{}},null,-1,2.5,true,"é"],"requestId":"x","errors":[]}"#,
            &[],
        ),
        (r#"{"errors":null,"requestId":"x"}"#, &[]),
        (r#"{"errors":[ ],"requestId":"x"}"#, &[]),
        (r#"{"errors":"","requestId":"x"}"#, &[]),
        (&nested, &[]),
        (r#"{"\u0072equestId":"\u0078"}"#, &[]),
        (x, &[("content-type", "text/html")]),
        (x, &[("content-encoding", "identity")]),
    ] {
        let receipt = receipt(answer(200, headers, body));
        assert_eq!(receipt.request_id(), Some("x"), "{body}");
        assert_eq!(receipt.attempts(), 1, "{body}");
    }
    for raw in [
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n{}\r\n9\r\n{}\r\n0\r\n\r\n",
            &x[..8],
            &x[8..]
        ),
        format!(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n{}",
            http(200, "", x)
        ),
        format!("HTTP/1.0 200 OK\r\n\r\n{x}"),
        // As large as a head may be, and not larger.
        http(200, &format!("x: {}\r\n", "y".repeat(63 * 1024)), x),
    ] {
        assert_eq!(
            receipt(answer_raw(raw.as_str())).request_id(),
            Some("x"),
            "{}",
            raw.chars().take(80).collect::<String>()
        );
    }
}

#[test]
fn the_request_id_may_be_missing_or_a_number() {
    for (body, request_id) in [
        ("{}", None),
        (r#"{"requestId":null}"#, None),
        (r#"{"requestId":""}"#, None),
        (r#"{"requestId":[1]}"#, None),
        (r#"{"requestId":{"a":1}}"#, None),
        (r#"{"requestId":true}"#, None),
        (r#"{"requestId":42}"#, Some("42")),
        (r#"{"requestId":-42}"#, Some("-42")),
        (
            r#"{"requestId":18446744073709551615}"#,
            Some("18446744073709551615"),
        ),
        (r#"{"requestId":1.5}"#, None),
    ] {
        assert_eq!(
            receipt(answer(200, &[], body)).request_id(),
            request_id,
            "{body}"
        );
    }
}

#[test]
fn a_200_without_proof_is_not_a_success() {
    let deep_array = "[".repeat(100_000) + &"]".repeat(100_000);
    let large_errors = format!(r#"{{"errors":["{}"]}}"#, "x".repeat(100_000));
    let x = r#"{"requestId":"x"}"#;
    for (body, headers, problem) in [
        ("<html>OK</html>", &[][..], "documented JSON object"),
        ("", &[], "documented JSON object"),
        ("[]", &[], "documented JSON object"),
        ("null", &[], "documented JSON object"),
        ("\"ok\"", &[], "documented JSON object"),
        (r#"{"requestId":"x""#, &[], "documented JSON object"),
        (r#"{"requestId":"x"} x"#, &[], "documented JSON object"),
        (
            r#"{"errors":null,"errors":["no"],"errors":null}"#,
            &[],
            "documented JSON object",
        ),
        (&deep_array, &[], "documented JSON object"),
        ("\u{feff}{}", &[], "documented JSON object"),
        (
            r#"{"errors":["Some calls not found"]}"#,
            &[],
            "reports errors",
        ),
        (r#"{"errors":"no"}"#, &[], "reports errors"),
        (r#"{"errors":[""]}"#, &[], "reports errors"),
        (r#"{"errors":{"a":1}}"#, &[], "reports errors"),
        (r#"{"errors":false}"#, &[], "reports errors"),
        (&large_errors, &[], "reports errors"),
        (x, &[("content-encoding", "gzip")], "compressed"),
        (x, &[("content-encoding", "GZIP")], "compressed"),
    ] {
        let response = answer(200, headers, body);
        let start: String = body.chars().take(60).collect();
        assert_eq!(variant(&response), "Unexpected", "{start}");
        let error = error(response);
        assert_eq!((error.status(), error.attempts()), (200, 1), "{start}");
        assert!(error.to_string().contains(problem), "{start}: {error}");
    }
    let utf_8 =
        answer_raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\":\"\xff\"}".as_slice());
    assert!(error(utf_8).to_string().contains("not UTF-8"));
    let errors = error(answer(200, &[], r#"{"errors":["no"],"requestId":"x"}"#));
    assert_eq!(
        (errors.messages(), errors.request_id()),
        (&["no".to_owned()][..], Some("x"))
    );
}

#[test]
fn a_response_over_the_size_limit_is_not_a_success() {
    for_each_verb(|verb| {
        let limit = if let Verb::List = verb {
            common::LISTING_LIMIT
        } else {
            common::RECEIPT_LIMIT
        };
        let body = |len| format!(r#"{{"requestId":"x","a":"{}"}}"#, "a".repeat(len));
        let least = body(0).len();
        for (len, expected) in [(limit, "Success"), (limit + 1, "Unexpected")] {
            let server = Server::sends(http(200, "", &body(len - least)), Then::Close);
            let response = verb.send(&client(&server.url())).unwrap();
            assert_eq!(variant(&response), expected, "{verb:?} {len}");
            if let Response::Unexpected(error) = response {
                assert!(error.to_string().contains("too large"), "{error}");
            }
            assert_eq!(server.requests().len(), 1);
        }
    });
}

#[test]
fn a_listing_holds_the_pairs_that_gong_sent() {
    let entry = |call: &str, users: &str| format!(r#"{{"callId":"{call}","users":{users}}}"#);
    for (calls, expected) in [
        (
            format!("[{}]", entry(CALL, &format!(r#"[{{"userId":"{USER}"}}]"#))),
            vec![(CALL, USER)],
        ),
        (
            format!(
                r#"[{},{},{},{{"callId":"4","more":{{}}}}]"#,
                entry(
                    "2",
                    r#"[{"userId":"9","name":"x"},{"userId":"8"},{"userId":"9"}]"#
                ),
                entry("1", "[]"),
                entry("3", "null"),
            ),
            vec![("2", "8"), ("2", "9")],
        ),
        ("[]".to_owned(), vec![]),
        ("null".to_owned(), vec![]),
    ] {
        let body = format!(r#"{{"callAccessList":{calls},"requestId":"x","records":{{}}}}"#);
        let server = Server::sends(http(200, "", &body), Then::Close);
        let asked = [CALL, "1", "2", "3", "4"].map(|call| call.parse().unwrap());
        let listing = client(&server.url())
            .list(asked)
            .unwrap()
            .into_result()
            .unwrap();
        let pairs: Vec<_> = expected
            .iter()
            .map(|(call, user)| (call.parse().unwrap(), user.parse().unwrap()))
            .collect();
        assert!(
            listing.access_list().pairs().eq(pairs),
            "{body}: {listing:?}"
        );
        assert_eq!(listing.receipt().request_id(), Some("x"));
    }
}

#[test]
fn an_unreadable_listing_is_not_a_success() {
    for calls in [
        r#"{}"#,
        r#""none""#,
        r#"[1]"#,
        r#"[{"users":[]}]"#,
        r#"[{"callId":7,"users":[]}]"#,
        r#"[{"callId":"_7","users":[]}]"#,
        r#"[["5",[]]]"#,
        r#"[{"callId":"5","users":[["7"]]}]"#,
        r#"[{"callId":"7","users":[{}]}]"#,
        r#"[{"callId":"7","users":[{"userId":"x"}]}]"#,
    ] {
        let body = format!(r#"{{"requestId":"x","callAccessList":{calls}}}"#);
        let server = Server::sends(http(200, "", &body), Then::KeepAlive);
        let client = client(&server.url());
        // So that none of them is refused for a call that was not requested.
        let asked = ["5", "7"].map(|call| call.parse().unwrap());
        let response = client.list(asked).unwrap();
        assert_eq!(variant(&response), "Unexpected", "{calls}");
        // The field is not one of an acknowledgement, so it is ignored there.
        assert!(client.grant(&one_pair()).unwrap().is_success(), "{calls}");
        assert_eq!(server.requests().len(), 2, "{calls}");
    }
}

#[test]
fn a_listing_asks_for_each_call_once_and_in_order() {
    let server = Server::sends(common::ok(), Then::KeepAlive);
    let calls = ["7", "10", "7", "2"].map(|call| call.parse().unwrap());
    assert!(client(&server.url()).list(calls).unwrap().is_success());
    assert_eq!(
        server.requests()[0].body,
        r#"{"filter":{"callIds":["10","2","7"]}}"#
    );
}

#[test]
fn a_redirect_is_not_followed_and_its_host_is_named() {
    let elsewhere = Server::sends(common::ok(), Then::KeepAlive);
    let to = format!("{}/v2/calls/users-access", elsewhere.url());
    for status in [301, 302, 303, 307, 308] {
        let response = answer(status, &[("location", &to)], "");
        assert_eq!(variant(&response), "Unexpected", "{status}");
        let message = error(response).to_string();
        assert!(
            message.contains(&format!("the host {}", elsewhere.address())),
            "{message}"
        );
        let user_information = "x".repeat(common::SERVER_TEXT_LIMIT);
        let long = format!("https://user:{user_information}@gong.example/v2?{user_information}");
        let message = error(answer(status, &[("location", &long)], "")).to_string();
        assert!(message.contains("to the host gong.example)"), "{message}");
        for location in ["/v2", "", "::", "https://"] {
            let response = answer(status, &[("location", location)], "");
            assert_eq!(variant(&response), "Unexpected", "{status} {location}");
        }
        assert_eq!(variant(&answer(status, &[], "")), "Unexpected", "{status}");
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_400_keeps_whatever_messages_it_has() {
    for (body, messages) in [
        (
            r#"{"requestId":"x","errors":["Some calls not found","b"]}"#,
            &["Some calls not found", "b"][..],
        ),
        (r#"{"errors":"one"}"#, &["one"]),
        (r#"{"errors":[{"code":1},2]}"#, &[r#"{"code":1}"#, "2"]),
        (r#"{"errors":[""," "]}"#, &[]),
        ("\u{feff}{\"errors\":[\"marked\"]}", &["marked"]),
        (r#"{"errors":["odd"],"callAccessList":7}"#, &["odd"]),
        (r#"{"errors":null}"#, &[]),
        (r#"{}"#, &[]),
        ("", &[]),
        ("<html>no</html>", &[]),
    ] {
        let response = answer(400, &[], body);
        assert_eq!(variant(&response), "BadRequest", "{body}");
        let error = error(response);
        assert_eq!(error.messages(), messages, "{body}");
        assert_eq!(error.body(), body.trim_start_matches('\u{feff}'));
        for message in messages {
            assert!(error.to_string().contains(message), "{error}");
        }
    }
}

#[test]
fn a_401_shows_the_missing_scope() {
    assert_eq!(variant(&answer(401, &[], "")), "Unauthorized");
    let scope = "You don't have permission to use 'api:call-user-access:write' in your app.";
    let response = answer(
        401,
        &[],
        &format!(r#"{{"requestId":"x","errors":["{scope}"]}}"#),
    );
    assert_eq!(variant(&response), "Unauthorized");
    let message = error(response).to_string();
    assert_eq!(
        message,
        format!(
            "status 401, access denied: {scope} (request id x, 1 attempt); check the credentials, their scope and base_url"
        )
    );
}

#[test]
fn each_status_that_gong_or_a_proxy_sends_is_explained_with_what_to_do() {
    let message = |status| {
        let message = ApiError::new(status, [""; 0]).to_string();
        let (what, advice) = message.split_once(" (1 attempt); ").unwrap();
        let (_, what) = what.split_once(", ").unwrap();
        (what.to_owned(), advice.to_owned())
    };
    let (unknown, no_advice) = message(600);
    for status in [200, 302, 400, 401, 403, 404, 408, 413, 429, 500, 503] {
        let (what, advice) = message(status);
        assert_ne!(what, unknown, "{status}");
        assert_eq!(advice == no_advice, status == 404, "{status}");
    }
}

#[test]
fn every_other_status_has_its_variant_and_keeps_its_messages() {
    for (expected, statuses) in [
        (
            "Unexpected",
            &[
                201, 202, 403, 404, 405, 408, 409, 413, 415, 422, 425, 600, 999,
            ][..],
        ),
        ("RateLimited", &[429]),
        (
            "ServerError",
            &[500, 501, 502, 503, 504, 505, 520, 526, 599],
        ),
    ] {
        for status in statuses {
            let body = r#"{"requestId":"x","errors":["no"],"more":{}}"#;
            let response = answer_raw(http(*status, "", body));
            assert_eq!(variant(&response), expected, "{status}");
            let error = error(response);
            assert_eq!(error.status(), *status);
            assert_eq!(error.messages(), ["no"], "{status}");
            assert_eq!(error.request_id(), Some("x"), "{status}");
        }
    }
    // These have no body.
    for status in [101, 204] {
        assert_eq!(variant(&answer_raw(http(status, "", ""))), "Unexpected");
    }
}

#[test]
fn an_endless_error_body_is_cut_and_its_status_kept() {
    for head in [
        "HTTP/1.1 500 Status\r\n\r\n",
        "HTTP/1.1 500 Status\r\ncontent-length: 1000000000\r\n\r\n",
    ] {
        let server = Server::start(move |exchange| {
            exchange.send(head);
            while exchange.send([b'x'; 16 * 1024]) {}
            Then::Close
        });
        let response = Verb::Grant.send(&once(&server.url())).unwrap();
        assert_eq!(variant(&response), "ServerError");
        let error = error(response);
        assert_eq!(error.body().len(), common::SERVER_TEXT_LIMIT);
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_broken_error_body_does_not_hide_the_status() {
    let short = "HTTP/1.1 400 Status\r\ncontent-length: 100\r\n\r\n{\"errors\":[\"n";
    for raw in [
        short,
        "HTTP/1.1 400 Status\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 400 Status\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nxyz",
    ] {
        let response = answer_raw(raw);
        assert_eq!(variant(&response), "BadRequest", "{raw}");
    }
    assert_eq!(error(answer_raw(short)).body(), "{\"errors\":[\"n");
}

#[test]
fn all_messages_together_are_cut() {
    for (lengths, kept) in [
        (&[1000; 40][..], &[1000, 1000, 48][..]),
        (&[2048, 1], &[2048]),
        (&[2049, 1], &[2048]),
        // No room is left for the mark of a cut.
        (&[2046, 1000], &[2046]),
        (&[2046, 2, 1], &[2046, 2]),
        (&[2045, 1000, 1], &[2045, 3]),
    ] {
        let messages: Vec<_> = lengths
            .iter()
            .map(|len| format!("{:?}", "x".repeat(*len)))
            .collect();
        let body = format!(r#"{{"errors":[{}]}}"#, messages.join(","));
        let error = error(answer(400, &[], &body));
        let found: Vec<_> = error.messages().iter().map(String::len).collect();
        assert_eq!(found, kept, "{lengths:?}");
    }
}

#[test]
fn server_text_is_cleaned_and_cut() {
    let message = "a\\u001b[31mb\\r\\nc".to_owned() + &"é".repeat(500_000);
    let body = format!(r#"{{"errors":["{message}","second"],"requestId":"\u0007x"}}"#);
    // Only the start of a body this long is read, so it is not JSON and has no messages.
    assert_eq!(error(answer(400, &[], &body)).body().len(), 2048);
    let message = "a\\u001b[31mb\\r\\nc".to_owned() + &"é".repeat(2000);
    let body = format!(r#"{{"errors":["{message}","second"],"requestId":"\u0007x"}}"#);
    let error = error(answer(400, &[], &body));
    let [message] = error.messages() else {
        panic!("{error}")
    };
    assert!(
        message.starts_with("a[31mb  cé") && message.ends_with('…'),
        "{message}"
    );
    assert!(message.len() <= 2048 && error.body().len() <= 2048);
    assert_eq!(error.request_id(), Some("x"));
    assert!(!error.to_string().contains(char::is_control));
}

#[test]
fn the_request_id_falls_back_to_the_header() {
    let header = [("x-traceid", "from-header")];
    let long = |len| format!(r#"{{"requestId":"{}"}}"#, "x".repeat(len));
    // With its quotes.
    let (longest, too_long) = (long(2046), long(2047));
    let kept = "x".repeat(2046);
    for (status, body, request_id) in [
        (200, "{}", "from-header"),
        (200, r#"{"requestId":""}"#, "from-header"),
        (200, &longest, &kept),
        (200, &too_long, "from-header"),
        (200, r#"{"requestId":"from-body"}"#, "from-body"),
        (400, "", "from-header"),
        (500, "<html>", "from-header"),
        (401, r#"{"requestId":"from-body"}"#, "from-body"),
    ] {
        let found = match answer_once(status, &header, body) {
            Response::Success(receipt) => receipt.request_id().map(str::to_owned),
            other => error(other).request_id().map(str::to_owned),
        };
        assert_eq!(found.as_deref(), Some(request_id), "{status} {body:.80}");
    }
}

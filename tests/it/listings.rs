//! Listings of any number of calls.

use crate::common::{CALL, Exchange, Server, Then, USER, builder, client, http, one_pair, variant};
use gong_call_access::{CallAccessList, CallId, Client, Error, UserId};

fn call(n: usize) -> CallId {
    (10_000_000 + n).to_string().parse().unwrap()
}

/// The calls that a request asks for.
fn asked(exchange: &Exchange<'_>) -> Vec<String> {
    let body: serde_json::Value = serde_json::from_str(&exchange.request.body).unwrap();
    let calls = body["filter"]["callIds"].as_array().unwrap().iter();
    calls
        .map(|call| call.as_str().unwrap().to_owned())
        .collect()
}

/// A body that lists one user for each of these calls.
fn listing(calls: &[String]) -> String {
    let entry = |call| format!(r#"{{"callId":"{call}","users":[{{"userId":"{USER}"}}]}}"#);
    let entries: Vec<_> = calls.iter().map(entry).collect();
    format!(
        r#"{{"requestId":"x","callAccessList":[{}]}}"#,
        entries.join(",")
    )
}

/// A server that lists one user for each call, and answers the requests from `nth` on with this.
fn gong(nth: usize, otherwise: String) -> Server {
    Server::start(move |exchange| {
        let body = listing(&asked(exchange));
        exchange.send(if exchange.nth < nth {
            http(200, "", &body)
        } else {
            otherwise.clone()
        });
        Then::KeepAlive
    })
}

fn lists_three(url: &str) -> Client {
    let builder = builder(url).max_calls_per_batch(3);
    builder.requests_per_second(None).build().unwrap()
}

#[test]
fn any_number_of_calls_is_listed_in_batches_and_each_call_once() {
    let server = gong(usize::MAX, String::new());
    let client = client(&server.url());
    let calls = (0..250).chain(0..250).map(call);
    let mut listings = client.list_batches(calls);
    assert_eq!(listings.remaining().count(), 250);
    assert_eq!(
        server.connections(),
        0,
        "nothing is sent until it is iterated"
    );
    assert!(
        format!("{listings:?}").starts_with("Listings"),
        "{listings:?}"
    );
    let mut access = CallAccessList::new();
    for (requests, remaining, listed) in [(1, 150, 100), (2, 50, 100), (3, 0, 50)] {
        let listing = listings.next().unwrap().unwrap();
        assert_eq!(listing.access_list().len(), listed);
        assert_eq!(listing.receipt().request_id(), Some("x"));
        assert_eq!(server.requests().len(), requests);
        assert_eq!(listings.remaining().count(), remaining);
        access.extend(listing.access_list());
    }
    assert!(listings.next().is_none() && listings.next().is_none());
    assert!(access.calls().eq((0..250).map(call)));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn without_a_call_nothing_is_sent() {
    let server = gong(usize::MAX, String::new());
    assert!(client(&server.url()).list_batches([]).next().is_none());
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_first_error_ends_it_and_what_was_not_listed_remains() {
    for (answer, status) in [
        (http(404, "", ""), 404),
        (http(401, "", ""), 401),
        (http(429, "retry-after: 86400\r\n", ""), 429),
        (http(200, "", "<html>"), 200),
    ] {
        let server = gong(1, answer);
        let client = lists_three(&server.url());
        let mut listings = client.list_batches((0..8).map(call));
        assert!(listings.next().unwrap().is_ok());
        let error = listings.next().unwrap().unwrap_err();
        assert!(
            matches!(&error, Error::Api(error) if error.status() == status),
            "{error}"
        );
        assert!(listings.next().is_none() && listings.next().is_none());
        // The calls of the failed request are not listed either.
        assert!(listings.remaining().eq((3..8).map(call)), "{listings:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

/// A server that refuses to list these calls, and the most requests that listing 5,000 calls takes.
fn without(unknown: std::ops::Range<usize>) -> Server {
    let unknown: Vec<_> = unknown.map(|n| call(n).to_string()).collect();
    Server::start(move |exchange| {
        let asked = asked(exchange);
        let is_refused = asked.iter().any(|call| unknown.binary_search(call).is_ok());
        exchange.send(match is_refused {
            true => http(400, "", r#"{"errors":["Some calls not found"]}"#),
            false => http(200, "", &listing(&asked)),
        });
        Then::KeepAlive
    })
}

#[test]
fn unknown_calls_do_not_end_a_listing_of_the_others() {
    for (unknown, most) in [(4000..4001, 66), (0..1, 66), (0..200, 480)] {
        let server = without(unknown.clone());
        let client = client(&server.url());
        let mut listings = client.list_batches((0..5000).map(call));
        let access: Result<Vec<_>, _> = listings.by_ref().collect();
        let listed: usize = access
            .unwrap()
            .iter()
            .map(|one| one.access_list().len())
            .sum();
        assert_eq!(listed, 5000 - unknown.len());
        assert_eq!(listings.remaining().count(), 0);
        assert!(
            server.requests().len() <= most,
            "{}",
            server.requests().len()
        );
        assert!(listings.refused().all(|(_, error)| error.status() == 400));
        assert!(
            listings
                .refused()
                .map(|(call, _)| call)
                .eq(unknown.map(call))
        );
    }
}

#[test]
fn a_listing_that_is_too_large_is_halved_and_refuses_no_call() {
    let server = Server::start(|exchange| {
        let asked = asked(exchange);
        exchange.send(match asked.len() {
            0..=50 => http(200, "", &listing(&asked)),
            _ => http(413, "", ""),
        });
        Then::KeepAlive
    });
    let client = client(&server.url());
    let mut listings = client.list_batches((0..200).map(call));
    assert_eq!(listings.by_ref().filter(Result::is_ok).count(), 4);
    assert_eq!(listings.refused().count(), 0);
    assert_eq!(listings.remaining().count(), 0);
    assert_eq!(server.requests().len(), 5);
}

#[test]
fn a_listing_of_nothing_but_unknown_calls_ends_after_a_few_far_from_each_other() {
    let server = without(0..5000);
    let client = client(&server.url());
    let mut listings = client.list_batches((0..5000).map(call));
    let error = listings.next().unwrap().unwrap_err();
    assert!(matches!(&error, Error::Api(error) if error.status() == 400));
    assert!(listings.next().is_none());
    let (refused, requests) = (listings.refused().count(), server.requests().len());
    assert!(refused == 10 && requests <= 30, "{requests}");
    assert_eq!(listings.remaining().count(), 4990);
}

#[test]
fn a_batch_that_is_cut_off_is_retried_like_any_other_call() {
    let server = Server::start(|exchange| {
        if exchange.nth == 1 {
            return Then::Close;
        }
        let body = listing(&asked(exchange));
        exchange.send(http(200, "", &body));
        Then::KeepAlive
    });
    let client = lists_three(&server.url());
    let listings = client.list_batches((0..6).map(call));
    let attempts: Vec<_> = listings
        .map(|listing| listing.unwrap().receipt().attempts())
        .collect();
    assert_eq!((attempts, server.requests().len()), (vec![1, 2], 3));
}

#[test]
fn one_page_of_several_is_not_a_success() {
    let records = |records| format!(r#"{{"callAccessList":[],"records":{records}}}"#);
    for (body, is_page) in [
        (records(r#"{"totalRecords":250,"cursor":"eyJ"}"#), true),
        (records(r#"{"cursor":1}"#), true),
        (records(r#"{"totalRecords":1,"cursor":""}"#), false),
        (records(r#"{"cursor":null}"#), false),
        (records("{}"), false),
        (records("null"), false),
        (records(r#"[{"cursor":"eyJ"}]"#), true),
    ] {
        let server = Server::sends(http(200, "", &body), Then::KeepAlive);
        let client = client(&server.url());
        let response = client.list([CALL.parse().unwrap()]).unwrap();
        assert_eq!(response.is_success(), !is_page, "{body}");
        if let Some(error) = response.error() {
            assert_eq!(variant(&response), "Unexpected", "{body}");
            assert!(error.to_string().contains("one page of several"), "{error}");
        }
        assert!(client.grant(&one_pair()).unwrap().is_success(), "{body}");
        assert_eq!(server.requests().len(), 2, "none is retried");
    }
}

#[test]
fn a_listing_of_a_call_that_was_not_asked_for_is_not_a_success() {
    for body in [
        listing(&["5".to_owned()]),
        listing(&[CALL.to_owned(), "5".to_owned()]),
        r#"{"callAccessList":[{"callId":"5","users":[]}]}"#.to_owned(),
    ] {
        let server = Server::sends(http(200, "", &body), Then::KeepAlive);
        let client = client(&server.url());
        let response = client.list([CALL.parse().unwrap()]).unwrap();
        assert_eq!(variant(&response), "Unexpected", "{body}");
        let reason = response.error().unwrap().to_string();
        assert!(reason.contains("a call that was not requested"), "{reason}");
        let mut listings = client.list_batches([CALL.parse().unwrap()]);
        assert!(matches!(listings.next(), Some(Err(Error::Api(error))) if error.status() == 200));
        assert_eq!(server.requests().len(), 2, "neither is retried");
    }
}

#[test]
fn what_is_in_a_listing_can_be_revoked_or_granted_as_a_difference() {
    let server = gong(usize::MAX, String::new());
    let client = lists_three(&server.url());
    let mut current = CallAccessList::new();
    for listing in client.list_batches((0..4).map(call)) {
        current.extend(listing.unwrap().access_list());
    }
    let user: UserId = USER.parse().unwrap();
    let wanted: CallAccessList = (2..6).map(|n| (call(n), user)).collect();
    let (grant, revoke) = (wanted.difference(&current), current.difference(&wanted));
    assert!(grant.calls().eq([call(4), call(5)]) && revoke.calls().eq([call(0), call(1)]));
    assert_eq!(server.requests().len(), 2);
}

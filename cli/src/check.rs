//! `check`: the command to run first, and when something is wrong.

use std::env;

use gong_call_access::{CallId, Client, Error, Response};

use crate::output::{self, Exit, with_causes};
use crate::{Result, Settings};

const SCOPE: &str = "api:call-user-access:read";

pub(crate) fn run(call: CallId, settings: &Settings) -> Result<Exit> {
    let client = settings.client()?;
    let mut lines = configuration(&client, settings);
    let (exit, found) = findings(&client.list([call]));
    lines.extend(found);
    if settings.json {
        output::print_json(lines.into_iter().collect(), exit, settings)?;
    } else {
        let lines = lines.iter();
        let text: String = lines
            .map(|(name, text)| format!("{name:12}{text}\n"))
            .collect();
        output::print(&text, settings)?;
    }
    Ok(exit)
}

type Line = (&'static str, String);

/// What a request will use, without any part of a secret.
fn configuration(client: &Client, settings: &Settings) -> Vec<Line> {
    if settings.demo {
        return vec![("host", "the stand-in inside this program".to_owned())];
    }
    let variable = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
    let host = match (&settings.base_url, variable("GONG_BASE_URL")) {
        (Some(base_url), _) => format!("{base_url} (--base-url)"),
        (None, Some(base_url)) => format!("{} (GONG_BASE_URL)", base_url.trim()),
        (None, None) => {
            "https://api.gong.io (set GONG_BASE_URL to your company's own host)".to_owned()
        }
    };
    let credentials = match variable("GONG_ACCESS_KEY") {
        Some(_) => "an access key (GONG_ACCESS_KEY and its secret)",
        None => "an OAuth token (GONG_ACCESS_TOKEN)",
    };
    vec![
        ("host", host),
        ("proxy", proxy(client).unwrap_or_else(|| "none".to_owned())),
        ("credentials", credentials.to_owned()),
    ]
}

/// The proxy that the client has chosen, and its variable, which only `Debug` shows.
fn proxy(client: &Client) -> Option<String> {
    let shown = format!("{client:?}");
    let (_, proxy) = shown.split_once("proxy: Some(\"")?;
    proxy.split_once('"').map(|(proxy, _)| proxy.to_owned())
}

/// What the answer to a listing shows.
fn findings<T>(answer: &Result<Response<T>, Error>) -> (Exit, Vec<Line>) {
    let bad = |error: &dyn std::error::Error| format!("BAD: {}", with_causes(error));
    let response = match answer {
        Ok(response) => response,
        Err(error) if error.is_tls() => return (Exit::Failure, vec![("TLS", bad(error))]),
        Err(error) => return (Exit::Failure, vec![("connection", bad(error))]),
    };
    let good = format!("good: credentials and scope {SCOPE}");
    let (exit, access) = match response.error() {
        None => (Exit::Done, good),
        // An answer without a request id is that of something in between.
        Some(error) if error.status() == 400 && error.request_id().is_some() => {
            let text = format!("{good}; Gong does not know this call");
            (Exit::Done, text)
        }
        Some(error) => (Exit::Failure, bad(error)),
    };
    let connection = "good: host name, connection and TLS".to_owned();
    let mut lines = vec![("connection", connection), ("access", access)];
    if exit == Exit::Done {
        let text = "not tested, since a test would change access";
        lines.push(("write scope", text.to_owned()));
    }
    (exit, lines)
}

//! `--demo`: a server on loopback that stands in for Gong.

use std::collections::BTreeSet;
use std::error::Error;
use std::thread;

use gong_call_access::{CallId, Client, ClientBuilder, Credentials};
use serde::Deserialize;
use serde_json::{Value, json};
use tiny_http::{Method, Request, Response, Server};

use crate::Result;
use crate::output::note;

pub(crate) const NOTICE: &str = "\
demo: a stand-in for Gong inside this program; nothing leaves this machine, and no change
demo: is kept. It does not know call 7782342274025937899 or user 234599484848499.";

const UNKNOWN_CALL: &str = "7782342274025937899";
const UNKNOWN_USER: &str = "234599484848499";
/// This user may open these calls, so that there is something to list.
const USER: &str = "234599484848423";
const CALLS: [&str; 3] = [
    "7782342274025937895",
    "7782342274025937896",
    "7782342274025937897",
];

/// Starts the stand-in, and returns a builder for it.
pub(crate) fn start() -> Result<ClientBuilder> {
    let server = Server::http("127.0.0.1:0").map_err(|error| error as Box<dyn Error>)?;
    let base_url = format!("http://{}", server.server_addr());
    thread::spawn(move || {
        for (nth, request) in server.incoming_requests().enumerate() {
            if let Err(error) = respond(request, nth) {
                note!("the stand-in could not answer: {error}");
            }
        }
    });
    let credentials = Credentials::bearer("no-token")?;
    Ok(Client::builder(credentials).base_url(base_url))
}

fn respond(mut request: Request, nth: usize) -> Result<()> {
    let mut body = String::new();
    request.as_reader().read_to_string(&mut body)?;
    let (status, mut json) = answer(request.method(), &body)?;
    if let Some(fields) = json.as_object_mut() {
        fields.insert("requestId".to_owned(), format!("demo{nth:014}").into());
    }
    let response = Response::from_string(json.to_string()).with_status_code(status);
    Ok(request.respond(response)?)
}

/// Answers as Gong's OpenAPI description says, and refuses the two ids that it does not know.
fn answer(method: &Method, body: &str) -> Result<(u16, Value)> {
    for (id, what) in [(UNKNOWN_CALL, "calls"), (UNKNOWN_USER, "users")] {
        if body.contains(&format!("\"{id}\"")) {
            return Ok((400, json!({"errors": [format!("Some {what} not found")]})));
        }
    }
    if *method != Method::Post {
        return Ok((200, json!({})));
    }
    let body: Value = serde_json::from_str(body)?;
    let calls = body.pointer("/filter/callIds").unwrap_or(&Value::Null);
    let calls = BTreeSet::<CallId>::deserialize(calls)?;
    let entries: Vec<_> = calls.into_iter().map(entry).collect();
    Ok((200, json!({"callAccessList": entries})))
}

fn entry(call: CallId) -> Value {
    let users: Vec<_> = match CALLS.contains(&call.as_str()) {
        true => vec![json!({"userId": USER})],
        false => vec![],
    };
    json!({"callId": call, "users": users})
}

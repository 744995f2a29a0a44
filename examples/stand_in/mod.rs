//! A server on loopback that stands in for Gong, so that the examples run without an account.

#![allow(dead_code, reason = "each example uses a part")]

use std::collections::BTreeSet;
use std::error::Error;
use std::io::Write;
use std::thread;

use gong_call_access::{CallAccessList, CallId, Client, ClientBuilder, Credentials};
use serde::Deserialize;
use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

/// The variables that hold credentials. If any of them is set, the examples use the real Gong.
const CREDENTIALS: [&str; 4] = [
    "GONG_ACCESS_KEY",
    "GONG_ACCESS_KEY_SECRET",
    "GONG_ACCESS_SECRET",
    "GONG_ACCESS_TOKEN",
];

/// Whether the environment holds any credential, or part of one.
pub(crate) fn has_credentials() -> bool {
    CREDENTIALS
        .iter()
        .filter_map(std::env::var_os)
        .any(|value| !value.to_string_lossy().trim().is_empty())
}

/// The pair in the example of Gong's documentation.
pub(crate) fn example() -> Result<CallAccessList, gong_call_access::InvalidId> {
    let pair = ("7782342274025937895".parse()?, "234599484848423".parse()?);
    Ok([pair].into_iter().collect())
}

/// Returns a builder for the real Gong if there are credentials. Otherwise returns one for a
/// stand-in in which `access` is already granted, and says so on `out`.
pub(crate) fn gong_or_stand_in(
    access: CallAccessList,
    mut out: impl Write,
) -> Result<ClientBuilder, Box<dyn Error>> {
    if has_credentials() {
        return Ok(ClientBuilder::from_env()?);
    }
    writeln!(
        out,
        "No credentials in the environment: using a stand-in for Gong; nothing leaves this\n\
         machine. To use the real Gong, set GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET,\n\
         and GONG_BASE_URL to your company's own host.\n"
    )?;
    start(access)
}

/// Starts a stand-in in which `access` is granted already, and returns a builder for it.
pub(crate) fn start(access: CallAccessList) -> Result<ClientBuilder, Box<dyn Error>> {
    let server = Server::http("127.0.0.1:0").map_err(|error| error as Box<dyn Error>)?;
    let base_url = format!("http://{}", server.server_addr());
    thread::spawn(move || {
        let mut state = access;
        for (nth, request) in server.incoming_requests().enumerate() {
            if let Err(error) = respond(request, nth, &mut state) {
                eprintln!("the stand-in could not answer: {error}");
            }
        }
    });
    let credentials = Credentials::access_key("stand-in", "stand-in-secret")?;
    Ok(Client::builder(credentials).base_url(base_url))
}

fn respond(
    mut request: Request,
    nth: usize,
    state: &mut CallAccessList,
) -> Result<(), Box<dyn Error>> {
    let mut body = String::new();
    request.as_reader().read_to_string(&mut body)?;
    let (status, mut json) = if request.url() == "/v2/calls/users-access" {
        answer(request.method(), &body, state)
    } else {
        (404, json!({"errors": ["No such resource"]}))
    };
    let request_id = format!("standin{nth:011}");
    if let Some(fields) = json.as_object_mut() {
        fields.insert("requestId".to_owned(), request_id.clone().into());
    }
    let mut response = Response::from_string(json.to_string()).with_status_code(status);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-traceid", &request_id),
    ] {
        response.add_header(Header::from_bytes(name, value).map_err(|()| "a bad header")?);
    }
    Ok(request.respond(response)?)
}

/// Answers as Gong's OpenAPI description says. It knows every id.
fn answer(method: &Method, body: &str, state: &mut CallAccessList) -> (u16, Value) {
    let parse_error = "Json parse error, verify Json format matches the API description.";
    let malformed = (400, json!({"errors": [parse_error]}));
    let access = serde_json::from_str::<CallAccessList>(body);
    let question = serde_json::from_str::<Question>(body);
    match (method, access, question) {
        (Method::Put, Ok(access), _) => state.extend(access),
        (Method::Delete, Ok(access), _) => *state = state.difference(&access),
        (Method::Post, _, Ok(question)) => {
            let calls = question.filter.call_ids;
            return (
                200,
                json!({"callAccessList": calls.iter().map(|call| entry(*call, state)).collect::<Vec<_>>()}),
            );
        }
        (Method::Put | Method::Delete | Method::Post, ..) => return malformed,
        _ => return (405, json!({"errors": ["Method not allowed"]})),
    }
    (200, json!({}))
}

fn entry(call: CallId, state: &CallAccessList) -> Value {
    let users = state.users(call).map(|user| json!({"userId": user}));
    let users: Vec<_> = users.collect();
    json!({"callId": call, "users": users})
}

#[derive(Deserialize)]
struct Question {
    filter: Filter,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    call_ids: BTreeSet<CallId>,
}

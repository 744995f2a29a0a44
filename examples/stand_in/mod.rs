//! A stand-in for Gong on loopback, so that the examples run without an account.

#![allow(dead_code, reason = "each example uses a part")]

use std::error::Error;
use std::thread;

use gong_call_access::{CallAccessList, Client, ClientBuilder, Credentials};
use tiny_http::{Header, Method, Request, Response, Server};

/// The variables of which one is set when a person means the real Gong.
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
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Starts the stand-in, and returns a builder of clients for it.
pub(crate) fn start() -> Result<ClientBuilder, Box<dyn Error>> {
    let server = Server::http("127.0.0.1:0").map_err(|error| error as Box<dyn Error>)?;
    let base_url = format!("http://{}", server.server_addr());
    thread::spawn(move || {
        for (nth, request) in server.incoming_requests().enumerate() {
            if let Err(error) = answer(request, nth) {
                eprintln!("the stand-in could not answer: {error}");
            }
        }
    });
    let credentials = Credentials::access_key("stand-in", "stand-in-secret")?;
    Ok(Client::builder(credentials).base_url(base_url))
}

/// The client that a person means: of the real Gong if there are credentials, else of the stand-in, which is said.
pub(crate) fn gong_or_stand_in() -> Result<ClientBuilder, Box<dyn Error>> {
    if has_credentials() {
        return Ok(ClientBuilder::from_env()?);
    }
    println!(
        "No credentials in the environment, so this is a stand-in for Gong: nothing leaves this"
    );
    println!("machine. For the real Gong, set GONG_ACCESS_KEY and GONG_ACCESS_KEY_SECRET");
    println!("(and GONG_BASE_URL for your company's own host).\n");
    start()
}

fn answer(mut request: Request, nth: usize) -> Result<(), Box<dyn Error>> {
    let mut body = String::new();
    request.as_reader().read_to_string(&mut body)?;
    let request_id = format!("standin{nth:011}");
    let (status, errors) = if request.url() != "/v2/calls/users-access" {
        (404, r#","errors":["No such resource"]"#)
    } else if *request.method() != Method::Put {
        (405, r#","errors":["Method not allowed"]"#)
    } else if serde_json::from_str::<CallAccessList>(&body).is_err() {
        let message =
            r#","errors":["Json parse error, verify Json format matches the API description."]"#;
        (400, message)
    } else {
        (200, "")
    };
    let json = format!(r#"{{"requestId":"{request_id}"{errors}}}"#);
    let mut response = Response::from_string(json).with_status_code(status);
    for (name, value) in [
        ("content-type", "application/json"),
        ("x-traceid", &request_id),
    ] {
        let header = Header::from_bytes(name, value).map_err(|()| "a bad header")?;
        response.add_header(header);
    }
    Ok(request.respond(response)?)
}

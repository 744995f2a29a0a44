//! A Gong that keeps state, and the program with an environment of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use gong_call_access::{CallAccessList, CallId, UserId};
use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

pub(crate) const TOKEN: &str = "TOKEN-91d3b6f8";

pub(crate) const REFUSED_HEADER: &str =
    "call_id,user_id,change,unknown_id,status,request_id,reason\n";

/// A status and a message in place of the usual answer.
type Answer = Option<(u16, &'static str)>;

pub(crate) struct Gong {
    pub(crate) url: String,
    state: Arc<Mutex<CallAccessList>>,
    methods: Arc<Mutex<Vec<String>>>,
    /// Hears of each request before it is answered.
    pub(crate) heard: Receiver<()>,
}

impl Gong {
    /// Starts with this access, and refuses the ids that begin with 99.
    pub(crate) fn new(access: CallAccessList) -> Self {
        Self::answering(access, |_, body| {
            let is_refused = body.contains("\"99");
            is_refused.then_some((400, "Some calls not found"))
        })
    }

    /// Starts with this access, and answers what `answer` returns for the number and the body of a
    /// request.
    pub(crate) fn answering(
        access: CallAccessList,
        answer: impl Fn(usize, &str) -> Answer + Send + 'static,
    ) -> Self {
        let server = Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.server_addr());
        let (state, methods) = (Arc::new(Mutex::new(access)), Arc::default());
        let (sender, heard) = mpsc::channel();
        let gong = Self {
            url,
            state: Arc::clone(&state),
            methods: Arc::clone(&methods),
            heard,
        };
        thread::spawn(move || {
            for (nth, mut request) in server.incoming_requests().enumerate() {
                let mut body = String::new();
                let is_read = request.as_reader().read_to_string(&mut body).is_ok();
                // A program that was killed sends half a request.
                if !is_read || serde_json::from_str::<Value>(&body).is_err() {
                    continue;
                }
                methods.lock().unwrap().push(request.method().to_string());
                // Most tests do not listen.
                let _ = sender.send(());
                let (status, json) = match answer(nth, &body) {
                    Some((status, message)) => (status, json!({"errors": [message]})),
                    None => (200, change(&request, &body, &mut state.lock().unwrap())),
                };
                respond(request, nth, status, json);
            }
        });
        gong
    }

    pub(crate) fn access(&self) -> CallAccessList {
        self.state.lock().unwrap().clone()
    }

    pub(crate) fn methods(&self) -> Vec<String> {
        self.methods.lock().unwrap().clone()
    }

    /// The program on this Gong, without a rate limit that matters.
    pub(crate) fn tool<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut tool = tool(arguments);
        tool.env("GONG_ACCESS_TOKEN", TOKEN);
        tool.env("GONG_BASE_URL", &self.url);
        tool.args(["--requests-per-second", "1000"]);
        tool
    }
}

fn change(request: &Request, body: &str, state: &mut CallAccessList) -> Value {
    match request.method() {
        Method::Put => state.extend(serde_json::from_str::<CallAccessList>(body).unwrap()),
        Method::Delete => *state = state.difference(&serde_json::from_str(body).unwrap()),
        _ => {
            let question: Value = serde_json::from_str(body).unwrap();
            let calls: BTreeSet<CallId> =
                serde_json::from_value(question["filter"]["callIds"].clone()).unwrap();
            let entries = calls.iter().map(|call| {
                let users = state.users(*call).map(|user| json!({"userId": user}));
                json!({"callId": call, "users": users.collect::<Vec<_>>()})
            });
            return json!({"callAccessList": entries.collect::<Vec<_>>()});
        }
    }
    json!({})
}

fn respond(request: Request, nth: usize, status: u16, mut json: Value) {
    json["requestId"] = format!("=request{nth}").into();
    let mut response = Response::from_string(json.to_string()).with_status_code(status);
    if status == 429 {
        response.add_header("retry-after: 86400".parse::<Header>().unwrap());
    }
    // The program may have been killed.
    let _ = request.respond(response);
}

/// The program, without a proxy or a credential of the environment.
pub(crate) fn tool<const N: usize>(arguments: [&str; N]) -> Command {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_gong-call-access"));
    for name in ["HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        tool.env_remove(name).env_remove(name.to_lowercase());
    }
    for name in ["KEY", "KEY_SECRET", "SECRET", "TOKEN"] {
        tool.env_remove(format!("GONG_ACCESS_{name}"));
    }
    tool.env_remove("GONG_BASE_URL").args(arguments);
    tool
}

/// What the program said.
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program, and asserts its exit code and that it shows no secret.
#[track_caller]
pub(crate) fn run(tool: &mut Command, code: i32) -> Said {
    said(tool.output().unwrap(), code)
}

#[track_caller]
pub(crate) fn said(output: Output, code: i32) -> Said {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    let shown = format!("{}\n{out}\n{err}", output.status);
    assert_eq!(output.status.code(), Some(code), "{shown}");
    assert!(
        !shown.contains(TOKEN) && !shown.contains("panicked"),
        "{shown}"
    );
    Said { out, err }
}

impl Said {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// Asserts that each of these parts is in a text.
#[track_caller]
pub(crate) fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

pub(crate) fn pairs(ids: impl IntoIterator<Item = (u64, u64)>) -> CallAccessList {
    let pair = |(call, user)| (CallId::from(call), UserId::from(user));
    ids.into_iter().map(pair).collect()
}

/// A folder that is removed on drop.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub(crate) fn table(&self, name: &str, access: &CallAccessList) -> String {
        let rows = access
            .pairs()
            .map(|(call, user)| format!("{call},{user}\n"));
        self.write(
            name,
            format!("call_id,user_id\n{}", rows.collect::<String>()),
        )
    }
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

pub(crate) fn read_list(path: impl AsRef<Path>) -> CallAccessList {
    serde_json::from_str(&read(path)).unwrap()
}

/// Compares a text with a file that a reviewer sees; `UPDATE_SNAPSHOTS=1` writes it.
#[track_caller]
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "snapshots"]
        .iter()
        .collect();
    let (path, text) = (folder.join(name), text.replace(".exe", ""));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, read(path).replace("\r\n", "\n"), "{name}");
}

//! The example `reconcile`, driven as a person would: what it shows, what it changes, and kills.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};

use crate::common::{
    self, Exchange, Folder, KEY, SECRET, Server, Then, assert_exit, command, http, ok,
};
use gong_call_access::{CallAccessList, CallId, UserId};
use serde_json::json;

type State = Arc<Mutex<CallAccessList>>;

/// A Gong that starts with this access, answers what `refuses` returns for a request, and reports
/// every request.
fn gong(
    access: CallAccessList,
    refuses: impl Fn(&Exchange<'_>) -> Option<String> + Send + Sync + 'static,
) -> (Server, State, mpsc::Receiver<()>) {
    let state = Arc::new(Mutex::new(access));
    let for_server = Arc::clone(&state);
    let (sender, receiver) = mpsc::channel();
    let server = Server::start(move |exchange| {
        let response = refuses(exchange).unwrap_or_else(|| answer(exchange, &for_server));
        // Most tests do not listen.
        let _ = sender.send(());
        exchange.send(response);
        Then::KeepAlive
    });
    (server, state, receiver)
}

fn answer(exchange: &Exchange<'_>, state: &State) -> String {
    let (body, mut state) = (&exchange.request.body, state.lock().unwrap());
    if exchange.request.head.starts_with("POST") {
        let question: serde_json::Value = serde_json::from_str(body).unwrap();
        let calls = question["filter"]["callIds"].as_array().unwrap().iter();
        let entries = calls.map(|call| {
            let users = state.users(call.as_str().unwrap().parse().unwrap());
            let users: Vec<_> = users.map(|user| json!({"userId": user})).collect();
            json!({"callId": call, "users": users})
        });
        let entries: Vec<_> = entries.collect();
        return http(200, "", &json!({"callAccessList": entries}).to_string());
    }
    let list: CallAccessList = serde_json::from_str(body).unwrap();
    *state = if exchange.request.head.starts_with("PUT") {
        state.pairs().chain(&list).collect()
    } else {
        state.difference(&list)
    };
    ok()
}

fn pair(call: usize, user: usize) -> (CallId, UserId) {
    let id = |n: usize| (10_000_000 + n).to_string();
    (id(call).parse().unwrap(), id(user).parse().unwrap())
}

fn pairs(pairs: impl IntoIterator<Item = (usize, usize)>) -> CallAccessList {
    let pairs = pairs.into_iter();
    pairs.map(|(call, user)| pair(call, user)).collect()
}

fn csv(folder: &Folder, access: &CallAccessList) -> PathBuf {
    let rows = access
        .pairs()
        .map(|(call, user)| format!("{call},{user}\n"));
    let rows: String = rows.collect();
    folder.write("wanted.csv", &format!("call_id,user_id\n{rows}"))
}

fn reconcile(server: &Server, file: &Path) -> Command {
    let mut command = command(common::example("reconcile"));
    command
        .env("GONG_ACCESS_KEY", KEY)
        .env("GONG_ACCESS_KEY_SECRET", SECRET)
        .env("GONG_BASE_URL", server.url())
        .args(["--requests-per-second", "1000"])
        .arg(file);
    command
}

#[test]
fn it_shows_what_would_change_and_changes_nothing() {
    let current = pairs([(1, 1), (1, 2), (2, 1), (9, 9)]);
    let (server, state, _) = gong(current.clone(), |_| None);
    let folder = Folder::new();
    let file = csv(&folder, &pairs([(1, 2), (1, 3), (2, 1)]));
    let output = reconcile(&server, &file).output().unwrap();
    let shown = [
        "revoke  10000001              10000001\n",
        "grant   10000001              10000003\n",
        "2 kept, 1 to revoke, 1 to grant",
        "access that users have for other reasons is not listed",
    ];
    assert_exit(&output, 0, &shown, &[]);
    assert_eq!(*state.lock().unwrap(), current);
    assert_eq!(server.requests().len(), 1);

    let json = reconcile(&server, &file).arg("--json").output().unwrap();
    assert_exit(&json, 0, &[], &[]);
    let changes: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let list = |name| serde_json::from_value::<CallAccessList>(changes[name].clone()).unwrap();
    assert_eq!(list("grant"), pairs([(1, 3)]));
    assert_eq!(list("revoke"), pairs([(1, 1)]));
}

#[test]
fn it_makes_access_what_the_file_says_for_its_calls_and_no_others() {
    let (server, state, _) = gong(pairs([(1, 1), (1, 2), (2, 1), (9, 9)]), |_| None);
    let folder = Folder::new();
    let file = csv(&folder, &pairs([(1, 2), (1, 3), (2, 1)]));
    let output = reconcile(&server, &file).arg("--apply").output().unwrap();
    assert_exit(
        &output,
        0,
        &[],
        &["revoke:\ndone: 1 pair", "grant:\ndone: 1 pair"],
    );
    assert_eq!(
        *state.lock().unwrap(),
        pairs([(1, 2), (1, 3), (2, 1), (9, 9)])
    );
    let methods = server.requests();
    let methods: Vec<_> = methods
        .iter()
        .map(|request| request.head.split(' ').next().unwrap())
        .collect();
    assert_eq!(methods, ["POST", "DELETE", "PUT"], "revoked first");

    let again = reconcile(&server, &file).arg("--apply").output().unwrap();
    assert_exit(
        &again,
        0,
        &["nothing to change: 3 pairs already match the file"],
        &[],
    );
    assert_eq!(server.requests().len(), 4, "only the listing");
}

#[test]
fn a_file_of_calls_takes_all_users_from_a_call_without_wanted_ones() {
    let (server, state, _) = gong(pairs([(1, 1), (2, 1), (3, 1)]), |_| None);
    let folder = Folder::new();
    let file = csv(&folder, &pairs([(1, 1)]));
    let calls = folder.write(
        "calls",
        &format!("call_id\n{}\n\n {} \n", pair(1, 0).0, pair(2, 0).0),
    );
    let output = reconcile(&server, &file)
        .arg("--calls")
        .arg(&calls)
        .arg("--apply")
        .output();
    assert_exit(
        &output.unwrap(),
        0,
        &["1 kept, 1 to revoke, 0 to grant"],
        &[],
    );
    assert_eq!(*state.lock().unwrap(), pairs([(1, 1), (3, 1)]));

    // A wanted call that is not among them is a mistake in one of the files.
    let other = csv(&folder, &pairs([(5, 1)]));
    let output = reconcile(&server, &other)
        .arg("--calls")
        .arg(&calls)
        .output();
    assert_exit(
        &output.unwrap(),
        2,
        &[],
        &["call 10000005 is in", "nothing was sent"],
    );
    let broken = folder.write("broken", "10\n_11\n7.7E+18\n");
    let output = reconcile(&server, &file)
        .arg("--calls")
        .arg(&broken)
        .output();
    assert_exit(
        &output.unwrap(),
        2,
        &[],
        &["line 2: invalid call id", "line 3: invalid"],
    );
    assert_eq!(server.requests().len(), 2, "nothing was sent for either");
}

#[test]
fn a_listing_that_fails_half_way_revokes_nothing() {
    for (status, body) in [
        (400, "{}"),
        (404, ""),
        (401, ""),
        (200, "<html>"),
        // It lists a call that was not requested.
        (
            200,
            r#"{"callAccessList":[{"callId":"9","users":[{"userId":"9"}]}]}"#,
        ),
    ] {
        let current = pairs((0..250).map(|call| (call, 1)));
        let (server, state, _) = gong(current.clone(), move |exchange| {
            (exchange.nth == 2).then(|| http(status, "", body))
        });
        let folder = Folder::new();
        let file = csv(&folder, &pairs((0..250).map(|call| (call, 2))));
        let output = reconcile(&server, &file).arg("--apply").output().unwrap();
        assert_exit(&output, 1, &[], &[&format!("status {status}")]);
        assert_eq!(*state.lock().unwrap(), current);
        assert_eq!(server.requests().len(), 3);
    }
}

#[test]
fn a_refused_user_is_named_and_what_stops_the_revocations_keeps_the_grants_back() {
    let (server, state, _) = gong(pairs([(1, 1)]), |exchange| {
        let is_refused = exchange.request.body.contains("\"10000007\"");
        is_refused.then(|| http(400, "", "{}"))
    });
    let folder = Folder::new();
    let file = csv(&folder, &pairs([(1, 1), (1, 7), (2, 2), (2, 7)]));
    let refused = folder.path("refused.csv");
    let output = reconcile(&server, &file)
        .arg("--apply")
        .arg("--refused-grants")
        .arg(&refused)
        .output();
    assert_exit(
        &output.unwrap(),
        3,
        &[],
        &["user 10000007: refused with 2 calls, acknowledged with none"],
    );
    assert_eq!(*state.lock().unwrap(), pairs([(1, 1), (2, 2)]));
    let table = std::fs::read_to_string(&refused).unwrap();
    assert!(
        table.contains("10000001,10000007,user 10000007,"),
        "{table}"
    );

    let (server, state, _) = gong(pairs([(1, 1)]), |exchange| {
        let is_revocation = exchange.request.head.starts_with("DELETE");
        is_revocation.then(|| http(401, "", ""))
    });
    let file = csv(&folder, &pairs([(1, 2)]));
    let (grants, revocations) = (folder.path("grants.json"), folder.path("revocations.json"));
    let mut command = reconcile(&server, &file);
    command
        .arg("--apply")
        .arg("--remaining-grants")
        .arg(&grants);
    let output = command
        .arg("--remaining-revocations")
        .arg(&revocations)
        .output()
        .unwrap();
    assert_exit(&output, 4, &[], &["status 401", "2 pairs left"]);
    let read =
        |path| serde_json::from_str::<CallAccessList>(&std::fs::read_to_string(path).unwrap());
    assert_eq!(read(grants).unwrap(), pairs([(1, 2)]));
    assert_eq!(read(revocations).unwrap(), pairs([(1, 1)]));
    assert_eq!(*state.lock().unwrap(), pairs([(1, 1)]));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn killed_at_20_moments_it_ends_with_exactly_what_the_file_says() {
    let square = |calls: std::ops::Range<usize>, step: usize| {
        pairs(calls.flat_map(move |call| {
            (0..10)
                .filter(move |user| (call + user) % step == 0)
                .map(move |user| (call, user))
        }))
    };
    let wanted = pairs((0..5000).flat_map(|call| (0..10).map(move |user| (call, user))));
    let unrelated = square(6000..6100, 1);
    let before: CallAccessList = square(0..5000, 2)
        .into_iter()
        .chain(pairs((0..5000).map(|call| (call, 77))))
        .chain(&unrelated)
        .collect();
    let (server, state, heard) = gong(before, |_| None);
    let folder = Folder::new();
    let file = csv(&folder, &wanted);
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..20 {
        let mut child = reconcile(&server, &file)
            .arg("--apply")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A run is 50 listings, up to 50 revocations and up to 50 grants.
        let requests = rng.usize(1..80);
        for _ in 0..requests {
            if child.try_wait().unwrap().is_some() || heard.recv_timeout(common::LONG).is_err() {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let output = reconcile(&server, &file).arg("--apply").output().unwrap();
    assert_exit(&output, 0, &[], &[]);
    let expected: CallAccessList = wanted.pairs().chain(&unrelated).collect();
    assert!(*state.lock().unwrap() == expected, "not what the file says");
}

#[test]
fn without_credentials_it_runs_on_the_stand_in_and_says_so() {
    let folder = Folder::new();
    let file = csv(&folder, &pairs([(1, 1)]));
    let run = |arguments: &[&str]| {
        let mut command = command(common::example("reconcile"));
        command.arg(&file).args(arguments).output().unwrap()
    };
    assert_exit(&run(&[]), 0, &["stand-in", "1 to grant"], &[]);
    assert_exit(
        &run(&["--apply"]),
        0,
        &["stand-in"],
        &["nothing was sent to Gong"],
    );
    let applied = run(&["--apply", "--json"]);
    assert_exit(&applied, 0, &[], &["1 of 1 pairs"]);
    assert!(serde_json::from_slice::<serde_json::Value>(&applied.stdout).is_ok());
    let json = run(&["--json"]);
    assert_exit(&json, 0, &[r#"{"grant":{"#], &["stand-in"]);
    let refused = folder.path("refused.csv");
    let with_file = run(&["--apply", "--refused-grants", refused.to_str().unwrap()]);
    assert_exit(&with_file, 2, &[], &["need credentials"]);
    let same = run(&["--apply", "--refused-grants", file.to_str().unwrap()]);
    assert_exit(&same, 2, &[], &["must be different files"]);
}

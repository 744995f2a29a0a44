//! What jobs and listings cost when Gong refuses some of their ids: the requests that arrive at a
//! server on loopback, and the good pairs that are lost.

#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use fastrand::Rng;
use gong_call_access::{CallAccessList, CallId, Client, Credentials, Report, RetryPolicy, UserId};

/// How many random placements of the unknown ids each row is averaged over.
const PLACEMENTS: usize = 20;

fn call(n: usize) -> CallId {
    (10_000_000 + n).to_string().parse().unwrap()
}

fn user(n: usize) -> UserId {
    (10_000_000 + n).to_string().parse().unwrap()
}

fn list(calls: usize, users: usize) -> CallAccessList {
    let pairs = (0..calls).flat_map(|n| (0..users).map(move |m| (call(n), user(m))));
    pairs.collect()
}

/// How Gong answers: which pairs it refuses, and what else it does.
#[derive(Default)]
struct Gong {
    calls: BTreeSet<CallId>,
    users: BTreeSet<UserId>,
    pairs: BTreeSet<(CallId, UserId)>,
    /// How many pairs a request may have; 0 for any number.
    most: usize,
    /// In how many requests one is refused by chance; 0 for none.
    one_in: usize,
}

impl Gong {
    /// A company that does not know so many calls and users, and refuses so many single pairs.
    fn without([calls, users, pairs]: [usize; 3], of: (usize, usize), rng: &mut Rng) -> Self {
        let mut choose = |count, of| rng.choose_multiple(0..of, count).into_iter();
        let pair = |n| (call(n / of.1), user(n % of.1));
        Self {
            calls: choose(calls, of.0).map(call).collect(),
            users: choose(users, of.1).map(user).collect(),
            pairs: choose(pairs, of.0 * of.1).map(pair).collect(),
            ..Self::default()
        }
    }

    fn is_bad(&self, (call, user): (CallId, UserId)) -> bool {
        self.calls.contains(&call)
            || self.users.contains(&user)
            || self.pairs.contains(&(call, user))
    }

    fn status(&self, method: &str, body: &[u8], rng: &mut Rng) -> u16 {
        if method == "POST" {
            let mut body: serde_json::Value = serde_json::from_slice(body).unwrap();
            let calls = body.pointer_mut("/filter/callIds").unwrap().take();
            let calls: Vec<CallId> = serde_json::from_value(calls).unwrap();
            let is_bad = calls.iter().any(|call| self.calls.contains(call));
            return if is_bad { 400 } else { 200 };
        }
        let request: CallAccessList = serde_json::from_slice(body).unwrap();
        if self.most > 0 && request.len() > self.most {
            413
        } else if request.pairs().any(|pair| self.is_bad(pair))
            || self.one_in > 0 && rng.usize(..self.one_in) == 0
        {
            400
        } else {
            200
        }
    }
}

/// A server on loopback that answers as its `Gong` does.
#[derive(Clone, Default)]
struct Server {
    gong: Arc<Mutex<Gong>>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    fn start(&self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = server.clone();
                thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        let builder = Client::builder(Credentials::bearer("a-token").unwrap()).base_url(url);
        let builder = builder.requests_per_second(None).retry(RetryPolicy::none());
        builder.build().unwrap()
    }

    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let mut rng = Rng::with_seed(1);
        let mut stream = BufReader::new(stream);
        loop {
            let (mut method, mut length) = (String::new(), 0);
            if stream.read_line(&mut method).unwrap() == 0 {
                return;
            }
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                match line.trim_end().split_once(": ") {
                    Some(("content-length", value)) => length = value.parse().unwrap(),
                    Some(_) => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            self.requests.fetch_add(1, Ordering::SeqCst);
            let method = method.split(' ').next().unwrap();
            let status = self.gong.lock().unwrap().status(method, &body, &mut rng);
            let response = format!("HTTP/1.1 {status} Status\r\ncontent-length: 2\r\n\r\n{{}}");
            stream.get_mut().write_all(response.as_bytes()).unwrap();
        }
    }
}

/// What a job did.
struct Job {
    requests: usize,
    /// The good pairs that were refused, and those that were given up.
    refused: usize,
    undecided: usize,
}

fn grant(server: &Server, client: &Client, list: &CallAccessList, gong: Gong) -> Job {
    *server.gong.lock().unwrap() = gong;
    let before = server.requests.load(Ordering::SeqCst);
    let report: Report = client.grant_batches(list).collect();
    let requests = server.requests.load(Ordering::SeqCst) - before;
    let gong = server.gong.lock().unwrap();
    assert_eq!(report.requests(), requests as u64);
    assert!(
        report.done().pairs().all(|pair| !gong.is_bad(pair)),
        "a bad pair is done"
    );
    let all = report.done().len() + report.refused().len() + report.remaining().len();
    assert_eq!(all, list.len());
    let good = |list: &CallAccessList| list.pairs().filter(|pair| !gong.is_bad(*pair)).count();
    Job {
        requests,
        refused: good(report.refused()),
        undecided: good(report.remaining()),
    }
}

/// Lists calls of which some are unknown, and returns the number of requests.
fn list_calls(server: &Server, client: &Client, calls: usize, unknown: BTreeSet<CallId>) -> usize {
    server.gong.lock().unwrap().calls = unknown.clone();
    let before = server.requests.load(Ordering::SeqCst);
    let mut listings = client.list_batches((0..calls).map(call));
    let errors = listings.by_ref().filter(Result::is_err).count();
    let requests = server.requests.load(Ordering::SeqCst) - before;
    if unknown.len() < calls {
        assert_eq!((errors, listings.remaining().count()), (0, 0));
        assert!(listings.refused().map(|(call, _)| call).eq(unknown));
    } else {
        assert_eq!(errors, 1);
    }
    requests
}

/// About the fewest requests that any method needs: each response is one bit, so telling the possible
/// sets of refused ids apart takes the logarithm of their number, and the pairs take full requests.
fn least((calls, users): (usize, usize), bad: [usize; 3]) -> f64 {
    let choices = |of: usize, count: usize| -> f64 {
        let steps = (0..count).map(|n| (((of - n) as f64) / ((n + 1) as f64)).log2());
        steps.sum()
    };
    let answers: f64 = [calls, users, calls * users]
        .into_iter()
        .zip(bad)
        .map(|(of, count)| choices(of, count))
        .sum();
    answers + calls.div_ceil(100).max((calls * users).div_ceil(1000)) as f64
}

fn main() {
    let server = Server::default();
    let client = server.start();
    let mut rng = Rng::with_seed(0);

    println!("| list | unknown | requests | fewest | most | least that any method needs |");
    println!("|---|---|---|---|---|---|");
    #[rustfmt::skip]
    let rows = [
        ((100, 1), "1 call", [1, 0, 0]),
        ((1000, 1), "3 calls", [3, 0, 0]),
        ((10_000, 1), "100 calls", [100, 0, 0]),
        ((1000, 10), "5 calls", [5, 0, 0]),
        ((100, 200), "1 call", [1, 0, 0]),
        ((5000, 10), "50 calls", [50, 0, 0]),
        ((5000, 10), "1 user", [0, 1, 0]),
        ((500, 50), "1 user", [0, 1, 0]),
        ((5000, 10), "2 users, 20 calls", [20, 2, 0]),
        ((5000, 10), "100 single pairs", [0, 0, 100]),
        ((1000, 10), "1 call", [1, 0, 0]),
        ((100, 10), "1 user", [0, 1, 0]),
        ((500, 50), "5 users, 5 calls", [5, 5, 0]),
        ((1, 50), "the call", [1, 0, 0]),
        ((1, 120), "the call", [1, 0, 0]),
        ((1, 1000), "the call", [1, 0, 0]),
        ((3, 50), "1 call", [1, 0, 0]),
        ((1000, 4), "3 users", [0, 3, 0]),
        ((1, 50), "2 users", [0, 2, 0]),
        ((1000, 1), "every call", [1000, 0, 0]),
        ((5000, 10), "every call", [5000, 0, 0]),
    ];
    for (of, unknown, bad) in rows {
        let list = list(of.0, of.1);
        let mut lost = 0;
        let requests: Vec<_> = (0..PLACEMENTS)
            .map(|_| {
                let job = grant(&server, &client, &list, Gong::without(bad, of, &mut rng));
                lost += job.refused + job.undecided;
                job.requests
            })
            .collect();
        let name = format!("{} x {} | {unknown}", of.0, of.1);
        let least = format!("{:.0}", least(of, bad));
        row(&name, &requests, &least);
        assert_eq!(lost, 0, "good pairs that are not done");
    }
    *server.gong.lock().unwrap() = Gong::default();
    for (unknown, count) in [("1 call", 1), ("50 calls", 50), ("every call", 5000)] {
        let requests: Vec<_> = (0..PLACEMENTS)
            .map(|_| {
                let unknown = rng.choose_multiple(0..5000, count).into_iter().map(call);
                list_calls(&server, &client, 5000, unknown.collect())
            })
            .collect();
        row(&format!("5000 calls listed | {unknown}"), &requests, "");
    }
    let oldest = list_calls(&server, &client, 5000, (0..200).map(call).collect());
    row("5000 calls listed | the oldest 200", &[oldest], "");
    models(&server, &client, &mut rng);
}

fn row(name: &str, requests: &[usize], least: &str) {
    let mean = requests.iter().sum::<usize>() as f64 / requests.len() as f64;
    let (fewest, most) = (
        requests.iter().min().unwrap(),
        requests.iter().max().unwrap(),
    );
    println!("| {name} | {mean:.0} | {fewest} | {most} | {least} |");
}

/// Good pairs that are lost where a server does not simply refuse some ids.
fn models(server: &Server, client: &Client, rng: &mut Rng) {
    println!("\n| Gong refuses | list | requests | good pairs refused | good pairs undecided |");
    println!("|---|---|---|---|---|");
    let user_with = |of: (usize, usize), is_refused: &mut dyn FnMut(usize) -> bool| {
        let calls = (0..of.0).filter(|n| is_refused(*n));
        let pairs = calls.map(|n| (call(n), user(0))).collect();
        Gong {
            pairs,
            ..Gong::default()
        }
    };
    type Model<'a> = Box<dyn FnMut((usize, usize), &mut Rng) -> Gong + 'a>;
    let models: Vec<(&str, (usize, usize), Model<'_>)> = vec![
        (
            "40 of 50 users",
            (1, 50),
            Box::new(|of, rng| Gong::without([0, 40, 0], of, rng)),
        ),
        (
            "95 of 100 calls",
            (100, 1),
            Box::new(|of, rng| Gong::without([95, 0, 0], of, rng)),
        ),
        (
            "750 of 1,000 calls",
            (1000, 1),
            Box::new(|of, rng| Gong::without([750, 0, 0], of, rng)),
        ),
        (
            "half of the calls and of the users",
            (200, 10),
            Box::new(|of, rng| Gong::without([100, 5, 0], of, rng)),
        ),
        (
            "0.2 % of the pairs",
            (500, 10),
            Box::new(|of, rng| Gong::without([0, 0, 10], of, rng)),
        ),
        (
            "5 % of the pairs",
            (500, 10),
            Box::new(|of, rng| Gong::without([0, 0, 250], of, rng)),
        ),
        (
            "80 % of the pairs",
            (500, 10),
            Box::new(|of, rng| Gong::without([0, 0, 4000], of, rng)),
        ),
        (
            "a user with the first half of the calls",
            (500, 10),
            Box::new(|of, _| user_with(of, &mut |n| n < of.0 / 2)),
        ),
        (
            "a user with the last tenth of the calls",
            (500, 10),
            Box::new(|of, _| user_with(of, &mut |n| n >= of.0 * 9 / 10)),
        ),
        (
            "a user with half of the calls",
            (500, 10),
            Box::new(|of, rng| user_with(of, &mut |_| rng.bool())),
        ),
        (
            "one request in 200, by chance",
            (5000, 10),
            Box::new(|of, rng| Gong {
                one_in: 200,
                ..Gong::without([5, 1, 0], of, rng)
            }),
        ),
        (
            "requests of more than 300 pairs, 5 calls, a user",
            (1000, 10),
            Box::new(|of, rng| Gong {
                most: 300,
                ..Gong::without([5, 1, 0], of, rng)
            }),
        ),
        (
            "everything",
            (1000, 10),
            Box::new(|of, rng| Gong::without([1000, 10, 0], of, rng)),
        ),
        (
            "5 calls, a user and 1 % of the pairs",
            (500, 10),
            Box::new(|of, rng| Gong::without([5, 1, 50], of, rng)),
        ),
    ];
    for (name, of, mut gong) in models {
        let list = list(of.0, of.1);
        let jobs: Vec<_> = (0..PLACEMENTS)
            .map(|_| grant(server, client, &list, gong(of, rng)))
            .collect();
        let mean = |count: fn(&Job) -> usize| {
            jobs.iter().map(count).sum::<usize>() as f64 / PLACEMENTS as f64
        };
        println!(
            "| {name} | {} x {} | {:.0} | {:.1} | {:.1} |",
            of.0,
            of.1,
            mean(|job| job.requests),
            mean(|job| job.refused),
            mean(|job| job.undecided),
        );
    }
}

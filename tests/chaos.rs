//! Random jobs against a server that has state and fails in every way, and all that is promised of them.
//!
//! `GONG_CHAOS_JOBS` is the number of jobs, and `GONG_CHAOS_SEED` the seed of the first. Each further job has the
//! next seed. A failure shows its seed, which repeats that job with `GONG_CHAOS_JOBS=1`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};
use std::{env, fmt, mem, panic, thread};

use common::{LONG, Request, Server, Then, VERBS, Verb, builder, http, quick};
use fastrand::Rng;
use gong_call_access::*;

/// As many as it takes for each fault and each outcome to occur.
const JOBS: u64 = 400;
/// More than there are cores, since jobs wait for their server.
const WORKERS: usize = 8;
/// So many runs of a list meet faults. Then the server is healed.
const FAULTY_RUNS: usize = 4;
/// The calls of one list are this far from those of the next, and so tell whose a request is.
const APART: usize = 1000;
const FIRST: usize = 10_000_000;
const SECOND: Duration = Duration::from_secs(1);

type Pair = (CallId, UserId);
type Counts = BTreeMap<String, usize>;

fn pair(call: usize, user: usize) -> Pair {
    let id = |n: usize| (FIRST + n).to_string();
    (id(call).parse().unwrap(), id(user).parse().unwrap())
}

fn one<T: Copy>(random: &mut Rng, of: &[T]) -> T {
    *random.choice(of).unwrap()
}

fn some<T: Ord>(random: &mut Rng, of: impl IntoIterator<Item = T>, share: f64) -> BTreeSet<T> {
    let of = of.into_iter();
    of.filter(|_| random.f64() < share).collect()
}

/// What the server sends.
#[derive(Clone, Copy)]
enum Answer {
    Proper,
    Nothing,
    Half,
    /// A listing of a call that was not asked for.
    Foreign,
    /// A status, headers and a body.
    Other(u16, &'static str, &'static str),
}

type Fault = (&'static str, Answer, Then);

const FAULTS: [Fault; 16] = [
    ("close", Answer::Nothing, Then::Close),
    ("reset", Answer::Nothing, Then::Reset),
    ("idle close", Answer::Proper, Then::Close),
    ("idle reset", Answer::Proper, Then::Reset),
    ("half", Answer::Half, Then::Close),
    ("foreign", Answer::Foreign, Then::KeepAlive),
    ("html", Answer::Other(200, "", "<html>"), Then::KeepAlive),
    ("cut", Answer::Other(200, "", r#"{"a":1"#), Then::KeepAlive),
    ("errors", Answer::Other(200, "", ERRORS), Then::KeepAlive),
    ("302", Answer::Other(302, "", ""), Then::KeepAlive),
    ("401", Answer::Other(401, "", ""), Then::KeepAlive),
    ("404", Answer::Other(404, "", "{}"), Then::KeepAlive),
    ("429 day", Answer::Other(429, DAY, ""), Then::KeepAlive),
    ("500", Answer::Other(500, "", ""), Then::KeepAlive),
    ("501", Answer::Other(501, "", ""), Then::KeepAlive),
    ("503", Answer::Other(503, "", ""), Then::KeepAlive),
];
/// The client waits a second after these.
const SLOW_FAULTS: [Fault; 2] = [
    ("429", Answer::Other(429, "", ""), Then::KeepAlive),
    (HOLD, Answer::Other(429, HELD, ""), Then::KeepAlive),
];
const STALL: Fault = ("stall", Answer::Nothing, Then::Hang);
const ERRORS: &str = r#"{"errors":["not done"]}"#;
const DAY: &str = "retry-after: 86400\r\n";
const HOLD: &str = "429 second";
const HELD: &str = "retry-after: 1\r\n";

/// Some lists, each on a thread of its own, sent by clones of one client to one server.
struct Job {
    seed: u64,
    lists: Vec<(Verb, CallAccessList)>,
    unknown_calls: BTreeSet<CallId>,
    unknown_users: BTreeSet<UserId>,
    bad_pairs: BTreeSet<Pair>,
    most_pairs: usize,
    faults: Vec<Fault>,
    /// One request in so many meets a fault.
    one_in: usize,
    bounds: (usize, usize),
    max_attempts: u32,
    requests_per_second: Option<u32>,
    /// Then any attempt may time out, and its request may arrive later or never.
    is_impatient: bool,
    state: Mutex<State>,
}

/// What the server holds, and what it saw.
#[derive(Default)]
struct State {
    granted: BTreeSet<Pair>,
    refused_alone: BTreeSet<Pair>,
    threads: Vec<Thread>,
    /// When those requests arrived that are limited.
    arrivals: Vec<Instant>,
    is_hold_broken: bool,
    idle_closes: usize,
    counts: Counts,
}

/// What is known of the requests with one of the lists.
#[derive(Default, Clone)]
struct Thread {
    is_healed: bool,
    seen: usize,
    /// As many as the client says.
    sent: usize,
    held_until: Option<Instant>,
}

impl Job {
    fn new(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        // What takes seconds is rare, and the lists are short.
        let is_slow = random.u8(..40) == 0;
        let is_impatient = !is_slow && random.u8(..12) == 0;
        let (calls, users, shares) = match random.u8(..80) {
            _ if is_slow => (5, 3, [0.0, 0.0, 0.1]),
            0 => (300, 4, [0.0, 0.1, 1.0]),
            _ => (random.usize(1..25), random.usize(1..9), [0.0, 0.02, 0.2]),
        };
        let list = |thread| {
            let calls = (0..calls).map(|call| thread * APART + call);
            let pairs = calls.flat_map(|call| (0..users).map(move |user| pair(call, user)));
            let share = one(random, &[0.3, 1.0]);
            let list = some(random, pairs, share).into_iter().collect();
            (one(random, &VERBS), list)
        };
        let lists: Vec<(Verb, CallAccessList)> = (0..4).map(list).collect();
        let lists = lists[..one(random, &[1, 1, 1, 2, 4])].to_vec();
        let pairs: BTreeSet<_> = lists.iter().flat_map(|(_, list)| list).collect();
        let calls: BTreeSet<_> = pairs.iter().map(|pair| pair.0).collect();
        let users: BTreeSet<_> = pairs.iter().map(|pair| pair.1).collect();
        let mut faults = FAULTS.to_vec();
        faults.retain(|_| random.u8(..8) < if is_slow { 1 } else { 4 });
        faults.extend(SLOW_FAULTS.iter().filter(|_| is_slow));
        faults.extend(is_impatient.then_some(STALL));
        let [of_calls, of_users] = [(); 2].map(|()| one(random, &shares));
        let of_pairs = one(random, &[0.0, 0.0, 0.0, 0.02, 0.3]);
        let state = State {
            threads: vec![Thread::default(); lists.len()],
            granted: some(random, pairs.iter().copied(), 0.5),
            ..State::default()
        };
        Self {
            seed,
            lists,
            unknown_calls: some(random, calls, of_calls),
            unknown_users: some(random, users, of_users),
            bad_pairs: some(random, pairs, of_pairs),
            most_pairs: if random.u8(..4) == 0 {
                random.usize(..10)
            } else {
                usize::MAX
            },
            faults,
            one_in: one(random, if is_slow { &[3, 6] } else { &[2, 5, 20, 100] }),
            bounds: (
                random.usize(1..20),
                random.usize(1..if is_slow { 4 } else { 60 }),
            ),
            max_attempts: random.u32(1..5),
            requests_per_second: is_slow.then(|| random.u32(8..16)),
            is_impatient,
            state: Mutex::new(state),
        }
    }

    fn run(seed: u64) -> Counts {
        let job = Arc::new(Self::new(seed));
        let for_server = Arc::clone(&job);
        let server = Server::start(move |exchange| {
            let (bytes, then) = for_server.answer(&exchange.request);
            exchange.send(bytes);
            then
        });
        let client = job.client(&server.url(), false);
        thread::scope(|scope| {
            for thread in 0..job.lists.len() {
                let (job, client, url) = (&job, client.clone(), server.url());
                scope.spawn(move || job.run_list(thread, client, &url));
            }
        });
        // It waits for its threads, so that no request is missed.
        drop(server);
        job.check_requests(0..job.lists.len());
        job.check_rate();
        let seen = job.state().threads.iter().map(|thread| thread.seen).sum();
        job.count("requests", seen);
        let pairs = job.lists.iter().map(|(_, list)| list.len()).sum();
        job.count("pairs", pairs);
        mem::take(&mut job.state().counts)
    }

    /// The client that meets the faults, or the one to which none may happen.
    fn client(&self, url: &str, is_healed: bool) -> Client {
        let max_attempts = if is_healed { 1 } else { self.max_attempts };
        let timeout = match self.is_impatient && !is_healed {
            true => Duration::from_millis(40),
            false => LONG,
        };
        builder(url)
            .retry(quick().max_attempts(max_attempts))
            .timeout(timeout)
            .connect_timeout(timeout)
            .requests_per_second(self.requests_per_second.filter(|_| !is_healed))
            .max_calls_per_batch(self.bounds.0)
            .max_pairs_per_batch(self.bounds.1)
            .build()
            .unwrap()
    }

    /// Runs a list, and then what is left of it, until nothing is.
    fn run_list(&self, thread: usize, client: Client, url: &str) {
        let (verb, list) = self.lists[thread].clone();
        let mut random = Rng::with_seed(!self.seed ^ thread as u64);
        let mut run = Run {
            job: self,
            thread,
            verb,
            list,
            client,
            end: End::Itself,
            after: 0,
        };
        for nth in 0.. {
            let is_healed = nth >= FAULTY_RUNS;
            run.after = random.usize(..8);
            run.end = one(&mut random, &[End::Itself, End::Stop, End::Drop]);
            if is_healed {
                self.state().threads[thread].is_healed = true;
                run.end = End::Itself;
                // Connections of the other may have been closed while they were idle.
                run.client = self.client(url, true);
            }
            self.count(&format!("{:?}", run.end), 1);
            let (left, stopped_by) = if let Verb::List = verb {
                run.list()
            } else {
                run.change()
            };
            let is_further = stopped_by.is_none() && left.len() < run.list.len();
            self.check(
                !is_healed || is_further,
                "a healed server decides",
                &stopped_by,
            );
            run.list = left;
            if run.list.is_empty() {
                return;
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn seen(&self, thread: usize) -> usize {
        self.state().threads[thread].seen
    }

    fn count(&self, what: &str, count: usize) {
        *self.state().counts.entry(what.to_owned()).or_default() += count;
    }
}

/// The server.
impl Job {
    fn answer(&self, request: &Request) -> (String, Then) {
        let has_method = |verb: Verb| request.head.starts_with(verb.method());
        let is_listing = has_method(Verb::List);
        let (list, asked) = if is_listing {
            let mut body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
            let calls = serde_json::from_value(body["filter"]["callIds"].take());
            (CallAccessList::new(), calls.unwrap())
        } else {
            let list: CallAccessList = serde_json::from_str(&request.body).unwrap();
            let calls: BTreeSet<_> = list.calls().collect();
            (list, calls)
        };
        let call: usize = asked.first().unwrap().as_str().parse().unwrap();
        let nth = (call - FIRST) / APART;
        let mut state = self.state();
        let State {
            threads, granted, ..
        } = &mut *state;
        let thread = &mut threads[nth];
        thread.seen += 1;
        let is_healed = thread.is_healed;
        let is_held = thread.held_until.is_some_and(|until| request.at < until);
        // Each request has numbers of its own, so that a seed repeats them whatever the other threads do.
        let mut random = Rng::with_seed(self.seed ^ (thread.seen << 8 | nth) as u64);
        let fault = random.choice(&self.faults).copied().filter(|fault| {
            let is_possible = is_listing || !matches!(fault.1, Answer::Foreign);
            !is_healed && is_possible && random.usize(..self.one_in) == 0
        });
        let (name, answer, then) = fault.unwrap_or(("", Answer::Proper, Then::KeepAlive));
        if name == HOLD {
            thread.held_until = Some(Instant::now() + SECOND);
        }
        let refusal = self.refusal(&list);
        let is_proper = matches!(answer, Answer::Proper);
        // Where the answer is lost or wrong, the server may have done as it was told or not.
        if refusal.is_none() && (is_proper || random.bool()) {
            if has_method(Verb::Grant) {
                granted.extend(&list);
            } else {
                granted.retain(|(call, user)| !list.contains(*call, *user));
            }
        }
        let is_asked = |pair: &Pair| is_listing && asked.contains(&pair.0);
        let mut access: Vec<_> = granted.iter().copied().filter(is_asked).collect();
        let proper = match refusal {
            None => http(200, "", &listing(&access)),
            Some(status) => http(status, "", ""),
        };
        if let (Some(status), Answer::Proper | Answer::Half) = (refusal, answer) {
            *state.counts.entry(status.to_string()).or_default() += 1;
            state
                .refused_alone
                .extend(list.pairs().filter(|_| list.len() == 1));
        }
        state
            .arrivals
            .extend(Some(request.at).filter(|_| !is_healed));
        state.is_hold_broken |= is_held && !is_healed;
        if fault.is_some() {
            state.idle_closes += usize::from(is_proper);
            *state.counts.entry(name.to_owned()).or_default() += 1;
        }
        let bytes = match answer {
            Answer::Proper => proper,
            Answer::Nothing => String::new(),
            Answer::Half => proper[..random.usize(1..proper.len())].to_owned(),
            Answer::Foreign => {
                access.push(pair(APART - 1, 0));
                http(200, "", &listing(&access))
            }
            Answer::Other(status, headers, body) => http(status, headers, body),
        };
        (bytes, then)
    }

    /// The status with which such a list is refused, always.
    fn refusal(&self, list: &CallAccessList) -> Option<u16> {
        let is_bad = |pair| self.is_unknown(pair) || self.bad_pairs.contains(&pair);
        let is_too_large = list.len() > self.most_pairs;
        let status = if is_too_large { 413 } else { 400 };
        (is_too_large || list.pairs().any(is_bad)).then_some(status)
    }

    fn is_unknown(&self, (call, user): Pair) -> bool {
        self.unknown_calls.contains(&call) || self.unknown_users.contains(&user)
    }
}

/// The answer to a listing; to a grant or a revocation it is no more than a success.
fn listing(access: &[Pair]) -> String {
    let entry = |(call, user)| format!(r#"{{"callId":"{call}","users":[{{"userId":"{user}"}}]}}"#);
    let entries: Vec<_> = access.iter().copied().map(entry).collect();
    let entries = entries.join(",");
    format!(r#"{{"requestId":"x","callAccessList":[{entries}]}}"#)
}

/// How a run ends, once so many batches have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Itself,
    Stop,
    Drop,
}

/// One run of a list, or of what is left of it.
struct Run<'a> {
    job: &'a Job,
    thread: usize,
    verb: Verb,
    list: CallAccessList,
    client: Client,
    end: End,
    after: usize,
}

impl Run<'_> {
    /// Grants or revokes the list; returns what is to be sent again, and what stopped it.
    fn change(&self) -> (CallAccessList, Option<String>) {
        let (job, list) = (self.job, &self.list);
        let mut iterator = match self.verb {
            Verb::Grant => self.client.grant_batches(list),
            _ => self.client.revoke_batches(list),
        };
        let mut batches: Vec<_> = iterator.by_ref().take(self.after).collect();
        let mut left = iterator.remaining();
        job.check_partition(list, batches.iter().map(Batch::access_list).chain([&left]));
        let seen = job.seen(self.thread);
        if self.end == End::Drop {
            drop(iterator);
        } else {
            if self.end == End::Stop {
                iterator.stop();
            }
            batches.extend(iterator.by_ref());
            job.check_partition(list, batches.iter().map(Batch::access_list));
            left = iterator.remaining();
            let is_over = left.is_empty() && iterator.next().is_none();
            job.check(is_over, "nothing is behind the end", &left);
        }
        let has_sent = job.seen(self.thread) > seen;
        let may_send = self.end == End::Itself || job.is_impatient;
        job.check(
            may_send || !has_sent,
            "an ended job sends nothing",
            &self.end,
        );
        self.check_sent(batches.iter().map(Batch::requests).sum());
        for batch in &batches {
            let (outcome, pairs) = (batch.outcome(), batch.access_list());
            match outcome {
                Outcome::Done(_) => job.check_done(self.verb, pairs),
                Outcome::Refused(_) => job.check_refused(pairs),
                _ => {}
            }
            let outcome = format!("{outcome:?}");
            job.count(outcome.split('(').next().unwrap(), pairs.len());
        }
        let report: Report = batches.into_iter().collect();
        left.extend(report.remaining());
        let refused = report.refused().map(|(pairs, _)| pairs);
        job.check_partition(list, refused.chain([report.done(), &left]));
        (left, report.stopped_by().map(Error::to_string))
    }

    /// Lists the calls of the list; returns those that are to be listed again, and what stopped it.
    fn list(&self) -> (CallAccessList, Option<String>) {
        let mut listings = self.client.list_batches(self.list.calls());
        let mut left: BTreeSet<_> = listings.remaining().collect();
        let (mut sent, mut stopped_by) = (0, None);
        for nth in 0.. {
            if nth == self.after && self.end != End::Itself {
                break;
            }
            let Some(listing) = listings.next() else {
                let is_over = stopped_by.is_some() || left.is_empty();
                self.job.check(is_over, "every call is listed", &left);
                break;
            };
            let before = mem::replace(&mut left, listings.remaining().collect());
            self.job
                .check(stopped_by.is_none(), "an error is the end", &listing);
            match listing {
                Ok(listing) => {
                    sent += listing.receipt().attempts();
                    self.job
                        .check_listed(&(&before - &left), listing.access_list());
                }
                Err(error) => {
                    sent += error.attempts();
                    self.job
                        .check(left == before, "what failed is left", &error);
                    stopped_by = Some(error.to_string());
                }
            }
        }
        drop(listings);
        self.check_sent(sent);
        let mut list = self.list.clone();
        list.retain(|call, _| left.contains(&call));
        (list, stopped_by)
    }

    fn check_sent(&self, sent: u32) {
        self.job.state().threads[self.thread].sent += sent as usize;
        self.job.check_requests(self.thread..self.thread + 1);
    }
}

/// What is promised.
impl Job {
    #[track_caller]
    fn check(&self, holds: bool, promise: &str, but: &dyn fmt::Debug) {
        assert!(holds, "seed {}: {promise}, but: {but:?}", self.seed);
    }

    /// Every pair of the list is in one of its parts, once.
    fn check_partition<'a>(
        &self,
        list: &CallAccessList,
        parts: impl Iterator<Item = &'a CallAccessList>,
    ) {
        let mut pairs: Vec<_> = parts.flatten().collect();
        pairs.sort_unstable();
        let is_whole = list.pairs().eq(pairs.iter().copied());
        let sizes = (list.len(), pairs.len());
        self.check(is_whole, "the parts are the list, each pair once", &sizes);
    }

    /// What is `Done` is granted on the server, or is not any more.
    fn check_done(&self, verb: Verb, done: &CallAccessList) {
        let granted = self.state().granted.clone();
        let is_grant = matches!(verb, Verb::Grant);
        let wrong = done.pairs().find(|pair| granted.contains(pair) != is_grant);
        self.check(wrong.is_none(), "what is done is on the server", &wrong);
    }

    /// A pair is `Refused` alone only if the server refused it alone. Where only ids are unknown, no good pair is
    /// `Refused` at all.
    fn check_refused(&self, refused: &CallAccessList) {
        let refused_alone = self.state().refused_alone.clone();
        let alone = refused.pairs().filter(|_| refused.len() == 1);
        let wrong = alone.into_iter().find(|pair| !refused_alone.contains(pair));
        self.check(
            wrong.is_none(),
            "alone is refused what was sent alone",
            &wrong,
        );
        let only_ids = self.bad_pairs.is_empty() && self.most_pairs > 0;
        let wrong = refused
            .pairs()
            .find(|pair| only_ids && !self.is_unknown(*pair));
        self.check(wrong.is_none(), "no good pair is refused", &wrong);
    }

    /// A listing is what the server holds of the calls, and of no other call.
    fn check_listed(&self, calls: &BTreeSet<CallId>, listed: &CallAccessList) {
        let mut granted = self.state().granted.clone();
        granted.retain(|(call, _)| calls.contains(call));
        let is_true = listed.pairs().eq(granted.iter().copied());
        self.check(is_true, "a listing is what the server holds", listed);
    }

    /// The server saw what was sent. At most one request is lost with each idle connection that it closed, and any
    /// number by impatience.
    fn check_requests(&self, threads: Range<usize>) {
        let state = self.state();
        let all =
            |of: fn(&Thread) -> usize| state.threads[threads.clone()].iter().map(of).sum::<usize>();
        let (seen, sent) = (all(|thread| thread.seen), all(|thread| thread.sent));
        let idle_closes = state.idle_closes;
        drop(state);
        let lost = sent.checked_sub(seen);
        let is_exact = lost.is_some_and(|lost| self.is_impatient || lost <= idle_closes);
        self.check(
            is_exact,
            "the server saw what was sent",
            &(seen, sent, idle_closes),
        );
    }

    /// No window of a second saw more requests than the limit, and no list was sent while a 429 held it.
    fn check_rate(&self) {
        let is_hold_broken = self.state().is_hold_broken;
        self.check(!is_hold_broken, "a Retry-After is waited for", &());
        let Some(limit) = self.requests_per_second else {
            return;
        };
        let mut arrivals = mem::take(&mut self.state().arrivals);
        arrivals.sort_unstable();
        let limit = limit as usize;
        let burst = arrivals
            .windows(limit + 1)
            .find(|all| all[limit] - all[0] < SECOND);
        self.check(burst.is_none(), "the rate holds", &burst);
    }
}

fn variable(name: &str, default: u64) -> u64 {
    let number = |text: String| text.parse().unwrap();
    env::var(name).map_or(default, number)
}

#[test]
fn what_is_promised_of_a_job_holds_whatever_the_server_does() {
    let jobs = variable("GONG_CHAOS_JOBS", JOBS);
    let first = variable("GONG_CHAOS_SEED", 1);
    println!("{jobs} jobs from seed {first}");
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let counts = Mutex::new(Counts::new());
    let work = || loop {
        let nth = next.fetch_add(1, Ordering::SeqCst);
        if nth >= jobs {
            return;
        }
        let seed = first.wrapping_add(nth);
        let of_job = panic::catch_unwind(|| Job::run(seed)).unwrap_or_else(|panic| {
            // The others begin no further job.
            next.store(jobs, Ordering::SeqCst);
            println!("repeat it with GONG_CHAOS_SEED={seed} GONG_CHAOS_JOBS=1");
            panic::resume_unwind(panic)
        });
        let mut counts = counts.lock().unwrap();
        for (what, count) in of_job {
            *counts.entry(what).or_default() += count;
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    let counts = counts.into_inner().unwrap();
    println!("{:?}, {counts:#?}", started.elapsed());
    // Each fault, 400 and 413, each outcome and each end occurs, or the run shows too little.
    let kinds = FAULTS.len() + SLOW_FAULTS.len() + 1 + 2 + 5 + 3;
    assert!(jobs < JOBS || counts.len() == kinds + 2, "{counts:#?}");
}

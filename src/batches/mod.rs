//! `Batches`: a job of any size, which accounts for every pair.

mod ids;
mod report;
mod search;
mod split;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::mem;
use std::sync::Arc;

use crate::access_list::CallAccessList;
use crate::client::Client;
use crate::error::Error;
use crate::http::Method;
use crate::response::{ApiError, Receipt};
use crate::send::StopHandle;

pub use ids::Id;
pub use report::{Refusal, Report};
pub(crate) use split::{Bounds, Decided, Splitter};

/// An iterator over the batches of a job, which sends nothing until it is advanced.
///
/// [`Client::grant_batches`] and [`Client::revoke_batches`] create it. Each `next()` blocks until
/// the next batch is decided. It sends one request, or more while it searches for a refused id.
///
/// Every pair of the list is in exactly one [`Batch`]. If nothing is refused, the batches keep the
/// order of the list, and the job sends as few requests as
/// [`max_calls_per_batch`](crate::ClientBuilder::max_calls_per_batch) and
/// [`max_pairs_per_batch`](crate::ClientBuilder::max_pairs_per_batch) allow in that order. It
/// splits a call over several requests only if the call has more users than
/// `max_pairs_per_batch`.
///
/// # Refusals
///
/// If one id is unknown, Gong refuses the whole request and [does not name the
/// id](crate::facts#unknown-calls). So after a status 400 the job searches for that id and
/// completes everything else:
///
/// - Of the request, it sends the pairs with half of the calls, or half of the users, that Gong has
///   not acknowledged yet. It continues in the half that is refused, down to a single pair.
/// - A call is unknown once two of its pairs were refused alone, one of them with a known user. A
///   user is unknown once four were, one of them with a known call; the job leaves the pairs of
///   such a user to the end. The other pairs of an unknown id are [`Refused`](Outcome::Refused)
///   without being sent. One acknowledgement clears an id. Once Gong refuses a pair of two known
///   ids, the job waits for twice as many refusals.
/// - Sometimes nothing proves which of two ids is unknown. After ten refusals of one id, or of any
///   ids in a job without an acknowledgement, the other pairs are
///   [`Undecided`](Outcome::Undecided) and not sent.
/// - A job sends at most 1,000 requests only to search, a tenth of a company's daily limit. The
///   smaller requests after a search carry new pairs, and do not count. After the 1,000, the job
///   continues in full requests; if one is refused, its pairs are undecided.
///
/// After a status 413, the next request is half as large, and no later one is larger than that.
///
/// # Stopping and resuming
///
/// Any other failure, after its retries, ends the job. Its batch is [`Failed`](Outcome::Failed),
/// and the rest is one batch that is [`NotSent`](Outcome::NotSent). To stop a job yourself, call
/// [`stop`](Self::stop), or use a [`stop_handle`](Self::stop_handle). Give
/// [`remaining`](Self::remaining) to the next run.
///
/// If the program may be killed, save what the next run needs after each batch:
///
/// ```no_run
/// # use gong_call_access::{CallAccessList, Client, Report};
/// # fn save(_: &CallAccessList) -> std::io::Result<()> { Ok(()) }
/// # fn grant(client: &Client, list: &CallAccessList) -> std::io::Result<()> {
/// let mut batches = client.grant_batches(list);
/// let mut report = Report::default();
/// while let Some(batch) = batches.next() {
///     report.extend([batch]);
///     std::fs::write("next.tmp", serde_json::to_vec(&batches.remaining())?)?;
///     std::fs::rename("next.tmp", "next.json")?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// Each file has all that is left. For 20,000 calls with 10 users each, a list of 4.5 MB, this
/// writes 448 MB in all. A journal of the pairs that are done takes 4.5 MB, however many batches
/// there are; the next run leaves out the pairs in it:
///
/// ```no_run
/// # use std::io::Write;
/// # use gong_call_access::{CallAccessList, Client, Outcome};
/// # fn grant(client: &Client, list: &CallAccessList) -> std::io::Result<()> {
/// let mut journal = std::fs::File::options()
///     .create(true)
///     .append(true)
///     .open("done.jsonl")?;
/// for batch in client.grant_batches(list) {
///     if let Outcome::Done(_) = batch.outcome() {
///         let line = serde_json::to_string(batch.access_list())?;
///         writeln!(journal, "{line}")?;
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// Or keep the list and run all of it again, which is harmless and only costs requests.
///
/// # How long a job takes
///
/// A job sends one request at a time. If a response takes *t* seconds and the limit is 3
/// [`requests_per_second`](crate::ClientBuilder::requests_per_second), the job sends 3 requests
/// every 1 + *t* or 3*t* seconds, whichever is longer. For example, 5,000 calls with one user each
/// are 50 requests, which take at least 16 seconds. 10,000 calls with 10 users each are 100
/// requests, which take at least 33 seconds. 1,000,000 calls with one user each are 10,000
/// requests, a company's whole daily limit, and take at least 55 minutes.
///
/// Each request, including its retries, may take up to
/// [`total_timeout`](crate::ClientBuilder::total_timeout); the job as a whole has no time limit.
/// [`min_requests`](Self::min_requests) says how many requests are left. Jobs on several threads
/// share the rate limit of their client.
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Outcome};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client, access) = (Client::from_env()?, CallAccessList::new());
/// for batch in client.grant_batches(&access) {
///     let pairs = batch.access_list().len();
///     match batch.outcome() {
///         Outcome::Done(_) => println!("{pairs} pairs granted"),
///         Outcome::Refused(error) => eprintln!("{pairs} refused: {error}"),
///         Outcome::Undecided(error) => eprintln!("{pairs} undecided: {error}"),
///         Outcome::Failed(error) => eprintln!("{pairs} failed: {error}"),
///         _ => eprintln!("{pairs} not sent"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until the iterator is advanced"]
pub struct Batches<'a> {
    client: Client,
    method: Method,
    splitter: Splitter<'a>,
    stop_handle: StopHandle,
    /// The next batch, if the last refusal left some pairs undecided.
    undecided: Option<Batch>,
    /// What was yielded as failed or undecided.
    for_next_run: CallAccessList,
    /// Whether what the splitter still has was yielded as not sent.
    is_over: bool,
}

/// Some pairs of a job, and their outcome.
///
/// # Examples
///
/// ```
/// # use gong_call_access::{CallAccessList, Client, Credentials, Outcome};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut gong = mockito::Server::new();
/// # let body = r#"{"requestId":"x"}"#;
/// # let _mock = gong.mock("PUT", "/v2/calls/users-access").with_status(200).with_body(body).create();
/// # let client = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url()).build()?;
/// let access = CallAccessList::from_iter([(5.into(), 7.into())]);
/// let batch = client.grant_batches(&access).next().ok_or("no batch")?;
/// assert!(matches!(batch.outcome(), Outcome::Done(_)));
/// assert_eq!((batch.access_list(), batch.requests()), (&access, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Batch {
    access_list: CallAccessList,
    outcome: Outcome,
    requests: u32,
}

/// What became of the pairs of a batch.
///
/// [`Report`] collects the outcomes of a job and says [what to do](Report#what-to-do-after-a-job).
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Gong acknowledged these pairs.
    Done(Receipt),
    /// Gong refused these pairs (400, 413), and not only a request that contained them.
    ///
    /// The batch is a single pair, or all that was left of an unknown id: one pair that was refused
    /// alone, and others that were not sent. [`Report::refusals`] says which id it is.
    Refused(ApiError),
    /// The job gave these pairs up: some of them may be good.
    ///
    /// Either Gong refused them in one request after the job had used up its searches, or the job
    /// did not send them, since Gong had refused ten other pairs: of the same id, or of a job
    /// without an acknowledgement. Correct the ids that [`Report::refusals`] names, then send these
    /// pairs again.
    Undecided(ApiError),
    /// The job stopped at these pairs, which [may have been applied](crate#may-have-been-applied).
    ///
    /// A response such as 401 or 429 is an [`Error::Api`].
    Failed(Error),
    /// The job stopped before these pairs.
    ///
    /// Some may have been part of a larger request that Gong refused.
    NotSent,
}

impl<'a> Batches<'a> {
    pub(crate) fn new(client: Client, method: Method, list: &'a CallAccessList) -> Self {
        Self {
            splitter: Splitter::new(Cow::Borrowed(list), client.settings.bounds),
            stop_handle: StopHandle::new(Arc::clone(&client.sender.permits)),
            client,
            method,
            undecided: None,
            for_next_run: CallAccessList::new(),
            is_over: false,
        }
    }

    /// Stops the job: it sends nothing more, and yields the pairs that are left as one batch that
    /// is [`NotSent`](Outcome::NotSent).
    ///
    /// Collect that batch too: then the report is complete, and [`Report::remaining`] is all that
    /// the next run needs. To stop a job while `next` is under way, use a
    /// [`stop_handle`](Self::stop_handle).
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{Batches, Report};
    ///
    /// /// Goes on until it is time to stop.
    /// fn run_until(is_over: impl Fn() -> bool, mut batches: Batches) -> Report {
    ///     let mut report = Report::default();
    ///     loop {
    ///         if is_over() {
    ///             batches.stop();
    ///         }
    ///         let Some(batch) = batches.next() else {
    ///             return report;
    ///         };
    ///         report.extend([batch]);
    ///     }
    /// }
    /// # let credentials = gong_call_access::Credentials::bearer("my-token")?;
    /// # let client = gong_call_access::Client::builder(credentials);
    /// # let client = client.base_url("http://localhost").build()?;
    /// # let access = gong_call_access::CallAccessList::from_iter([(5.into(), 7.into())]);
    /// # assert_eq!(run_until(|| true, client.grant_batches(&access)).remaining(), &access);
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn stop(&mut self) {
        self.stop_handle.stop();
    }

    /// Returns a handle that stops the job like [`stop`](Self::stop), from another thread and while
    /// `next` is under way.
    ///
    /// # Examples
    ///
    /// Grant until the user presses Enter, even while Gong asks to wait:
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// fn grant(client: &Client, access: &CallAccessList) -> Report {
    ///     let batches = client.grant_batches(access);
    ///     let handle = batches.stop_handle();
    ///     std::thread::spawn(move || {
    ///         if std::io::stdin().read_line(&mut String::new()).is_ok() {
    ///             handle.stop();
    ///         }
    ///     });
    ///     batches.collect()
    /// }
    /// ```
    pub fn stop_handle(&self) -> StopHandle {
        self.stop_handle.clone()
    }

    /// Copies the pairs to give to the next run if the job ended now.
    ///
    /// These are the pairs that were not yielded yet, and those that were yielded as
    /// [`Failed`](Outcome::Failed), [`NotSent`](Outcome::NotSent) or
    /// [`Undecided`](Outcome::Undecided). The list is exact at any time, even during a search.
    pub fn remaining(&self) -> CallAccessList {
        let mut remaining = self.splitter.remaining();
        remaining.extend(&self.for_next_run);
        remaining
    }

    /// Returns how many more requests the job sends if Gong refuses nothing more, without retries.
    ///
    /// It plans all of them, so it takes time in proportion to the pairs that are left.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId, Client, Credentials};
    /// # let credentials = Credentials::bearer("my-token")?;
    /// # let client = Client::builder(credentials).base_url("http://localhost").build()?;
    /// let (calls, user) = ((1..=250_u64).map(CallId::from), "7".parse()?);
    /// let access: CallAccessList = calls.map(|call| (call, user)).collect();
    /// let requests = client.grant_batches(&access).min_requests();
    /// assert_eq!(requests, 3, "of 100, 100 and 50 calls");
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn min_requests(&self) -> usize {
        match self.stop_handle.is_stopped() {
            true => 0,
            false => self.splitter.min_requests(),
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if let Some(batch) = self.undecided.take() {
            return Some(batch);
        }
        let mut requests = 0;
        while !self.stop_handle.is_stopped() {
            let batch = self.splitter.next_request()?;
            let stop = self.stop_handle.as_stop();
            let response = self.client.change(&self.method, &batch, stop);
            let result = response.and_then(|response| response.into_result().map_err(Error::from));
            requests += result
                .as_ref()
                .map_or_else(Error::attempts, Receipt::attempts);
            match result {
                Ok(receipt) => {
                    self.splitter.acknowledged();
                    return Some(Batch::new(batch, Outcome::Done(receipt), requests));
                }
                Err(Error::Api(refusal)) if matches!(refusal.status(), 400 | 413) => {
                    if let Some(batch) = self.refused(refusal, requests) {
                        return Some(batch);
                    }
                }
                // Stopped before it was sent, so it is a part of the rest.
                Err(error) if error.attempts() == 0 && self.stop_handle.is_stopped() => {}
                Err(error) => {
                    self.stop();
                    self.splitter.remove_sent();
                    self.for_next_run.extend(&batch);
                    return Some(Batch::new(batch, Outcome::Failed(error), requests));
                }
            }
        }
        if mem::replace(&mut self.is_over, true) {
            return None;
        }
        let rest = self.splitter.remaining();
        (!rest.is_empty()).then(|| Batch::new(rest, Outcome::NotSent, requests))
    }
}

impl Batches<'_> {
    /// Returns the next batch if the refusal of the last request decides anything.
    fn refused(&mut self, refusal: ApiError, requests: u32) -> Option<Batch> {
        let Decided { refused, undecided } = self.splitter.refused(refusal.status() == 413);
        self.for_next_run.extend(&undecided);
        let outcomes = [
            (refused, Outcome::Refused(refusal.clone())),
            (undecided, Outcome::Undecided(refusal)),
        ];
        let mut outcomes = outcomes.into_iter().filter(|(pairs, _)| !pairs.is_empty());
        let (pairs, outcome) = outcomes.next()?;
        self.undecided = outcomes
            .next()
            .map(|(pairs, outcome)| Batch::new(pairs, outcome, 0));
        Some(Batch::new(pairs, outcome, requests))
    }
}

impl FusedIterator for Batches<'_> {}

impl fmt::Debug for Batches<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("client", &self.client)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}

impl Batch {
    fn new(access_list: CallAccessList, outcome: Outcome, requests: u32) -> Self {
        Self {
            access_list,
            outcome,
            requests,
        }
    }

    /// Returns the pairs of this batch; no other batch has them.
    pub fn access_list(&self) -> &CallAccessList {
        &self.access_list
    }

    /// Returns what became of the pairs.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns how many requests were sent since the previous batch, including retries and
    /// searches.
    ///
    /// The sum over all batches is the number of requests of the job. For pairs that were not sent,
    /// these are the requests of a search that was stopped.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Returns the pairs and their outcome by value.
    pub fn into_parts(self) -> (CallAccessList, Outcome) {
        (self.access_list, self.outcome)
    }
}

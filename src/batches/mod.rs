//! `Batches`: a job of any size, which accounts for every pair.

mod ids;
mod report;
mod search;
mod split;
#[cfg(test)]
mod tests;

use std::fmt;
use std::iter::FusedIterator;

use crate::access_list::CallAccessList;
use crate::client::Client;
use crate::error::Error;
use crate::http::Method;
use crate::response::{ApiError, Receipt};
use crate::send::StopHandle;

pub use report::Report;
use split::{Bounds, Decision, Splitter};

/// An iterator over the batches of a job, which sends nothing until it is advanced.
///
/// [`Client::grant_batches`] and [`Client::revoke_batches`] create it. Each `next()` blocks until
/// the next batch is decided. It sends one request, or more while it searches for a refused pair.
///
/// Every pair of the list is in exactly one [`Batch`]. The batches keep the order of the list,
/// except that the pairs of an id that Gong does not seem to know come last, in any order. If
/// nothing is refused, the job sends as few requests as
/// [`max_calls_per_batch`](crate::ClientBuilder::max_calls_per_batch) and
/// [`max_pairs_per_batch`](crate::ClientBuilder::max_pairs_per_batch) allow without reordering the
/// list. It splits a call over several requests only if the call has more users than
/// `max_pairs_per_batch`.
///
/// # Refusals
///
/// If one call is unknown, Gong refuses the whole request and [does not name the
/// call](crate#what-is-known-about-gong). So after a status 400 the job searches for the refused
/// pair and completes everything else:
///
/// - It sends the first half of the pairs, divided by calls and then by users. If Gong acknowledges
///   that half, the refused pair is in the other one. If not, the search continues in the first half.
///   A pair counts as refused only after it was sent alone.
/// - It remembers which ids were refused. It sets aside a user who was never acknowledged and was
///   refused with a call that Gong knows. It also sets aside a call that was refused with two users
///   and acknowledged with none. Their other pairs come last.
/// - It stops searching for an id once three of its pairs were refused alone and none was
///   acknowledged. It sends the rest of that id's pairs once, in full requests; if Gong refuses
///   them, they are [`Refused`](Outcome::Refused) together.
/// - Sometimes it is unclear whether an id is unknown, because Gong never acknowledged it or any id
///   that it was refused with. After 20 such refusals of one id, or 100 in a job without any
///   acknowledgement, the job tries three more pairs, far from each other. If Gong refuses all of
///   them, the job sends the rest in full requests, and the pairs that are then refused are
///   [`Undecided`](Outcome::Undecided). One acknowledgement is enough to resume the search.
/// - A job sends at most 1,000 requests only to search, which is a tenth of a company's daily
///   limit. After that it continues in full requests; if one is refused, its pairs are undecided. A
///   request that is too large (413) counts too; the small requests that carry pairs after a
///   refusal do not.
///
/// After a status 413, the next request is half as large, and no later one is larger. If it turns
/// out that a single pair is too large, that pair is refused alone, and the job restores the size.
///
/// If everything is refused, look for one common cause before you correct pairs.
///
/// # Stopping and resuming
///
/// Any other failure, after its retries, ends the job. Its batch is [`Failed`](Outcome::Failed),
/// and the rest is one batch that is [`NotSent`](Outcome::NotSent). Give [`Report::remaining`] to
/// the next run.
///
/// To stop a job yourself, call [`stop`](Self::stop), or [`StopHandle::stop`] on another thread, and
/// collect the batch that is left.
///
/// A job saves nothing if the program is killed. Keep the list and run all of it again, which is
/// harmless and only costs requests, or save after each batch what the next run needs:
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Report};
///
/// fn grant(client: &Client, access: &CallAccessList) -> Result<Report, Box<dyn std::error::Error>> {
///     let mut batches = client.grant_batches(access);
///     let mut report = Report::default();
///     while let Some(batch) = batches.next() {
///         report.extend([batch]);
///         let mut next_run = batches.remaining();
///         next_run.extend(report.remaining());
///         // The refused pairs are not part of it: save those of `report.refused()` too.
///         std::fs::write("next_run.tmp", serde_json::to_vec(&next_run)?)?;
///         std::fs::rename("next_run.tmp", "next_run.json")?;
///     }
///     Ok(report)
/// }
/// ```
///
/// Each save copies and writes all that is left, up to 70 MB for a million pairs. For such a list, save
/// after every 100 batches; the next run then repeats at most 100 of them, which is harmless.
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
/// [`total_timeout`](crate::ClientBuilder::total_timeout); the job as a whole has no time limit. To
/// show progress, count the pairs of the batches: the number of requests is not known in advance.
/// Jobs on several threads share the rate limit of their client.
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Outcome};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client, access) = (Client::from_env()?, CallAccessList::new());
/// for batch in client.grant_batches(&access) {
///     match batch.outcome() {
///         Outcome::Done(_) => println!("{} pairs granted", batch.access_list().len()),
///         Outcome::Refused(error) => eprintln!("{:?}: {error}", batch.access_list()),
///         Outcome::Undecided(error) => eprintln!("send again: {:?}: {error}", batch.access_list()),
///         Outcome::Failed(error) => eprintln!("stopped: {error}"),
///         _ => eprintln!("{} pairs not sent", batch.access_list().len()),
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
/// let access: CallAccessList = [("5".parse()?, "7".parse()?)].into_iter().collect();
/// let batch = client.grant_batches(&access).next().ok_or("no batch")?;
/// assert_eq!(batch.access_list(), &access);
/// assert!(matches!(batch.outcome(), Outcome::Done(receipt) if receipt.request_id() == Some("x")));
///
/// let (pairs, outcome) = batch.into_parts();
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
/// | variant | what to do with the pairs |
/// |---|---|
/// | [`Done`](Self::Done) | Nothing. |
/// | [`Refused`](Self::Refused) | Correct them. Sending them unchanged does not help. |
/// | [`Undecided`](Self::Undecided) | Send them again in another job, once the refused pairs are corrected. |
/// | [`Failed`](Self::Failed) | Resolve what stopped the job, then send them again. |
/// | [`NotSent`](Self::NotSent) | Send them. |
///
/// [`Report::remaining`] collects the pairs of the last three.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Gong acknowledged these pairs.
    Done(Receipt),
    /// Gong refused these pairs (400, 413), and not only a request that contained them.
    ///
    /// The batch is a single pair, or several pairs with the same id that Gong refused together. In
    /// the latter case, Gong had already refused three other pairs of that id, each sent alone, and
    /// acknowledged none.
    Refused(ApiError),
    /// Gong refused these pairs together, and the search ended before it found which of them are the
    /// reason.
    ///
    /// If they share an id that [`Report`] names among the refused pairs, correct that id first.
    /// Otherwise, another job would only find a few more of them refused.
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
        let bounds = Bounds {
            calls: client.max_calls_per_batch(),
            pairs: client.max_pairs_per_batch(),
        };
        Self {
            stop_handle: client.stop_handle(),
            client,
            method,
            splitter: Splitter::new(list, bounds),
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
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// /// Grants until it is time to stop.
    /// fn grant_until(is_over: impl Fn() -> bool, client: &Client, access: &CallAccessList) -> Report {
    ///     let mut batches = client.grant_batches(access);
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
    /// # let client = Client::builder(credentials).base_url("http://localhost").build()?;
    /// # let access: CallAccessList = [("5".parse()?, "7".parse()?)].into_iter().collect();
    /// # assert_eq!(grant_until(|| true, &client, &access).remaining(), &access);
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

    /// Copies the pairs that have not been yielded yet.
    ///
    /// The copy is exact at any time, even during a search. [`stop`](Self::stop) yields these
    /// pairs.
    pub fn remaining(&self) -> CallAccessList {
        self.splitter.remaining()
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
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
                    let is_too_large = refusal.status() == 413;
                    let Some(decision) = self.splitter.refused(is_too_large) else {
                        continue;
                    };
                    let outcome = match decision {
                        Decision::Refused => Outcome::Refused(refusal),
                        Decision::Undecided => Outcome::Undecided(refusal),
                    };
                    return Some(Batch::new(batch, outcome, requests));
                }
                // Stopped before it was sent, so it is a part of the rest.
                Err(error) if error.attempts() == 0 && self.stop_handle.is_stopped() => {}
                Err(error) => {
                    self.stop();
                    self.splitter.remove_sent();
                    return Some(Batch::new(batch, Outcome::Failed(error), requests));
                }
            }
        }
        let rest = self.splitter.take_remaining();
        (!rest.is_empty()).then(|| Batch::new(rest, Outcome::NotSent, requests))
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

//! `Batches`: jobs of any size, with every pair accounted for.

mod ids;
mod report;
mod search;
mod split;
#[cfg(test)]
mod tests;

use std::fmt;
use std::iter::FusedIterator;

use ureq::http::Method;

use crate::access_list::CallAccessList;
use crate::client::Client;
use crate::error::Error;
use crate::response::{ApiError, Receipt, Response};

pub use report::Report;
use split::{Bounds, Decision, Splitter};

impl Client {
    /// Gives users access to calls, any number of pairs, in as few requests as the bounds of the
    /// client allow.
    ///
    /// Nothing is sent until the returned iterator is advanced. It yields what became of every
    /// pair, whatever happens, and [`Report`](crate::Report) collects it; an empty list yields
    /// nothing. What remains of a job that stopped is safe to grant again.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let access: CallAccessList = serde_json::from_slice(&std::fs::read("access.json")?)?;
    /// let report: Report = Client::from_env()?.grant_batches(&access).collect();
    /// println!("{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn grant_batches<'a>(&'a self, access: &'a CallAccessList) -> Batches<'a> {
        Batches::new(self, Method::PUT, access)
    }

    /// Takes away access that this API gave, any number of pairs; otherwise as
    /// [`grant_batches`](Self::grant_batches).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (client, access) = (Client::from_env()?, CallAccessList::new());
    /// let report: Report = client.revoke_batches(&access).collect();
    /// assert!(report.all_done(), "{report}");
    /// # Ok(())
    /// # }
    /// ```
    pub fn revoke_batches<'a>(&'a self, access: &'a CallAccessList) -> Batches<'a> {
        Batches::new(self, Method::DELETE, access)
    }
}

/// A job that sends nothing until it is iterated: an iterator over the batches of a list.
///
/// It is made by [`Client::grant_batches`] and [`Client::revoke_batches`]. Each `next()` blocks
/// until the next batch is decided: it sends one request, and more only while it searches for a
/// refused pair. Each request, with its retries, has the client's
/// [`total_timeout`](crate::ClientBuilder::total_timeout) for itself; a job has no limit. Dropping it
/// ends the job, and [`remaining`](Self::remaining) is what has not been yielded.
///
/// What it yields is a partition of the list: every pair is in exactly one [`Batch`]. The pairs come
/// in the list's order, except that those of an id that Gong seems not to know come at the end.
/// The requests are the fewest that the two bounds
/// [`max_calls_per_batch`](crate::ClientBuilder::max_calls_per_batch) and
/// [`max_pairs_per_batch`](crate::ClientBuilder::max_pairs_per_batch) allow in that order; a call
/// is divided over several requests only when its users alone are more than `max_pairs_per_batch`.
///
/// # Refusals
///
/// Gong was observed to refuse a whole request for one unknown call, without saying which. So after
/// a status 400 the job searches for the refused pair, and everything else is done:
///
/// - The first half of the pairs is sent, by calls and then by users. If Gong acknowledges it, the
///   other half is known to hold the refused pair; if not, the first half is. A pair is called
///   refused only after it was sent alone.
/// - A user who is refused with a call that Gong knows, and was never acknowledged, is set aside, and
///   so is a call that is refused with three users. Their other pairs come at the end. An id that
///   was refused alone three times in all, and never acknowledged, is not searched any further: the
///   rest of its pairs is sent in full requests, once, and if refused,
///   [`Refused`](Outcome::Refused) together.
/// - Where it cannot be told which ids are unknown, since none of those that were refused together
///   was ever acknowledged, what is left of them after 20 refusals (100, if the job has no
///   acknowledgement at all) is also sent in full requests; if all of these are refused, the pairs are
///   [`Undecided`](Outcome::Undecided).
/// - At most 1,000 requests of a job are sent only to search, a tenth of the 10,000 that Gong
///   documents for a company's day. After that the rest of the job goes on in full requests, and those
///   that are refused are undecided.
///
/// After a status 413 the next request is half as large, and no later one is larger, unless a single
/// pair turns out to be too large, which is refused alone.
///
/// Any other failure, after its retries, concerns the job: that batch is
/// [`Failed`](Outcome::Failed), the rest comes as one batch that is [`NotSent`](Outcome::NotSent),
/// and the iterator ends.
///
/// For progress, count the pairs of all batches; how many requests a job takes is not known before
/// its end.
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
#[must_use = "nothing is sent until it is iterated"]
pub struct Batches<'a> {
    client: &'a Client,
    method: Method,
    splitter: Splitter<'a>,
    is_stopped: bool,
}

/// Some pairs of a job, and what became of them.
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

/// What became of a batch.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Gong acknowledged these pairs.
    Done(Receipt),
    /// Gong refused these pairs for what they are (400, 413): correct them, since sending the same
    /// again does not help.
    ///
    /// It is one pair, or several with the same id that Gong refused together, after it had refused
    /// three others with that id alone and acknowledged none. It is not known whether a refused
    /// request was applied in part.
    Refused(ApiError),
    /// Gong refused these pairs together, and which of them it is for is not known: send them again
    /// in another job.
    ///
    /// The search for it ended before it was found, as [`Batches`] says.
    Undecided(ApiError),
    /// The job stopped at these pairs, through no fault of theirs.
    ///
    /// They may or may not hold, and are safe to send again. An answer such as 401 or 429 is an
    /// [`Error::Api`].
    Failed(Error),
    /// The job stopped before these pairs.
    ///
    /// Some may have been part of a larger request that Gong refused; all are safe to send.
    NotSent,
}

impl<'a> Batches<'a> {
    fn new(client: &'a Client, method: Method, list: &'a CallAccessList) -> Self {
        let bounds = Bounds {
            calls: client.max_calls_per_batch(),
            pairs: client.max_pairs_per_batch(),
        };
        Self {
            client,
            method,
            splitter: Splitter::new(list, bounds),
            is_stopped: false,
        }
    }

    /// Stops the job: nothing more is sent, and what is left comes as one batch that is
    /// [`NotSent`](Outcome::NotSent).
    ///
    /// A program that stops by itself goes on to collect after it, so that its report is complete and
    /// [`Report::remaining`] is all that there is to give to the next run.
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
        self.is_stopped = true;
    }

    /// Copies the pairs that have not been yielded yet.
    ///
    /// After [`stop`](Self::stop) they come as a batch, and a [`Report`] collects them with the others
    /// that remain.
    pub fn remaining(&self) -> CallAccessList {
        self.splitter.remaining()
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.is_stopped {
            let rest = self.splitter.take_remaining();
            return (!rest.is_empty()).then(|| Batch::new(rest, Outcome::NotSent, 0));
        }
        let mut requests = 0;
        while let Some(batch) = self.splitter.next() {
            let answer = self.client.change(&self.method, &batch);
            let answer = answer.map(Response::into_result);
            requests += match &answer {
                Ok(Ok(receipt)) => receipt.attempts(),
                Ok(Err(error)) => error.attempts(),
                Err(error) => error.attempts(),
            };
            let error = match answer {
                Ok(Ok(receipt)) => {
                    self.splitter.acknowledged();
                    return Some(Batch::new(batch, Outcome::Done(receipt), requests));
                }
                Ok(Err(refusal)) if matches!(refusal.status(), 400 | 413) => {
                    let is_too_large = refusal.status() == 413;
                    let Some((decision, batch)) = self.splitter.refused(is_too_large) else {
                        continue;
                    };
                    let outcome = match decision {
                        Decision::Refused => Outcome::Refused(refusal),
                        Decision::Undecided => Outcome::Undecided(refusal),
                    };
                    return Some(Batch::new(batch, outcome, requests));
                }
                Ok(Err(error)) => Error::Api(error),
                Err(error) => error,
            };
            self.is_stopped = true;
            self.splitter.take();
            return Some(Batch::new(batch, Outcome::Failed(error), requests));
        }
        None
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

    /// Returns the pairs of this batch, which are in no other.
    pub fn access_list(&self) -> &CallAccessList {
        &self.access_list
    }

    /// Returns what became of them.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Returns how many requests were sent for it, retries and searches included.
    ///
    /// The requests of all batches are the requests of the job. It is 0 for pairs that were not sent.
    pub fn requests(&self) -> u32 {
        self.requests
    }

    /// Takes the batch apart.
    pub fn into_parts(self) -> (CallAccessList, Outcome) {
        (self.access_list, self.outcome)
    }
}

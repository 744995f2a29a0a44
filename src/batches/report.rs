//! `Report`: the outcome of every pair of a job, collected from its batches.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::sync::OnceLock;

use super::ids::{Id, Ids};
use super::{Batch, Outcome};
use crate::access_list::CallAccessList;
use crate::error::Error;
use crate::response::ApiError;
use crate::text::count;

/// The outcome of every pair of a job.
///
/// Collect it from [`Batches`](crate::Batches), or [`extend`](Extend::extend) it batch by batch.
/// Each pair of the job is then in exactly one of [`done`](Self::done), [`refused`](Self::refused)
/// and [`remaining`](Self::remaining).
///
/// `Display` writes a summary of a few lines, for people, with the five largest of the
/// [`refusals`](Self::refusals). The text may change in any release.
///
/// A report drops the receipts. To keep the request ids of granted pairs, read them from each
/// [`Batch`] before you add it to the report.
///
/// # What to do after a job
///
/// Nothing, if [`all_done`](Self::all_done); a program should exit with 0 only then. Otherwise:
///
/// 1. If [`stopped_by`](Self::stopped_by) is `Some`, resolve [that error](crate::Error#what-to-do), and
///    wait for its [`retry_after`](Error::retry_after).
/// 2. Correct the [`refused`](Self::refused) pairs; sending them unchanged does not help.
///    [`refusals`](Self::refusals) says which ids are wrong.
/// 3. Run another job with the [`remaining`](Self::remaining) pairs, and collect it into a new report.
///
/// # Examples
///
/// One call is granted, the second is unknown, and at the third Gong rejects the credentials:
///
/// ```
/// use gong_call_access::{CallAccessList, CallId, Id, Report};
/// # use gong_call_access::{Client, Credentials};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut gong = mockito::Server::new();
/// # let mut mocks = Vec::new();
/// # for (call, status) in [("1", 200), ("2", 400), ("3", 401)] {
/// #     let call = mockito::Matcher::Regex(format!(r#""callId":"{call}""#));
/// #     let mock = gong.mock("PUT", "/v2/calls/users-access").match_body(call);
/// #     mocks.push(mock.with_status(status).with_body("{}").create());
/// # }
/// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url());
/// # let client = builder.max_calls_per_batch(1).requests_per_second(None).build()?;
///
/// let calls = [1, 2, 3, 4].map(CallId::from);
/// let access = CallAccessList::from_iter(calls.map(|call| (call, 7.into())));
///
/// let report: Report = client.grant_batches(&access).collect();
/// assert!(!report.all_done());
/// assert_eq!(report.done().len(), 1);
/// let refusal = report.refusals().next().ok_or("none is refused")?;
/// assert_eq!(refusal.id(), Some(Id::Call(calls[1])));
/// let error = report.stopped_by().ok_or("nothing stopped it")?;
/// assert!(error.to_string().contains("status 401"));
/// // The one that failed, and the one that was not sent.
/// assert!(report.remaining().calls().eq([calls[2], calls[3]]));
/// # Ok(())
/// # }
/// ```
#[must_use = "pairs may have been refused, or remain"]
#[derive(Debug, Clone, Default)]
pub struct Report {
    done: CallAccessList,
    refused: CallAccessList,
    remaining: CallAccessList,
    /// The refused batches, in the order of the requests.
    batches: Vec<(CallAccessList, ApiError)>,
    /// The same by what explains them, once somebody asked.
    refusals: OnceLock<Vec<Refusal>>,
    /// How many of the remaining pairs are undecided, and the error of the first of them.
    undecided: Option<(usize, ApiError)>,
    stopped_by: Option<Error>,
    requests: u64,
}

impl Report {
    /// How many refusals the summary shows, so that it fits on a screen.
    const SHOWN_REFUSALS: usize = 5;

    /// Returns the pairs that Gong acknowledged.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::Report;
    ///
    /// let report = Report::default();
    /// assert!(report.done().is_empty() && report.all_done());
    /// ```
    pub fn done(&self) -> &CallAccessList {
        &self.done
    }

    /// Returns the pairs to correct; [`refusals`](Self::refusals) says why they were refused.
    pub fn refused(&self) -> &CallAccessList {
        &self.refused
    }

    /// Returns the pairs to send again: those that failed, were not sent, or are undecided.
    ///
    /// The failed ones [may have been applied](crate#may-have-been-applied), and sending them again
    /// is safe. The list serialises as JSON and can be read back by the next run. It does not say
    /// whether its pairs are to be granted or revoked, so keep the two in separate files. It has
    /// the pairs of the batches in this report; [`Batches::remaining`](crate::Batches::remaining)
    /// also has those that the job did not yield yet.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (client, access) = (Client::from_env()?, CallAccessList::new());
    /// let report: Report = client.grant_batches(&access).collect();
    /// let next_run = serde_json::to_vec(report.remaining())?;
    /// std::fs::write("remaining.json", next_run)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remaining(&self) -> &CallAccessList {
        &self.remaining
    }

    /// Iterates over the refused pairs, grouped by the id that explains them, largest group first.
    ///
    /// The report looks for that id in all of its batches: Gong never acknowledged it, and refused
    /// it with an id that Gong knows or, if there is none, most often. So the answer can change
    /// while batches are added.
    ///
    /// # Examples
    ///
    /// Answer in JSON which ids were wrong:
    ///
    /// ```
    /// use gong_call_access::{Id, Report};
    /// use serde_json::{Value, json};
    ///
    /// fn unknown(report: &Report) -> Vec<Value> {
    ///     let ids = report.refusals().filter_map(|refusal| refusal.id());
    ///     ids.map(|id| match id {
    ///         Id::Call(call) => json!({"call": call}),
    ///         Id::User(user) => json!({"user": user}),
    ///     })
    ///     .collect()
    /// }
    ///
    /// # use gong_call_access::{CallAccessList, CallId, Client, Credentials};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut gong = mockito::Server::new();
    /// # let names_999000 = |request: &mockito::Request| {
    /// #     request.utf8_lossy_body().is_ok_and(|body| body.contains("999000"))
    /// # };
    /// # let put = gong.mock("PUT", "/v2/calls/users-access").match_request(names_999000);
    /// # let _refused = put.with_status(400).create();
    /// # let put = gong.mock("PUT", "/v2/calls/users-access");
    /// # let put = put.match_request(move |request| !names_999000(request));
    /// # let _done = put.with_body("{}").create();
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url());
    /// # let client = builder.requests_per_second(None).build()?;
    /// # let calls = (1..=5_u64).map(CallId::from);
    /// # let pairs = calls.flat_map(|call| [(call, 7.into()), (call, 999_000.into())]);
    /// # let access: CallAccessList = pairs.collect();
    /// let report: Report = client.grant_batches(&access).collect();
    /// assert_eq!(unknown(&report), [json!({"user": "999000"})]);
    /// # assert_eq!(report.done().len(), 5);
    /// # Ok(())
    /// # }
    /// ```
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.refusals.get_or_init(|| self.group()).iter()
    }

    /// Returns how many requests the job sent, including retries and searches.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Returns the error that stopped the job before its end.
    ///
    /// It is `None` after [`Batches::stop`](crate::Batches::stop), and if the job reached its end,
    /// even if pairs were refused. After a 429, the error's [`retry_after`](Error::retry_after)
    /// says when to continue.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn print(report: &gong_call_access::Report) {
    /// if let Some(error) = report.stopped_by() {
    ///     eprintln!("stopped: {error}");
    /// }
    /// # }
    /// ```
    pub fn stopped_by(&self) -> Option<&Error> {
        self.stopped_by.as_ref()
    }

    /// Returns whether every pair is done: none was refused, and none remains.
    ///
    /// It knows only the batches that were added: if you do not iterate a job to its end, pairs may
    /// be missing. It is `true` for a job without pairs.
    pub fn all_done(&self) -> bool {
        self.refused.is_empty() && self.remaining.is_empty()
    }

    /// Groups the refused pairs by what explains them, with the largest group first.
    ///
    /// This is done here and not in the job, since an acknowledgement at its very end may clear an id.
    fn group(&self) -> Vec<Refusal> {
        let mut ids = Ids::default();
        if !self.batches.is_empty() {
            ids.acknowledge(&self.done);
        }
        let alone = |(pairs, error): &(CallAccessList, ApiError)| {
            // The size of a pair says nothing about its ids.
            let is_alone = pairs.len() == 1 && error.status() != 413;
            pairs.pairs().next().filter(|_| is_alone)
        };
        for (call, user) in self.batches.iter().filter_map(alone) {
            ids.refuse(call, user);
        }
        let mut groups = BTreeMap::new();
        for batch @ (pairs, error) in &self.batches {
            let first = pairs.pairs().next();
            let id = match (alone(batch), first) {
                (Some((call, user)), _) => ids.culprit(call, user),
                (None, Some((call, user))) if pairs.len() > 1 => match pairs.call_count() {
                    1 => Some(Id::Call(call)),
                    _ => Some(Id::User(user)),
                },
                _ => None,
            };
            // Without an id, only the pair itself can be the reason.
            let pair = first.filter(|_| id.is_none());
            let group = groups.entry((id, pair)).or_insert_with(|| Refusal {
                id,
                access_list: CallAccessList::new(),
                error: error.clone(),
                sent: 0,
            });
            group.access_list.extend(pairs);
            group.sent += 1;
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|group: &Refusal| Reverse(group.access_list.len()));
        groups
    }
}

impl Extend<Batch> for Report {
    fn extend<I: IntoIterator<Item = Batch>>(&mut self, batches: I) {
        for batch in batches {
            self.requests += u64::from(batch.requests);
            let (pairs, outcome) = batch.into_parts();
            match outcome {
                Outcome::Done(_) => self.done.extend(&pairs),
                Outcome::Refused(error) => {
                    self.refused.extend(&pairs);
                    self.batches.push((pairs, error));
                }
                Outcome::Failed(error) => {
                    self.remaining.extend(&pairs);
                    self.stopped_by = Some(error);
                }
                Outcome::Undecided(error) => {
                    self.remaining.extend(&pairs);
                    self.undecided.get_or_insert((0, error)).0 += pairs.len();
                }
                Outcome::NotSent => self.remaining.extend(&pairs),
            }
        }
        self.refusals = OnceLock::new();
    }
}

impl FromIterator<Batch> for Report {
    fn from_iter<I: IntoIterator<Item = Batch>>(batches: I) -> Self {
        let mut report = Self::default();
        report.extend(batches);
        report
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "done: {}", size(&self.done))?;
        write!(f, "\nrefused: {}", size(&self.refused))?;
        for refusal in self.refusals().take(Self::SHOWN_REFUSALS) {
            write!(f, "\n  {refusal}")?;
        }
        let more: Vec<_> = self.refusals().skip(Self::SHOWN_REFUSALS).collect();
        if !more.is_empty() {
            let pairs = more.iter().map(|refusal| refusal.access_list.len()).sum();
            write!(
                f,
                "\n  and {} more, with {}",
                more.len(),
                count(pairs, "pair")
            )?;
        }
        write!(f, "\nremaining: {}", size(&self.remaining))?;
        if let Some((pairs, error)) = &self.undecided {
            write!(f, "\n  {pairs} of them undecided: {error}")?;
        }
        write!(f, "\nrequests: {}", self.requests)?;
        let Some(error) = &self.stopped_by else {
            return Ok(());
        };
        write!(f, "\nstopped by: {error}")?;
        // `Display` leaves it out, and nobody asks a summary for its source.
        if let Some(source) = error.source() {
            write!(f, "\n  {source}")?;
        }
        Ok(())
    }
}

/// Refused pairs with the same explanation; [`Report::refusals`] iterates over them.
///
/// `Display` writes one line for people, whose text may change in any release.
///
/// # Examples
///
/// A mistyped call, granted to 50 users, costs 11 requests:
///
/// ```
/// # use gong_call_access::{CallAccessList, CallId, Client, Credentials, Id, Report};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut gong = mockito::Server::new();
/// # let put = gong.mock("PUT", "/v2/calls/users-access").with_status(400);
/// # let _mock = put.with_body(r#"{"errors":["Some calls not found"]}"#).create();
/// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url());
/// # let client = builder.requests_per_second(None).build()?;
/// # let mistyped = CallId::from(5);
/// let users = (1..=50_u64).map(|user| (mistyped, user.into()));
/// let access: CallAccessList = users.collect();
/// let report: Report = client.grant_batches(&access).collect();
/// let refusal = report.refusals().next().ok_or("none is refused")?;
/// assert_eq!(refusal.id(), Some(Id::Call(mistyped)));
/// assert_eq!(refusal.error().messages(), ["Some calls not found"]);
/// assert_eq!(report.requests(), 11);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Refusal {
    id: Option<Id>,
    access_list: CallAccessList,
    error: ApiError,
    /// How many of the pairs were sent alone; the others were not sent that way.
    sent: usize,
}

impl Refusal {
    /// Returns the id that explains the refusal: Gong does not seem to know it.
    ///
    /// It is `None` for a single pair if nothing tells its call from its user, since Gong acknowledged
    /// neither and refused both equally often. Gong's messages may say more. It is also `None` if
    /// Gong acknowledged both with others, or if the pair alone was too large.
    pub fn id(&self) -> Option<Id> {
        self.id
    }

    /// Returns the refused pairs.
    ///
    /// A few that Gong refused alone show that an id is unknown, so the others of that id may not
    /// have been sent.
    pub fn access_list(&self) -> &CallAccessList {
        &self.access_list
    }

    /// Returns Gong's response to the first of the pairs.
    pub fn error(&self) -> &ApiError {
        &self.error
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sent, error) = (self.sent, &self.error);
        let (id, others) = match self.id {
            Some(id @ Id::Call(_)) => (id, "user"),
            Some(id @ Id::User(_)) => (id, "call"),
            None => {
                for (call, user) in &self.access_list {
                    write!(f, "call {call}, user {user}")?;
                }
                return write!(f, ": {error}");
            }
        };
        let with = count(sent, others);
        write!(
            f,
            "{id} seems unknown to Gong: refused with {with}, accepted with none"
        )?;
        let more = self.access_list.len() - sent;
        if more > 0 {
            write!(f, "; {more} more not sent")?;
        }
        write!(f, ": {error}")
    }
}

fn size(list: &CallAccessList) -> String {
    let (pairs, calls) = (list.len(), list.call_count());
    format!("{} of {}", count(pairs, "pair"), count(calls, "call"))
}

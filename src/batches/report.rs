//! `Report`: the outcome of every pair of a job, collected from its batches.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use super::ids::{Id, Ids};
use super::{Batch, Outcome};
use crate::access_list::CallAccessList;
use crate::error::Error;
use crate::id::{CallId, UserId};
use crate::response::ApiError;

/// The outcome of every pair of a job.
///
/// Collect it from [`Batches`](crate::Batches), or [`extend`](Extend::extend) it batch by batch.
/// Each pair of the job is then in exactly one of [`done`](Self::done), [`refused`](Self::refused)
/// and [`remaining`](Self::remaining). If another job continues with the remaining pairs, collect
/// it into a new report.
///
/// `Display` writes a summary of a few lines, for people. It groups the refused pairs by the call
/// or user that explains them, an id that Gong never acknowledged. It shows the five groups with
/// the most pairs. The text may change in any release.
///
/// A report drops the receipts. To keep the request ids of granted pairs, read them from each
/// [`Batch`] before you add it to the report.
///
/// # What to do after a job
///
/// | the report | what to do |
/// |---|---|
/// | [`all_done`](Self::all_done) | Nothing. |
/// | [`stopped_by`](Self::stopped_by) is `Some` | Resolve [that error](crate::Error#what-to-do). Then run another job with the [`remaining`](Self::remaining) pairs, after the error's [`retry_after`](Error::retry_after) if it has one. |
/// | there are [`refused`](Self::refused) pairs | Correct them. |
/// | pairs are `remaining`, and `stopped_by` is `None` | You stopped the job, or they are undecided. Run another job with them, once the refused pairs are corrected, if there are any. |
///
/// More than one row may apply. A program should exit with 0 only if the first does.
///
/// # Examples
///
/// One call is granted, the second is unknown, and at the third Gong rejects the credentials:
///
/// ```
/// # use gong_call_access::{CallAccessList, Client, Credentials, Report};
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
/// let calls = ["1", "2", "3", "4"];
/// let pair = |call: &str| Ok((call.parse()?, "7".parse()?));
/// let access = calls.into_iter().map(pair).collect::<Result<CallAccessList, gong_call_access::Error>>()?;
///
/// let report: Report = client.grant_batches(&access).collect();
/// assert!(!report.all_done());
/// assert_eq!(report.done().len(), 1);
/// let (pairs, error) = report.refused().next().ok_or("none is refused")?;
/// assert_eq!((pairs.len(), error.status()), (1, 400));
/// assert_eq!(report.remaining().len(), 2, "the one that failed, and the one not sent");
/// assert!(report.stopped_by().is_some_and(|error| error.to_string().contains("status 401")));
/// let next_run = serde_json::to_string(report.remaining())?;
/// assert!(next_run.starts_with(r#"{"callAccessList":[{"callId":"3","#));
/// # Ok(())
/// # }
/// ```
#[must_use = "pairs may have been refused, or remain"]
#[derive(Debug, Default)]
pub struct Report {
    done: CallAccessList,
    refused: Vec<(CallAccessList, ApiError)>,
    remaining: CallAccessList,
    /// How many of the remaining pairs are undecided, and the error of the first of them.
    undecided: Option<(usize, ApiError)>,
    stopped_by: Option<Error>,
    requests: u64,
}

impl Report {
    /// How many groups of refused pairs the summary shows, so that it fits on a screen.
    const SHOWN_CAUSES: usize = 5;

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

    /// Returns the pairs to send again: those that failed, were not sent, or are undecided.
    ///
    /// The failed ones [may have been applied](crate#may-have-been-applied), and sending them again
    /// is safe. The list serialises as JSON and can be read back by the next run. It does not say
    /// whether its pairs are to be granted or revoked, so store the two apart. If the report does
    /// not have all batches of the job, add [`Batches::remaining`](crate::Batches::remaining).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Report};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (client, access) = (Client::from_env()?, CallAccessList::new());
    /// let report: Report = client.grant_batches(&access).collect();
    /// std::fs::write("remaining.json", serde_json::to_vec(report.remaining())?)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn remaining(&self) -> &CallAccessList {
        &self.remaining
    }

    /// Iterates over the pairs to correct, each with Gong's reason.
    ///
    /// Sending them again does not help. An entry is a single pair, or several pairs with the same
    /// id that Gong refused together, as [`Outcome::Refused`] describes. The entries are in the
    /// order of the requests.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn print(report: &gong_call_access::Report) {
    /// for (pairs, error) in report.refused() {
    ///     for (call, user) in pairs {
    ///         eprintln!("call {call}, user {user}: {error}");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn refused(&self) -> impl Iterator<Item = (&CallAccessList, &ApiError)> {
        self.refused.iter().map(|(pairs, error)| (pairs, error))
    }

    /// Returns the error that stopped the job before its end.
    ///
    /// It is `None` if the job reached its end, even if pairs were refused, and after
    /// [`Batches::stop`](crate::Batches::stop). After a 429 its
    /// [`retry_after`](Error::retry_after) says when to continue.
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
}

impl Extend<Batch> for Report {
    fn extend<I: IntoIterator<Item = Batch>>(&mut self, batches: I) {
        for batch in batches {
            self.requests += u64::from(batch.requests);
            let (pairs, outcome) = batch.into_parts();
            match outcome {
                Outcome::Done(_) => self.done.extend(&pairs),
                Outcome::Refused(error) => self.refused.push((pairs, error)),
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
        let refused: CallAccessList = self.refused.iter().flat_map(|(pairs, _)| pairs).collect();
        write!(
            f,
            "done: {}\nrefused: {}",
            Count(&self.done),
            Count(&refused)
        )?;
        let causes = self.causes();
        for cause in causes.iter().take(Self::SHOWN_CAUSES) {
            write!(f, "\n  {cause}")?;
        }
        if let Some(more @ [_, ..]) = causes.get(Self::SHOWN_CAUSES..) {
            let pairs: usize = more.iter().map(|cause| cause.pairs).sum();
            write!(
                f,
                "\n  and {} more, with {pairs} pair{}",
                more.len(),
                plural(pairs)
            )?;
        }
        write!(f, "\nremaining: {}", Count(&self.remaining))?;
        if let Some((pairs, error)) = &self.undecided {
            write!(
                f,
                "\n  {pairs} of them undecided, since Gong refused them together: {error}"
            )?;
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
        match error.retry_after() {
            Some(wait) => write!(f, "\ncontinue after: {}", Wait(wait)),
            None => Ok(()),
        }
    }
}

impl Report {
    /// Groups the refused pairs by what explains them, with the largest group first.
    ///
    /// This is done here and not in the job, since an acknowledgement at its very end may clear an id.
    fn causes(&self) -> Vec<Cause<'_>> {
        if self.refused.is_empty() {
            return Vec::new();
        }
        let mut ids = Ids::default();
        ids.acknowledge(&self.done);
        for (pairs, error) in &self.refused {
            // The size of a pair says nothing about its ids.
            if pairs.len() == 1 && error.status() != 413 {
                pairs
                    .pairs()
                    .for_each(|(call, user)| ids.refuse(call, user));
            }
        }
        let mut causes = BTreeMap::new();
        for (pairs, error) in &self.refused {
            let Some(pair) = pairs.pairs().next() else {
                continue;
            };
            let culprit = match pairs.len() {
                1 if error.status() == 413 => None,
                1 => ids.culprit(pair.0, pair.1),
                _ if pairs.call_count() == 1 => Some(Id::Call(pair.0)),
                _ => Some(Id::User(pair.1)),
            };
            // Without a culprit, only the pair itself can be the reason.
            let key = (culprit, culprit.is_none().then_some(pair));
            let cause = causes.entry(key).or_insert(Cause {
                culprit,
                pair,
                alone: 0,
                pairs: 0,
                error,
            });
            cause.pairs += pairs.len();
            cause.alone += usize::from(pairs.len() == 1);
        }
        let mut causes: Vec<_> = causes.into_values().collect();
        causes.sort_by_key(|cause| Reverse(cause.pairs));
        causes
    }
}

/// A group of refused pairs with the same explanation.
struct Cause<'a> {
    /// The id that explains them; `None` if the pair itself does: it is too large, or both of its ids
    /// were acknowledged.
    culprit: Option<Id>,
    /// One of the pairs.
    pair: (CallId, UserId),
    /// How many pairs were refused alone.
    alone: usize,
    /// How many pairs were refused, alone or in larger requests.
    pairs: usize,
    /// The error of the first of them.
    error: &'a ApiError,
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (culprit, counterpart, owner) = match self.culprit {
            Some(culprit @ Id::Call(_)) => (culprit, "user", "its"),
            Some(culprit @ Id::User(_)) => (culprit, "call", "their"),
            None => {
                let (call, user) = self.pair;
                return write!(f, "call {call}, user {user}: {}", self.error);
            }
        };
        let (alone, together) = (self.alone, self.pairs - self.alone);
        let (alone_s, together_s) = (plural(alone), plural(together));
        if alone == 0 {
            // The id turned out to be good after all.
            write!(
                f,
                "{culprit}: {together} of {owner} pair{together_s} refused together"
            )?;
        } else {
            write!(
                f,
                "{culprit}: refused with {alone} {counterpart}{alone_s}, acknowledged with none"
            )?;
            if together > 0 {
                write!(
                    f,
                    "; {together} more of {owner} pair{together_s} refused together"
                )?;
            }
        }
        write!(f, ": {}", self.error)
    }
}

/// Displays the number of pairs and of calls.
struct Count<'a>(&'a CallAccessList);

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pairs, calls) = (self.0.len(), self.0.call_count());
        let (s, calls_s) = (plural(pairs), plural(calls));
        write!(f, "{pairs} pair{s} of {calls} call{calls_s}")
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Displays a duration in seconds, or in hours and minutes, rounded up so that nobody continues too
/// early.
struct Wait(Duration);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self
            .0
            .as_secs()
            .saturating_add(u64::from(self.0.subsec_nanos() > 0));
        let minutes = seconds.div_ceil(60);
        match (minutes / 60, minutes % 60) {
            _ if seconds <= 120 => write!(f, "{seconds} s"),
            (0, _) => write!(f, "{minutes} min"),
            (hours, 0) => write!(f, "{hours} h"),
            (hours, minutes) => write!(f, "{hours} h {minutes} min"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_in_a_readable_unit() {
        for (millis, shown) in [
            (0, "0 s"),
            (1, "1 s"),
            (1000, "1 s"),
            (1001, "2 s"),
            (120_000, "120 s"),
            (120_001, "3 min"),
            (180_000, "3 min"),
            (3_540_001, "1 h"),
            (7_200_000, "2 h"),
            (7_200_001, "2 h 1 min"),
            (86_400_000, "24 h"),
        ] {
            assert_eq!(Wait(Duration::from_millis(millis)).to_string(), shown);
        }
        let longest = Wait(Duration::MAX).to_string();
        assert!(longest.ends_with(" min"), "{longest}");
    }
}

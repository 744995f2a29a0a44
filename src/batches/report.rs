//! `Report`: what became of every pair of a job.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::ids::{Id, Ids};
use super::{Batch, Outcome};
use crate::access_list::CallAccessList;
use crate::error::Error;
use crate::id::{CallId, UserId};
use crate::response::ApiError;

/// What became of every pair of a job, collected from its batches.
///
/// Each pair of the job is in exactly one of [`done`](Self::done), [`refused`](Self::refused) and
/// [`remaining`](Self::remaining). A job that goes on with what remains gets a report of its own.
///
/// Its `Display` is a summary for people, of a few lines. It groups the refused pairs by the call or
/// user that explains them, because Gong acknowledged nothing with that id, and shows those with the
/// most pairs first.
///
/// It keeps no receipts, and it does not give its errors away: a program that wants the request ids
/// of what was done looks at each [`Batch`] before it extends the report with it.
///
/// # Examples
///
/// One call is granted, one is unknown, and at the third the credentials are no longer valid:
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
    /// How many of the remaining pairs were refused together, and why the first of them were.
    undecided: Option<(usize, ApiError)>,
    stopped_by: Option<Error>,
    requests: u64,
}

impl Report {
    /// How many causes of refusals the summary shows.
    const SHOWN_CAUSES: usize = 5;

    /// Returns the pairs that Gong acknowledged.
    pub fn done(&self) -> &CallAccessList {
        &self.done
    }

    /// Returns what to give to the next run: the pairs that failed, were not sent, or are undecided.
    ///
    /// It serialises as Gong's own body, and can be read back.
    pub fn remaining(&self) -> &CallAccessList {
        &self.remaining
    }

    /// Iterates over what to correct: the pairs that Gong refused for what they are, with the
    /// reasons.
    ///
    /// An entry is one pair, or several with the same id if Gong refused them together after it had
    /// refused that id with three others and acknowledged it with none.
    pub fn refused(&self) -> impl Iterator<Item = (&CallAccessList, &ApiError)> {
        self.refused.iter().map(|(pairs, error)| (pairs, error))
    }

    /// Returns what stopped the job before its end.
    pub fn stopped_by(&self) -> Option<&Error> {
        self.stopped_by.as_ref()
    }

    /// Returns whether every pair is done: nothing was refused, and nothing remains. Of a
    /// job that was not iterated to its end, that is said of the batches so far; an empty job is done.
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
        write!(f, "done: {}\nrefused: {}", Size(&self.done), Size(&refused))?;
        let causes = self.causes();
        for cause in causes.iter().take(Self::SHOWN_CAUSES) {
            write!(f, "\n  {cause}")?;
        }
        if let Some(more @ [_, ..]) = causes.get(Self::SHOWN_CAUSES..) {
            let pairs: usize = more.iter().map(Cause::pairs).sum();
            write!(
                f,
                "\n  and {} more, with {pairs} pair{}",
                more.len(),
                plural(pairs)
            )?;
        }
        write!(f, "\nremaining: {}", Size(&self.remaining))?;
        if let Some((pairs, error)) = &self.undecided {
            write!(
                f,
                "\n  {pairs} of them refused together, undecided which: {error}"
            )?;
        }
        write!(f, "\nrequests: {}", self.requests)?;
        let Some(error) = &self.stopped_by else {
            return Ok(());
        };
        write!(f, "\nstopped by: {error}")?;
        match error.retry_after() {
            Some(wait) => write!(f, "\ngo on after: {}", Wait(wait)),
            None => Ok(()),
        }
    }
}

impl Report {
    /// What explains the refused pairs, that of the most pairs first.
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
            // Where both ids are good, the pair itself is to blame.
            let key = (culprit, culprit.is_none().then_some(pair));
            let cause = causes.entry(key).or_insert(Cause {
                culprit,
                pair,
                alone: 0,
                together: 0,
                error,
            });
            match pairs.len() {
                1 => cause.alone += 1,
                together => cause.together += together,
            }
        }
        let mut causes: Vec<_> = causes.into_values().collect();
        causes.sort_by_key(|cause| Reverse(cause.pairs()));
        causes
    }
}

/// Pairs that were refused for the same reason.
struct Cause<'a> {
    culprit: Option<Id>,
    /// One of the pairs.
    pair: (CallId, UserId),
    /// How many pairs were refused alone, and how many together.
    alone: usize,
    together: usize,
    error: &'a ApiError,
}

impl Cause<'_> {
    fn pairs(&self) -> usize {
        self.alone + self.together
    }
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
        let (alone, together) = (self.alone, self.together);
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

/// How many pairs of how many calls.
struct Size<'a>(&'a CallAccessList);

impl fmt::Display for Size<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pairs, calls) = (self.0.len(), self.0.call_count());
        let (s, calls_s) = (plural(pairs), plural(calls));
        write!(f, "{pairs} pair{s} of {calls} call{calls_s}")
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A time in the largest unit that shows it well, never less than it is.
struct Wait(Duration);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self
            .0
            .as_secs()
            .saturating_add(u64::from(self.0.subsec_nanos() > 0));
        match seconds {
            0..=120 => write!(f, "{seconds} s"),
            121..=7200 => write!(f, "{} min", seconds.div_ceil(60)),
            _ => write!(f, "{} h", seconds.div_ceil(3600)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_shown_in_the_largest_unit_that_is_not_too_coarse_and_rounded_up() {
        for (millis, shown) in [
            (0, "0 s"),
            (1, "1 s"),
            (1000, "1 s"),
            (1001, "2 s"),
            (120_000, "120 s"),
            (120_001, "3 min"),
            (180_000, "3 min"),
            (7_200_000, "120 min"),
            (7_200_001, "3 h"),
            (86_400_000, "24 h"),
        ] {
            assert_eq!(Wait(Duration::from_millis(millis)).to_string(), shown);
        }
        let longest = Wait(Duration::MAX).to_string();
        assert!(longest.ends_with(" h"), "{longest}");
    }
}

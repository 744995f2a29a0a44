//! `Report`: what became of every pair of a job.

use std::fmt;
use std::time::Duration;

use super::{Batch, Outcome};
use crate::{ApiError, CallAccessList, Error};

/// What became of every pair of a job, collected from its batches.
///
/// Each pair of the job is in exactly one of [`done`](Self::done), [`refused`](Self::refused) and
/// [`remaining`](Self::remaining). Its `Display` is a summary for people, of a few lines, with the
/// ids of the first refused pairs. A job that goes on with what remains gets a report of its own.
///
/// It does not keep the receipts, nor give its errors away: a program that wants the request ids of
/// what was done looks at each [`Batch`] before it extends the report with it.
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
    stopped_by: Option<Error>,
    requests: u64,
}

impl Report {
    /// How many refusals the summary shows with their reasons.
    const SHOWN_REFUSALS: usize = 5;

    /// Returns the pairs that Gong acknowledged.
    pub fn done(&self) -> &CallAccessList {
        &self.done
    }

    /// Returns the pairs that failed or were not sent: what to give to the next run, with what was
    /// [`refused`](Self::refused) together.
    ///
    /// It serialises as Gong's own body, and can be read back.
    pub fn remaining(&self) -> &CallAccessList {
        &self.remaining
    }

    /// Iterates over the pairs that Gong refused for what they are, with the reasons.
    ///
    /// An entry is one pair, or several that the job could not divide further, since its extra requests
    /// were used up: good pairs may be among those, so give them to another job.
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
        for (pairs, error) in self.refused.iter().take(Self::SHOWN_REFUSALS) {
            match (pairs.pairs().next(), pairs.len()) {
                (Some((call, user)), 1) => write!(f, "\n  call {call}, user {user}: {error}")?,
                _ => write!(f, "\n  {}: {error}", Size(pairs))?,
            }
        }
        if let Some(more @ [_, ..]) = self.refused.get(Self::SHOWN_REFUSALS..) {
            let pairs: CallAccessList = more.iter().flat_map(|(pairs, _)| pairs).collect();
            write!(f, "\n  and {} more, with {}", more.len(), Size(&pairs))?;
        }
        write!(f, "\nremaining: {}", Size(&self.remaining))?;
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

/// How many pairs of how many calls.
struct Size<'a>(&'a CallAccessList);

impl fmt::Display for Size<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |n| if n == 1 { "" } else { "s" };
        let (pairs, calls) = (self.0.len(), self.0.call_count());
        let (s, calls_s) = (plural(pairs), plural(calls));
        write!(f, "{pairs} pair{s} of {calls} call{calls_s}")
    }
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

//! `Report`: what became of every pair of a job.

use std::fmt;
use std::time::Duration;

use super::{Batch, Outcome};
use crate::{ApiError, CallAccessList, Error};

/// What became of every pair of a job, collected from its batches.
///
/// Each pair of the job is in exactly one of [`done`](Self::done), [`refused`](Self::refused) and
/// [`remaining`](Self::remaining). Its `Display` is a summary for people, of a few lines. A job
/// that goes on with what remains gets a report of its own.
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Report};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client, access) = (Client::from_env()?, CallAccessList::new());
/// let report: Report = client.grant_batches(&access).collect();
/// println!("{report}");
/// if !report.all_done() {
///     std::fs::write("remaining.json", serde_json::to_vec(report.remaining())?)?;
/// }
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

    /// Returns the pairs that failed or were not sent: what to give to the next run.
    ///
    /// It serialises as Gong's own body, and can be read back.
    pub fn remaining(&self) -> &CallAccessList {
        &self.remaining
    }

    /// Iterates over the pairs that Gong refused for what they are, with the reasons.
    pub fn refused(&self) -> impl Iterator<Item = (&CallAccessList, &ApiError)> {
        self.refused.iter().map(|(pairs, error)| (pairs, error))
    }

    /// Returns what stopped the job before its end.
    pub fn stopped_by(&self) -> Option<&Error> {
        self.stopped_by.as_ref()
    }

    /// Returns whether every pair is done: nothing was refused, and nothing remains.
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
        if let Some(more @ 1..) = self.refused.len().checked_sub(Self::SHOWN_REFUSALS) {
            write!(f, "\n  and {more} more")?;
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

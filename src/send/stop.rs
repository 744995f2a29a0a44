//! `StopHandle`: stops a job from any thread.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::permits::Permits;

/// Stops a job, from any thread and while the job waits.
///
/// [`Batches::stop_handle`](crate::Batches::stop_handle) creates it. All handles of a job, and their
/// clones, do the same. A handle may outlive its job, and does not keep the client's connections open.
#[derive(Clone)]
pub struct StopHandle {
    permits: Arc<Permits>,
    stop: Arc<Stop>,
}

/// Whether a job is stopped.
///
/// A call outside a job has one of its own, which is never set.
pub(crate) type Stop = AtomicBool;

impl StopHandle {
    pub(crate) fn new(permits: Arc<Permits>) -> Self {
        Self {
            permits,
            stop: Arc::default(),
        }
    }

    /// Stops the job, like [`Batches::stop`](crate::Batches::stop).
    ///
    /// This returns at once. If the job is waiting, for the rate limit, after a 429 or before a retry,
    /// it stops waiting. If a request is in flight, the job still waits for its response, and the
    /// outcome of its pairs is as usual. A request that was to be retried is not sent again: its pairs
    /// [may have been applied](crate#may-have-been-applied), and are [`Failed`](crate::Outcome::Failed)
    /// with the last error.
    ///
    /// Stopping twice, before the first batch or after the last one has no further effect.
    pub fn stop(&self) {
        self.permits.stop(&self.stop);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn as_stop(&self) -> &Stop {
        &self.stop
    }
}

impl fmt::Debug for StopHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StopHandle")
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}

//! `Search` and `Size`: where the search for a refused pair stands, and how large a request may be.
//!
//! An example, with 8 pairs of which the sixth is refused:
//!
//! ```text
//! sent          response   known then
//! 1 to 8        400        one of 1 to 8 is refused
//! 1 to 4        200        one of 5 to 8 is refused
//! 5 to 6        400        one of 5 to 6 is refused
//! 5             200        6 must be the refused one, but only a pair sent alone counts as refused
//! 6             400        6 is refused; nothing is known about 7 and 8
//! 7 to 8        200        done
//! ```

/// The search for the refused pairs of a job, from the front of the remaining pairs to their end.
///
/// If some pairs include a refused one, the job sends their first half. If Gong acknowledges it,
/// the refused pair is in the second half, and no request is needed to show that. So a search in
/// `n` pairs takes about `log2 n` requests. Searching both halves, as a recursion would, takes
/// twice as many.
#[derive(Debug)]
pub(super) struct Search {
    /// How many of the next pairs are known to include a refused one; 0 if nothing is known.
    suspected: usize,
    /// How many pairs a request may carry while nothing is known about them.
    limit: usize,
    /// How many pairs were acknowledged since the last refused one.
    acknowledged: usize,
    /// How many requests were sent only to search.
    requests: usize,
}

impl Search {
    /// How many requests of a job may go into searching: a tenth of a company's 10,000 a day.
    pub(super) const MAX_REQUESTS: usize = 1000;

    /// Starts without a limit, since most jobs have no refused pair.
    pub(super) fn new() -> Self {
        Self {
            suspected: 0,
            limit: usize::MAX,
            acknowledged: 0,
            requests: 0,
        }
    }

    pub(super) fn suspected(&self) -> usize {
        self.suspected
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[cfg(test)]
    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    /// Whether the job has used up its requests for searching.
    pub(super) fn is_over(&self) -> bool {
        self.requests >= Self::MAX_REQUESTS
    }

    /// Starts over with the pairs of an id that is probably unknown.
    pub(super) fn restart(&mut self) {
        self.suspected = 0;
        // Most likely the very first pair is refused, which a larger request would not show.
        self.limit = 1;
        self.acknowledged = 0;
    }

    /// Records that a request with the next `pairs` was acknowledged.
    pub(super) fn acknowledged(&mut self, pairs: usize) {
        self.acknowledged += pairs;
        if self.suspected == 0 {
            // Doubling returns to full requests after a few steps. Returning at once would pay for a
            // search of a full request wherever unknown ids stand close together.
            self.limit = self.limit.saturating_mul(2);
            return;
        }
        self.count();
        self.suspected = if self.is_over() {
            // The other half goes out in the next full request.
            0
        } else {
            self.suspected.saturating_sub(pairs)
        };
    }

    /// Records that a request with the next `pairs` was refused, so that they are searched.
    pub(super) fn suspect(&mut self, pairs: usize) {
        if self.suspected > 0 {
            self.count();
        }
        self.suspected = pairs;
    }

    /// Records that the next pair was refused alone, which ends this search.
    ///
    /// The best guess at the distance to the next refused pair is the distance from the one before:
    /// what was acknowledged in between. A pair with the same culprit as the last says nothing new
    /// about that, since an unknown call is refused with all of its users.
    pub(super) fn found(&mut self, is_same_culprit: bool) {
        self.count();
        self.suspected = 0;
        if !is_same_culprit {
            self.limit = self.acknowledged.max(1);
            self.acknowledged = 0;
        }
    }

    /// Continues after the suspected pairs without searching them.
    pub(super) fn skip(&mut self) {
        self.suspected = 0;
    }

    /// Counts a request that was sent only to search.
    pub(super) fn count(&mut self) {
        // After the bound, every request is as large as it can be, so none is sent only to search.
        if !self.is_over() {
            self.requests += 1;
        }
    }
}

/// How many pairs a request may carry, as learned from status 413.
#[derive(Debug)]
pub(super) struct Size {
    max: usize,
    doubt: Option<Doubt>,
}

/// The possibility that a request was refused with a 413 because of a single pair in it.
///
/// Then the size of the request says nothing, and the maximum from before that request is restored.
#[derive(Debug)]
struct Doubt {
    /// How many pairs of that request are not decided yet.
    pairs: usize,
    /// The maximum before that request.
    max_before: usize,
}

impl Size {
    /// Starts with the bound that the client was configured with.
    pub(super) fn new(max: usize) -> Self {
        Self { max, doubt: None }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Records that a request of more than one pair was too large.
    pub(super) fn too_large(&mut self, pairs: usize) {
        let max_before = self.max;
        // Halves of the same request keep the maximum from before the first of them.
        self.doubt.get_or_insert(Doubt { pairs, max_before });
        self.max = pairs / 2;
    }

    /// Records that a single pair was too large, which explains why the requests with it were.
    pub(super) fn blame_a_pair(&mut self) {
        if let Some(doubt) = self.doubt.take() {
            self.max = doubt.max_before;
        }
    }

    /// Records that the next `pairs` are decided. The doubt ends once all of its pairs are.
    pub(super) fn decided(&mut self, pairs: usize) {
        self.doubt = self.doubt.take().and_then(|doubt| {
            let left = doubt.pairs.checked_sub(pairs).filter(|left| *left > 0)?;
            Some(Doubt {
                pairs: left,
                ..doubt
            })
        });
    }
}

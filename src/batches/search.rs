//! `Search`: where the search for a refused pair stands, and how large a request may be.
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
/// If some pairs include a refused one, the job sends a part of them. If Gong acknowledges it, the
/// refused pair is in the rest, and no request is needed to show that.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    /// How many of the next pairs are known to include a refused one; 0 if nothing is known.
    pub(super) suspected: usize,
    /// How many pairs a request may carry while nothing is known about them.
    limit: usize,
    /// How many pairs any request may carry: fewer than one that was too large.
    pub(super) most: usize,
    /// How many pairs were acknowledged since the last refused one.
    acknowledged: usize,
    /// How many pairs the request that began the search carried.
    pub(super) began_with: usize,
    /// How many requests were sent only to search.
    pub(super) requests: usize,
}

impl Search {
    /// How many requests of a job may go into searching: a tenth of a company's 10,000 a day.
    pub(super) const MAX_REQUESTS: usize = 1000;

    /// Starts without a limit of its own, since most jobs have no refused pair.
    pub(super) fn new(most: usize) -> Self {
        Self {
            limit: usize::MAX,
            most,
            ..Self::default()
        }
    }

    /// Returns how many pairs the next request may carry.
    pub(super) fn limit(&self) -> usize {
        if self.is_over() {
            self.most
        } else {
            self.limit.min(self.most)
        }
    }

    /// Whether the job has used up its requests for searching.
    pub(super) fn is_over(&self) -> bool {
        self.requests >= Self::MAX_REQUESTS
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
        self.suspected = self.suspected.saturating_sub(pairs);
        if self.is_over() {
            self.suspected = 0;
        }
    }

    /// Records that a request with the next `pairs` was refused, so that they are searched.
    pub(super) fn suspect(&mut self, pairs: usize) {
        match self.suspected {
            0 => self.began_with = pairs,
            _ => self.count(),
        }
        self.suspected = pairs;
    }

    /// Records that the next pair was refused alone, which ends this search.
    ///
    /// The best guess at the distance to the next refused pair is the distance from the one before:
    /// what was acknowledged in between. Another pair of the same call says nothing new about that.
    pub(super) fn found(&mut self, is_same_call: bool) {
        if self.suspected == 0 {
            self.began_with = 1;
        }
        self.count();
        self.suspected = 0;
        if !is_same_call {
            self.limit = self.acknowledged.max(self.began_with / 4).max(1);
            self.acknowledged = 0;
        }
    }

    /// Records that a request with this many pairs was too large.
    pub(super) fn too_large(&mut self, pairs: usize) {
        self.count();
        self.most = pairs / 2;
    }

    /// Counts a request that was sent only to search.
    fn count(&mut self) {
        // After the bound, every request is as large as it can be, so none is sent only to search.
        if !self.is_over() {
            self.requests += 1;
        }
    }
}

//! Where the search for a refused pair stands, and how large the next request may be.

/// The search for the refused pairs of a job, from the front of what is left to its end.
///
/// No request is sent for what is known already: if the first half of some pairs is acknowledged, the
/// other half holds the refused one.
#[derive(Debug)]
pub(super) struct Search {
    /// How many of the next pairs hold a refused one; 0 if nothing is known of them.
    suspected: usize,
    /// How many pairs a request may carry while nothing is known of them.
    limit: usize,
    /// How many pairs were acknowledged since the last refused one.
    acknowledged: usize,
    requests: usize,
}

impl Search {
    /// How many requests of a job may go into searching, a tenth of what Gong allows a company in a
    /// day.
    pub(super) const MAX_REQUESTS: usize = 1000;

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

    pub(super) fn is_over(&self) -> bool {
        self.requests >= Self::MAX_REQUESTS
    }

    /// Begins again with other pairs, the first of which are probably refused.
    pub(super) fn restart(&mut self) {
        self.suspected = 0;
        self.limit = 1;
        self.acknowledged = 0;
    }

    /// Learns that a request with the next `pairs` was acknowledged.
    pub(super) fn acknowledged(&mut self, pairs: usize) {
        self.acknowledged += pairs;
        if self.suspected == 0 {
            self.limit = self.limit.saturating_mul(2);
            return;
        }
        self.count();
        self.suspected = if self.is_over() {
            0
        } else {
            self.suspected.saturating_sub(pairs)
        };
    }

    /// Learns that a request with the next `pairs` was refused, and nothing else.
    pub(super) fn suspect(&mut self, pairs: usize) {
        if self.suspected > 0 {
            self.count();
        }
        self.suspected = pairs;
    }

    /// Learns that the next pair was refused alone.
    ///
    /// What was acknowledged since the last refused pair is the best guess at how far the next one
    /// is. If the pair has the same culprit as the last, that guess is kept.
    pub(super) fn found(&mut self, is_same_culprit: bool) {
        self.count();
        self.suspected = 0;
        if !is_same_culprit {
            self.limit = self.acknowledged.max(1);
            self.acknowledged = 0;
        }
    }

    /// Goes on behind pairs that are not searched.
    pub(super) fn skip(&mut self) {
        self.suspected = 0;
    }

    /// Counts a request that was sent only to search.
    pub(super) fn count(&mut self) {
        self.requests = Self::MAX_REQUESTS.min(self.requests + 1);
    }
}

/// How many pairs fit into a request, as far as status 413 says so.
#[derive(Debug)]
pub(super) struct Size {
    max: usize,
    doubt: Option<Doubt>,
}

/// One of the pairs of a request that was too large may be so by itself, and then the size of the
/// request says nothing.
#[derive(Debug)]
struct Doubt {
    /// How many of these pairs are not decided yet.
    pairs: usize,
    max_before: usize,
}

impl Size {
    pub(super) fn new(max: usize) -> Self {
        Self { max, doubt: None }
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// Learns that a request of more than one pair was too large.
    pub(super) fn too_large(&mut self, pairs: usize) {
        let max_before = self.max;
        self.doubt.get_or_insert(Doubt { pairs, max_before });
        self.max = pairs / 2;
    }

    /// Learns that a pair of the request that was too large is too large by itself, or is not among the
    /// next pairs any more.
    pub(super) fn blame_a_pair(&mut self) {
        if let Some(doubt) = self.doubt.take() {
            self.max = doubt.max_before;
        }
    }

    /// Learns that the next `pairs` are decided.
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

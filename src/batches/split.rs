//! `Splitter`: what a job sends next, and what a refusal means. It has no client and no clock.
//!
//! Pairs move one way: from `rest` to `queue`, or by way of `aside`, and out of `queue` once they are
//! decided.
//!
//! ```text
//! list -> rest -> queue -> decided: acknowledged, refused or undecided
//!          |       ^
//!          v       |
//!        aside ----+   the pairs of ids that are probably unknown, after all others
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::mem;

use super::ids::{Id, Ids, Verdict};
use super::search::{Search, Size};
use crate::{CallAccessList, CallId, Pairs, UserId};

type Pair = (CallId, UserId);

/// How much one request may carry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) calls: usize,
    pub(super) pairs: usize,
}

/// What a refusal decides about the pairs of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// They are refused because of their ids, or because they are too large.
    Refused,
    /// At least one of them is refused, but the search ended before it was found.
    Undecided,
}

/// Cuts a list into requests, and searches the refused requests for the pairs at fault.
///
/// Call [`next_request`](Self::next_request), send what it returns, and call
/// [`acknowledged`](Self::acknowledged), [`refused`](Self::refused) or, to stop,
/// [`take`](Self::take).
pub(super) struct Splitter<'a> {
    list: &'a CallAccessList,
    bounds: Bounds,
    /// The pairs that have not been looked at, in the list's order.
    rest: Pairs<'a>,
    /// The next pairs; a request carries the first of them.
    ///
    /// A deque, because requests take pairs from the front, and probing rotates it.
    queue: VecDeque<Pair>,
    /// The pairs to send at the end, by the id that is probably unknown.
    aside: BTreeMap<Id, Vec<Pair>>,
    /// The id whose pairs are in `queue`; `None` while they come from the list.
    aside_id: Option<Id>,
    /// How many pairs the last request carried.
    sent: usize,
    /// How many single pairs were refused since it became doubtful that any of `queue` is good.
    probes: usize,
    /// Whether no more single pairs are tried, since it is doubtful that any of `queue` is good.
    is_given_up: bool,
    search: Search,
    size: Size,
    /// `None` before the first refusal: most jobs have none, and would only pay for two more sets.
    ids: Option<Ids>,
}

impl<'a> Splitter<'a> {
    /// How many pairs are searched even if probably none of them is good.
    const FEW: usize = 100;

    /// How many single pairs, spread over the list, are tried before doubtful ones are given up.
    const PROBES: usize = 3;

    pub(super) fn new(list: &'a CallAccessList, bounds: Bounds) -> Self {
        Self {
            list,
            bounds,
            rest: list.into_iter(),
            queue: VecDeque::new(),
            aside: BTreeMap::new(),
            aside_id: None,
            sent: 0,
            probes: 0,
            is_given_up: false,
            search: Search::new(),
            size: Size::new(bounds.pairs),
            ids: None,
        }
    }

    /// Returns the pairs of the next request, or `None` at the end.
    ///
    /// They remain in [`remaining`](Self::remaining) until they are decided, so that a panic while they
    /// are being sent loses none of them.
    pub(super) fn next_request(&mut self) -> Option<CallAccessList> {
        if self.search.suspected() == 0 {
            self.fill();
        }
        self.sent = self.request_size();
        let request = self.queue.iter().take(self.sent);
        (self.sent > 0).then(|| request.copied().collect())
    }

    /// Records that Gong acknowledged the last request.
    pub(super) fn acknowledged(&mut self) {
        let is_out_of_order = self.is_probing() || self.is_given_up;
        self.search.acknowledged(self.sent);
        if let Some(ids) = &mut self.ids {
            ids.acknowledge(self.queue.iter().take(self.sent).copied());
        }
        self.remove_sent();
        self.probes = 0;
        self.is_given_up = false;
        // Probing rotated the queue; from here on, its pairs are sent in order again.
        if is_out_of_order {
            self.queue.make_contiguous().sort_unstable();
        }
    }

    /// Records that Gong refused the last request, with a 413 if it `is_too_large`.
    ///
    /// Returns what that decides about its pairs; `None` if the search continues.
    pub(super) fn refused(&mut self, is_too_large: bool) -> Option<Decision> {
        self.ids.get_or_insert_with(|| {
            // Before the first refusal, everything decided was acknowledged, in the list's order.
            let decided = self.list.len() - self.queue.len() - self.rest.len();
            let mut ids = Ids::default();
            ids.acknowledge(self.list.into_iter().take(decided));
            ids
        });
        let decision = if is_too_large && self.sent > 1 {
            // Learned even after the search, or every later request would be refused.
            self.search.count();
            self.size.too_large(self.sent);
            if self.may_search() {
                return None;
            }
            Decision::Undecided
        } else if self.sent == 1 {
            self.record_single_refusal(is_too_large);
            Decision::Refused
        } else if self.verdict() == Verdict::Unknown {
            Decision::Refused
        } else if !self.is_searching() {
            // Only one request for each pair could tell the good pairs from the others.
            Decision::Undecided
        } else {
            self.search.suspect(self.sent);
            return None;
        };
        self.search.skip();
        self.remove_sent();
        Some(decision)
    }

    /// Records that the last request, of a single pair, was refused.
    fn record_single_refusal(&mut self, is_too_large: bool) {
        let (Some((call, user)), Some(ids)) = (self.queue.front(), &mut self.ids) else {
            return;
        };
        let is_same_culprit = ids.single_refusals(Id::Call(*call)) > 0;
        self.search.found(is_same_culprit);
        if is_too_large {
            self.size.blame_a_pair();
            ids.refuse_one();
            if !self.may_search() {
                // A server that finds any request too large would get one for each pair.
                self.size = Size::new(self.bounds.pairs);
            }
        } else {
            ids.refuse(*call, *user);
        }
        if self.verdict() == Verdict::Doubtful {
            self.probes += 1;
            self.is_given_up = self.probes >= Self::PROBES && self.queue.len() > Self::FEW;
        }
    }

    /// Removes the pairs of the last request, which are decided now.
    pub(super) fn remove_sent(&mut self) {
        let sent = mem::take(&mut self.sent);
        self.size.decided(sent);
        self.queue.drain(..sent);
    }

    /// Copies all pairs that are not decided yet.
    pub(super) fn remaining(&self) -> CallAccessList {
        let aside = self.aside.values().flatten();
        let next = self.queue.iter().chain(aside).copied();
        next.chain(self.rest.clone()).collect()
    }

    /// Removes all pairs that are not decided yet.
    pub(super) fn take_remaining(&mut self) -> CallAccessList {
        let remaining = self.remaining();
        self.queue.clear();
        self.aside.clear();
        self.rest.by_ref().for_each(drop);
        remaining
    }

    /// How many requests went into searching.
    #[cfg(test)]
    pub(super) fn search_requests(&self) -> usize {
        self.search.requests()
    }

    /// How many pairs are in `queue`.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Returns the verdict on the ids of the next pairs.
    fn verdict(&self) -> Verdict {
        match (&self.ids, self.aside_id) {
            (Some(ids), Some(id)) => ids.verdict(id),
            (Some(ids), None) => ids.verdict_on_all(),
            (None, _) => Verdict::Open,
        }
    }

    /// Whether a pair of this id was refused alone, and none was ever acknowledged.
    fn was_refused_alone(&self, id: Id) -> bool {
        let ids = self.ids.as_ref();
        ids.is_some_and(|ids| ids.single_refusals(id) > 0)
    }

    /// Fills `queue` with enough pairs for a request, if any are left.
    fn fill(&mut self) {
        if self.aside_id.is_none() {
            self.fill_from_list();
        }
        if self.queue.is_empty() {
            if let Some((id, pairs)) = self.aside.pop_first() {
                self.aside_id = Some(id);
                self.queue = pairs.into();
                self.search.restart();
                self.probes = 0;
                self.is_given_up = false;
            }
        }
        if self.is_probing() {
            // Pairs that are far apart reveal more than neighbours do.
            let step = self.queue.len() / (Self::PROBES + 1);
            self.queue.rotate_left(step);
        }
    }

    /// Returns whether single pairs are sent, to find out whether any of the next pairs is good.
    fn is_probing(&self) -> bool {
        let is_doubtful = self.verdict() == Verdict::Doubtful;
        let is_suspect = |id| self.was_refused_alone(id);
        self.is_searching() && (is_doubtful || self.aside_id.is_some_and(is_suspect))
    }

    /// Takes all that is left, so that single pairs of all of it can be tried.
    fn fill_with_all(&mut self) {
        if self.rest.len() > 0 || !self.aside.is_empty() {
            let aside = mem::take(&mut self.aside).into_values().flatten();
            self.queue.extend(aside.chain(self.rest.by_ref()));
            self.queue.make_contiguous().sort_unstable();
        }
    }

    /// Takes pairs from the list, and sets aside those of ids that are probably unknown.
    fn fill_from_list(&mut self) {
        if self.verdict() == Verdict::Doubtful {
            return self.fill_with_all();
        }
        let ids = self.ids.as_ref();
        // `cut` has to see whether the last call would fit into a request of its own, which may begin
        // at the end of this one. To look further, again for each request, would take quadratic time.
        let enough = self.limit().saturating_mul(2);
        let mut calls = 0;
        let mut next = Vec::new();
        while next.len() <= enough && calls <= self.bounds.calls {
            // The pairs in `queue` are looked at again: their ids may have been refused since.
            let pair = self.queue.pop_front().or_else(|| self.rest.next());
            let Some((call, user)) = pair else {
                break;
            };
            if let Some(id) = ids.and_then(|ids| ids.set_aside(call, user)) {
                self.aside.entry(id).or_default().push((call, user));
                self.size.decided(1);
                continue;
            }
            if next.last().is_none_or(|(last, _)| *last != call) {
                calls += 1;
            }
            next.push((call, user));
        }
        for pair in next.into_iter().rev() {
            self.queue.push_front(pair);
        }
    }

    /// Returns how many pairs a request may carry while none of them is suspected.
    fn limit(&self) -> usize {
        let limit = if self.is_searching() {
            self.search.limit()
        } else {
            usize::MAX
        };
        limit.min(self.size.max())
    }

    /// Returns whether a refused request is searched; if not, all of its pairs are decided.
    fn is_searching(&self) -> bool {
        self.may_search() && self.verdict() != Verdict::Unknown
    }

    /// Returns whether smaller requests may still be sent to learn which of their pairs are good.
    fn may_search(&self) -> bool {
        !self.search.is_over() && !self.is_given_up
    }

    /// Returns how many of the next pairs a request carries; 0 at the end.
    fn request_size(&self) -> usize {
        if self.search.suspected() > 0 {
            return self.half(self.search.suspected()).min(self.size.max());
        }
        if self.is_probing() {
            return self.queue.len().min(1);
        }
        match self.queue.front() {
            // The call was refused with another user, so this pair is probably refused too.
            Some((call, _)) if self.is_searching() && self.was_refused_alone(Id::Call(*call)) => 1,
            _ => self.cut(),
        }
    }

    /// Returns how many of the next pairs go into one request.
    ///
    /// A call whose users would fit into a request of their own is not split, so that a refusal
    /// concerns whole calls; a larger one fills the room that is left. No other division in this order
    /// takes fewer requests.
    fn cut(&self) -> usize {
        let limit = self.limit();
        let mut size = 0;
        for _ in 0..self.bounds.calls {
            let Some((call, _)) = self.queue.get(size) else {
                break;
            };
            let room = limit - size;
            if room == 0 {
                break;
            }
            // One more than the limit shows that the call is too large, whatever its size.
            let users = self.queue.range(size..).take(limit.saturating_add(1));
            let users = users.take_while(|(of, _)| of == call).count();
            if users > room && users <= limit {
                break;
            }
            size += users.min(room);
        }
        size
    }

    /// Returns the size of the first half of the next `pairs`.
    ///
    /// It is half of the calls or, if there is only one, half of its users: an unknown call is refused
    /// with all of its users, so splitting them would find it twice.
    fn half(&self, pairs: usize) -> usize {
        let mut starts = Vec::new();
        let mut last = None;
        for (start, (call, _)) in self.queue.iter().take(pairs).enumerate() {
            if last.replace(call) != Some(call) {
                starts.push(start);
            }
        }
        match starts.get(starts.len() / 2) {
            Some(start) if *start > 0 => *start,
            _ => (pairs / 2).max(1),
        }
    }
}

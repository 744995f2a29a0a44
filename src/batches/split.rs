//! What a job sends next, and what a refusal means.

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

/// What is decided of the pairs of a refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// They are refused for what they are.
    Refused,
    /// At least one of them is, and the search for it is over.
    Undecided,
}

/// Cuts a list into requests, and searches the refused ones for the pairs at fault.
///
/// It is asked what to send, and told how that ended.
pub(super) struct Splitter<'a> {
    list: &'a CallAccessList,
    bounds: Bounds,
    /// What has not been looked at, in the list's order.
    rest: Pairs<'a>,
    /// The next pairs: a request carries the first of them.
    next: VecDeque<Pair>,
    /// The pairs to send at the end, by the id that is at fault.
    aside: BTreeMap<Id, Vec<Pair>>,
    /// The id whose pairs are next; `None` for those of the list.
    of: Option<Id>,
    /// How many pairs were sent last.
    sent: usize,
    /// How many single pairs were refused since it became doubtful that any of `next` is good.
    probes: usize,
    /// Whether no more single pairs are tried, since it is doubtful that any of `next` is good.
    is_given_up: bool,
    search: Search,
    size: Size,
    /// `None` before the first refusal, so that a job without one pays nothing for it.
    ids: Option<Ids>,
}

impl<'a> Splitter<'a> {
    /// So few pairs are searched even if it is doubtful that one of them is good.
    const FEW: usize = 100;

    /// How many single pairs, spread over the list, are tried before doubtful ones are given up.
    const PROBES: usize = 3;

    pub(super) fn new(list: &'a CallAccessList, bounds: Bounds) -> Self {
        Self {
            list,
            bounds,
            rest: list.into_iter(),
            next: VecDeque::new(),
            aside: BTreeMap::new(),
            of: None,
            sent: 0,
            probes: 0,
            is_given_up: false,
            search: Search::new(),
            size: Size::new(bounds.pairs),
            ids: None,
        }
    }

    /// What to send next. It stays among what remains until it is decided, so that a panic meanwhile
    /// loses nothing.
    pub(super) fn next(&mut self) -> Option<CallAccessList> {
        if self.search.suspected() == 0 {
            self.fill();
        }
        self.sent = self.next_size();
        let request = self.next.iter().take(self.sent);
        (self.sent > 0).then(|| request.copied().collect())
    }

    /// Learns that Gong acknowledged what was sent last.
    pub(super) fn acknowledged(&mut self) {
        let is_out_of_order = self.is_probing() || self.is_given_up;
        self.search.acknowledged(self.sent);
        let pairs = self.take();
        if let Some(ids) = &mut self.ids {
            ids.acknowledge(pairs);
        }
        self.probes = 0;
        self.is_given_up = false;
        if is_out_of_order {
            self.next.make_contiguous().sort_unstable();
        }
    }

    /// Learns that Gong refused what was sent last, and says what that decides, and of which pairs;
    /// `None` if the search goes on.
    pub(super) fn refused(&mut self, is_too_large: bool) -> Option<(Decision, CallAccessList)> {
        let decided = self.list.len() - self.next.len() - self.rest.len();
        self.ids.get_or_insert_with(|| {
            let mut ids = Ids::default();
            ids.acknowledge(self.list.into_iter().take(decided));
            ids
        });
        let decision = match self.verdict() {
            _ if self.sent == 1 => {
                self.refused_alone(is_too_large);
                Decision::Refused
            }
            _ if is_too_large => {
                self.search.count();
                self.size.too_large(self.sent);
                return None;
            }
            Verdict::Unknown => Decision::Refused,
            _ if self.search.is_over() || self.is_given_up => Decision::Undecided,
            _ => {
                self.search.suspect(self.sent);
                return None;
            }
        };
        self.search.skip();
        Some((decision, self.take().into_iter().collect()))
    }

    /// Learns of the single pair that was sent last.
    fn refused_alone(&mut self, is_too_large: bool) {
        let (Some((call, user)), Some(ids)) = (self.next.front(), &mut self.ids) else {
            return;
        };
        let is_same_culprit = ids.refused_alone(Id::Call(*call)) > 0;
        self.search.found(is_same_culprit);
        if is_too_large {
            self.size.blame_a_pair();
        } else {
            ids.refuse(*call, *user);
        }
        if self.verdict() == Verdict::Doubtful {
            self.probes += 1;
            self.is_given_up = self.probes >= Self::PROBES && self.next.len() > Self::FEW;
        }
    }

    /// Takes what was sent last.
    pub(super) fn take(&mut self) -> Vec<Pair> {
        let sent = mem::take(&mut self.sent);
        self.size.decided(sent);
        self.next.drain(..sent).collect()
    }

    /// Copies everything that is not decided.
    pub(super) fn remaining(&self) -> CallAccessList {
        let aside = self.aside.values().flatten();
        let next = self.next.iter().chain(aside).copied();
        next.chain(self.rest.clone()).collect()
    }

    /// Takes everything that is not decided.
    pub(super) fn take_remaining(&mut self) -> CallAccessList {
        let remaining = self.remaining();
        self.next.clear();
        self.aside.clear();
        self.rest.by_ref().for_each(drop);
        remaining
    }

    /// How many requests went into searching.
    #[cfg(test)]
    pub(super) fn search_requests(&self) -> usize {
        self.search.requests()
    }

    /// What is known against the ids of the next pairs.
    fn verdict(&self) -> Verdict {
        match (&self.ids, self.of) {
            (Some(ids), Some(id)) => ids.verdict(id),
            (Some(ids), None) => ids.verdict_on_all(),
            (None, _) => Verdict::Open,
        }
    }

    /// Makes sure that the next request can be cut from the next pairs.
    fn fill(&mut self) {
        if self.of.is_none() {
            self.fill_from_list();
        }
        if self.next.is_empty() {
            if let Some((id, pairs)) = self.aside.pop_first() {
                self.of = Some(id);
                self.next = pairs.into();
                self.search.restart();
                self.probes = 0;
                self.is_given_up = false;
            }
        }
        if self.is_probing() {
            // Pairs far from each other tell more than neighbours do.
            let step = self.next.len() / (Self::PROBES + 1);
            self.next.rotate_left(step);
        }
    }

    /// Whether single pairs are sent, to find out whether any of the next pairs is good.
    fn is_probing(&self) -> bool {
        let is_suspect = |ids: &Ids| self.of.is_some_and(|id| ids.refused_alone(id) > 0);
        match self.verdict() {
            _ if self.search.is_over() || self.is_given_up => false,
            Verdict::Open => self.ids.as_ref().is_some_and(is_suspect),
            Verdict::Doubtful => true,
            Verdict::Unknown => false,
        }
    }

    /// Takes all that is left, so that single pairs of all of it can be tried.
    fn fill_with_all(&mut self) {
        if self.rest.len() > 0 || !self.aside.is_empty() {
            let aside = mem::take(&mut self.aside).into_values().flatten();
            self.next.extend(aside.chain(self.rest.by_ref()));
            self.next.make_contiguous().sort_unstable();
        }
    }

    /// Takes pairs from the list, and sets those aside that are better sent later.
    fn fill_from_list(&mut self) {
        let ids = match &self.ids {
            Some(ids) if ids.verdict_on_all() == Verdict::Doubtful => return self.fill_with_all(),
            ids => ids.as_ref(),
        };
        let mut calls = 0;
        let mut waiting = mem::take(&mut self.next).into_iter();
        // Twice the size, to see whether the last call would fit into a request of its own.
        let enough = self.size.max().saturating_mul(2);
        while self.next.len() <= enough && calls <= self.bounds.calls {
            let Some((call, user)) = waiting.next().or_else(|| self.rest.next()) else {
                break;
            };
            if let Some(id) = ids.and_then(|ids| ids.set_aside(call, user)) {
                self.aside.entry(id).or_default().push((call, user));
                self.size.blame_a_pair();
                continue;
            }
            if self.next.back().is_none_or(|(last, _)| *last != call) {
                calls += 1;
            }
            self.next.push_back((call, user));
        }
        self.next.extend(waiting);
    }

    /// How many of the next pairs a request carries.
    fn next_size(&self) -> usize {
        if self.search.suspected() > 0 {
            return self.half(self.search.suspected()).min(self.size.max());
        }
        if self.is_probing() {
            return self.next.len().min(1);
        }
        if self.search.is_over() || self.is_given_up || self.verdict() == Verdict::Unknown {
            return self.cut(usize::MAX);
        }
        let is_suspect = |call| {
            let ids = self.ids.as_ref();
            ids.is_some_and(|ids| ids.refused_alone(Id::Call(call)) > 0)
        };
        match self.next.front() {
            // Its other pairs are probably refused too.
            Some((call, _)) if is_suspect(*call) => 1,
            _ => self.cut(self.search.limit()),
        }
    }

    /// How many pairs of as many calls as fit into one request of up to `limit` pairs there are.
    ///
    /// A call whose users would fit into a request of their own is not split; a larger one fills
    /// what room there is. So no other division in this order takes fewer requests.
    fn cut(&self, limit: usize) -> usize {
        let limit = limit.min(self.size.max());
        let mut size = 0;
        for _ in 0..self.bounds.calls {
            let Some((call, _)) = self.next.get(size) else {
                break;
            };
            let room = limit - size;
            if room == 0 {
                break;
            }
            let users = self.next.range(size..).take(limit.saturating_add(1));
            let users = users.take_while(|(of, _)| of == call).count();
            if users > room && users <= limit {
                break;
            }
            size += users.min(room);
        }
        size
    }

    /// How many of the next `pairs` are their first half: by calls, or by users if there is one call.
    fn half(&self, pairs: usize) -> usize {
        let mut starts = Vec::new();
        let mut last = None;
        for (start, (call, _)) in self.next.iter().take(pairs).enumerate() {
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

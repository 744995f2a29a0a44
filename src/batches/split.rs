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
    /// How many of the last pairs of `next` were refused, and wait for one of the others to be
    /// acknowledged.
    postponed: usize,
    search: Search,
    size: Size,
    /// `None` before the first refusal, so that a job without one pays nothing for it.
    ids: Option<Ids>,
}

impl<'a> Splitter<'a> {
    /// So few pairs are searched even if it is doubtful that one of them is good.
    const FEW: usize = 100;

    pub(super) fn new(list: &'a CallAccessList, bounds: Bounds) -> Self {
        Self {
            list,
            bounds,
            rest: list.into_iter(),
            next: VecDeque::new(),
            aside: BTreeMap::new(),
            of: None,
            sent: 0,
            postponed: 0,
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
        self.postponed = 0;
        self.search.acknowledged(self.sent);
        let pairs = self.take();
        if let Some(ids) = &mut self.ids {
            ids.acknowledge(pairs);
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
        let refused = self.postponed + self.sent;
        let decision = match self.verdict() {
            Verdict::Doubtful if refused > 1 && refused == self.next.len() => {
                self.postponed = 0;
                self.sent = self.next.len();
                Decision::Undecided
            }
            _ if self.sent == 1 => {
                self.refused_alone(is_too_large);
                Decision::Refused
            }
            Verdict::Unknown => Decision::Refused,
            Verdict::Doubtful => {
                self.postponed = refused;
                self.next.rotate_left(self.sent);
                return None;
            }
            Verdict::Open if self.search.is_over() => Decision::Undecided,
            Verdict::Open if is_too_large => {
                self.search.count();
                self.size.too_large(self.sent);
                return None;
            }
            Verdict::Open => {
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
            self.size.too_large_alone();
        } else {
            ids.refuse(*call, *user);
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

    /// What is known against the ids of the pairs that are sent.
    fn verdict(&self) -> Verdict {
        let verdict = match (&self.ids, self.of) {
            (Some(ids), Some(id)) => ids.verdict(id),
            (Some(ids), None) => ids.verdict_on_all(),
            (None, _) => Verdict::Open,
        };
        match verdict {
            // It costs little to find out.
            Verdict::Doubtful if self.next.len() <= Self::FEW => Verdict::Open,
            verdict => verdict,
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
                self.postponed = 0;
            }
        }
    }

    /// Takes all that is left of the list, once, so that what is refused can be postponed.
    fn fill_with_all(&mut self) {
        if self.rest.len() > 0 || !self.aside.is_empty() {
            self.next = self.take_remaining().pairs().collect();
        }
    }

    /// Takes pairs from the list, and sets those aside that are better sent later.
    fn fill_from_list(&mut self) {
        let ids = match &self.ids {
            Some(ids) if ids.verdict_on_all() == Verdict::Doubtful => return self.fill_with_all(),
            ids => ids.as_ref().filter(|_| !self.search.is_over()),
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
        match self.verdict() {
            Verdict::Doubtful => return self.cut(self.next.len() - self.postponed),
            Verdict::Open if !self.search.is_over() => {}
            Verdict::Open | Verdict::Unknown => return self.cut(usize::MAX),
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

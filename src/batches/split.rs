//! `Splitter`: what a job sends next, and what a refusal means. It has no client and no clock.
//!
//! Pairs move one way: from the list to `queue`, or by way of `aside`, and out of `queue` once they
//! are decided.
//!
//! ```text
//! list -> queue -> decided: acknowledged, refused or undecided
//!   |       ^
//!   v       |
//! aside ----+   the pairs of users who are probably unknown, after all others
//! ```

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::{iter, mem};

use super::ids::{Id, Ids, Suspect, Verdict};
use super::search::Search;
use crate::access_list::{CallAccessList, Pair};
use crate::id::{CallId, UserId};

/// How much one request may carry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) calls: usize,
    pub(crate) pairs: usize,
}

/// What a refusal decides; nothing while the search goes on.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// The pair that was refused alone and, if one of its ids is unknown, all others of that id.
    pub(crate) refused: CallAccessList,
    /// Pairs that may be good, which the job gives up.
    pub(crate) undecided: CallAccessList,
}

/// Cuts a list into requests, and searches the refused requests for the ids at fault.
///
/// Call [`next_request`](Self::next_request), send what it returns, and call
/// [`acknowledged`](Self::acknowledged), [`refused`](Self::refused) or, to stop,
/// [`remove_sent`](Self::remove_sent).
#[derive(Clone)]
pub(crate) struct Splitter<'a> {
    list: Cow<'a, CallAccessList>,
    bounds: Bounds,
    /// The last pair that was taken from the list.
    last: Option<Pair>,
    /// The next pairs; a request carries the first of them.
    queue: VecDeque<Pair>,
    /// The pairs of users who are probably unknown.
    aside: BTreeMap<UserId, Vec<Pair>>,
    /// The user whose pairs are in `queue`; `None` while they come from the list.
    user: Option<UserId>,
    /// How many pairs the last request carried.
    sent: usize,
    pub(super) search: Search,
    /// `None` before the first refusal: most jobs have none, and would only pay for it.
    ids: Option<Ids>,
}

impl<'a> Splitter<'a> {
    pub(crate) fn new(list: Cow<'a, CallAccessList>, bounds: Bounds) -> Self {
        Self {
            list,
            bounds,
            last: None,
            queue: VecDeque::new(),
            aside: BTreeMap::new(),
            user: None,
            sent: 0,
            search: Search::new(bounds.pairs),
            ids: None,
        }
    }

    /// Returns the pairs of the next request, or `None` at the end.
    ///
    /// They remain in [`remaining`](Self::remaining) until they are decided, so that a panic while
    /// they are being sent loses none of them.
    pub(crate) fn next_request(&mut self) -> Option<CallAccessList> {
        self.plan();
        let request = self.queue.iter().take(self.sent);
        (self.sent > 0).then(|| request.copied().collect())
    }

    /// Records that Gong acknowledged the last request.
    pub(crate) fn acknowledged(&mut self) {
        self.search.acknowledged(self.sent);
        if let Some(ids) = &mut self.ids {
            ids.acknowledge(self.queue.iter().take(self.sent).copied());
        }
        self.remove_sent();
    }

    /// Records that Gong refused the last request, with a 413 if it `is_too_large`.
    pub(crate) fn refused(&mut self, is_too_large: bool) -> Decided {
        if self.ids.is_none() {
            // Up to here, everything decided was acknowledged, in the list's order. From here on, the
            // job may take pairs from anywhere.
            self.queue.extend(self.list.pairs_after(self.last));
            self.last = self.queue.back().copied();
            let done = self.list.len() - self.queue.len();
            let mut ids = Ids::default();
            ids.acknowledge(self.list.pairs().take(done));
            self.ids = Some(ids);
        }
        if self.sent == 1 {
            return self.refused_alone(is_too_large);
        }
        let is_over = self.search.is_over();
        if is_too_large {
            self.search.too_large(self.sent);
        } else if !is_over {
            self.search.suspect(self.sent);
        }
        let mut decided = Decided::default();
        if is_over {
            decided.undecided = self.queue.iter().take(self.sent).copied().collect();
            self.search.suspected = 0;
            self.remove_sent();
        }
        decided
    }

    /// Records that the last request, of a single pair, was refused.
    fn refused_alone(&mut self, is_too_large: bool) -> Decided {
        let mut decided = Decided::default();
        let (Some((call, user)), Some(ids)) = (self.queue.front().copied(), &mut self.ids) else {
            return decided;
        };
        decided.refused.insert(call, user);
        let is_same_call = ids.refusals(Suspect::Id(Id::Call(call))) > 0;
        self.search.found(is_same_call);
        if is_too_large {
            ids.all_refusals += 1;
            // Whatever its reason, it is not the number of pairs.
            self.search.most = self.bounds.pairs;
        } else {
            ids.refuse(call, user);
        }
        self.remove_sent();
        // Only the first of them, so that the pairs of a batch have one id in common.
        let verdict = self.suspects(call).find_map(|suspect| {
            let verdict = self.ids.as_ref()?.verdict(suspect);
            (verdict != Verdict::Open).then_some((suspect, verdict))
        });
        match verdict {
            Some((suspect, Verdict::Unknown)) => decided.refused.extend(self.take(suspect)),
            Some((suspect, _)) => decided.undecided = self.take(suspect),
            None => {}
        }
        decided
    }

    /// Removes the pairs of the last request, which are decided now.
    pub(crate) fn remove_sent(&mut self) {
        self.queue.drain(..mem::take(&mut self.sent));
        if self.search.suspected == 0 {
            // A search changes their order.
            let pairs = self.queue.make_contiguous();
            let searched = self.search.began_with.min(pairs.len());
            pairs
                .get_mut(..searched)
                .unwrap_or_default()
                .sort_unstable();
        }
    }

    /// Copies all pairs that are not decided yet.
    pub(crate) fn remaining(&self) -> CallAccessList {
        let aside = self.aside.values().flatten();
        let next = self.queue.iter().chain(aside).copied();
        next.chain(self.list.pairs_after(self.last)).collect()
    }

    /// Counts the requests that are left if each of them is acknowledged.
    pub(crate) fn min_requests(&self) -> usize {
        let mut job = self.clone();
        let requests = iter::from_fn(|| {
            job.plan();
            (job.sent > 0).then(|| job.acknowledged())
        });
        requests.count()
    }

    /// Takes all pairs of a suspect.
    fn take(&mut self, suspect: Suspect) -> CallAccessList {
        let mut taken = CallAccessList::new();
        let mut keep = |pair: &Pair| !suspect.includes(*pair) || !taken.insert(pair.0, pair.1);
        self.queue.retain(&mut keep);
        let aside = self.aside.values_mut();
        aside.for_each(|pairs| pairs.retain(&mut keep));
        taken
    }

    /// Chooses the next pairs, and puts them at the front of `queue`.
    fn plan(&mut self) {
        self.sent = if self.search.suspected > 0 {
            self.narrow()
        } else {
            self.fill();
            match self.trial() {
                Some(trial) => self.probe(trial),
                None => self.fit(),
            }
        };
    }

    /// Fills `queue` with enough pairs for a request, if any are left.
    fn fill(&mut self) {
        if self.user.is_none() {
            self.fill_from_list();
        }
        while self.queue.is_empty() {
            let Some((user, mut pairs)) = self.aside.pop_first() else {
                return;
            };
            if self.search.is_over() {
                // Nothing is learned any more, so they may share requests.
                pairs.extend(mem::take(&mut self.aside).into_values().flatten());
                pairs.sort_unstable();
            }
            self.user = Some(user);
            self.queue = pairs.into();
        }
    }

    /// Takes pairs from the list, and sets aside those of users who are probably unknown.
    fn fill_from_list(&mut self) {
        // `fit` has to see whether the last call would fit into a request of its own, which may begin
        // at the end of this one. To look further, again for each request, would take quadratic time.
        let enough = self.search.limit().saturating_mul(2);
        let mut rest = self.list.pairs_after(self.last);
        let mut next = Vec::new();
        let mut calls = 0;
        while next.len() <= enough && calls <= self.bounds.calls {
            // The pairs in `queue` are looked at again: their users may have been refused since.
            let pair = self.queue.pop_front().or_else(|| {
                let next = rest.next();
                next.inspect(|pair| self.last = Some(*pair))
            });
            let Some((call, user)) = pair else { break };
            if self.ids.as_ref().is_some_and(|ids| ids.is_set_aside(user)) {
                self.aside.entry(user).or_default().push((call, user));
                continue;
            }
            calls += usize::from(next.last().is_none_or(|(last, _)| *last != call));
            next.push((call, user));
        }
        for pair in next.into_iter().rev() {
            self.queue.push_front(pair);
        }
    }

    /// Returns what may be unknown if a pair of this call is refused alone.
    fn suspects(&self, call: CallId) -> impl Iterator<Item = Suspect> + use<> {
        // Unless the queue holds the pairs of one user, most pairs of a user are out of sight.
        let user = self.user.map(Id::User);
        let ids = user.into_iter().chain([Id::Call(call)]);
        [Suspect::All].into_iter().chain(ids.map(Suspect::Id))
    }

    /// Returns what the next pairs have in common, if they are probably refused for it.
    fn trial(&self) -> Option<Suspect> {
        let ids = self.ids.as_ref().filter(|_| !self.search.is_over())?;
        let (call, _) = self.queue.front()?;
        let mut suspects = self.suspects(*call);
        suspects.find(|suspect| ids.refusals(*suspect) > 0)
    }

    /// Puts one pair of a suspect at the front: one with a known id if possible, since it proves
    /// something, or else one far from those that were refused before.
    fn probe(&mut self, suspect: Suspect) -> usize {
        let Some(ids) = &self.ids else { return 0 };
        let pairs = || {
            let next = self.queue.iter().copied();
            next.take_while(|pair| suspect.includes(*pair)).enumerate()
        };
        // The multiples of 8/13 spread evenly, however many there are.
        let start = pairs().count() * (8 * ids.refusals(suspect) % 13) / 13;
        let from_start = pairs().skip(start).chain(pairs().take(start));
        let best = from_start.min_by_key(|(_, (call, user))| {
            let ids_of_pair = [Id::Call(*call), Id::User(*user)];
            let is_known = ids_of_pair.iter().any(|id| ids.is_known(*id));
            let refusals = ids_of_pair.map(|id| ids.refusals(Suspect::Id(id)));
            (!is_known, refusals.iter().sum::<usize>())
        });
        let Some((at, pair)) = best else { return 0 };
        self.queue.remove(at);
        self.queue.push_front(pair);
        1
    }

    /// Returns how many of the next pairs go into one request.
    ///
    /// A call whose users would fit into a request of their own is not split, so that a refusal
    /// concerns whole calls; a larger one fills the room that is left. No other division in this order
    /// takes fewer requests.
    fn fit(&self) -> usize {
        let limit = self.search.limit();
        let mut size = 0;
        for _ in 0..self.bounds.calls {
            let Some((call, _)) = self.queue.get(size) else {
                break;
            };
            let room = limit - size;
            if room == 0 {
                break;
            }
            // One user more than the limit shows that the call is too large.
            let users = self.queue.range(size..).take(limit.saturating_add(1));
            let users = users.take_while(|(of, _)| of == call).count();
            if users > room && users <= limit {
                break;
            }
            size += users.min(room);
        }
        size
    }

    /// Puts the most telling of the suspected pairs at the front, and returns how many there are:
    /// the pairs of half of the calls, or of half of the users, that may be unknown, whichever are
    /// more.
    fn narrow(&mut self) -> usize {
        let pairs = self.queue.make_contiguous();
        let (Some(ids), Some(span)) = (&self.ids, pairs.get_mut(..self.search.suspected)) else {
            return 0;
        };
        let suspects = |of: fn(&Pair) -> Id| -> BTreeSet<Id> {
            let ids_of_pairs = span.iter().map(of);
            ids_of_pairs.filter(|id| !ids.is_known(*id)).collect()
        };
        let calls = suspects(|pair| Id::Call(pair.0));
        let users = suspects(|pair| Id::User(pair.1));
        // A wrong call is likelier than many wrong users.
        let more = if calls.len() == 1 || calls.len() >= users.len() {
            calls
        } else {
            users
        };
        let count = match more.len() {
            0 => span.len() / 2,
            1 if ids.refuses_pairs => span.len() / 2,
            n => {
                let half: BTreeSet<_> = more.into_iter().take((n / 2).max(1)).collect();
                let is_in = |(call, user): &Pair| {
                    half.contains(&Id::Call(*call)) || half.contains(&Id::User(*user))
                };
                span.sort_by_cached_key(|pair| !is_in(pair));
                // A single pair shows whether a single id is known.
                match n {
                    1 => 1,
                    _ => span.partition_point(is_in),
                }
            }
        };
        count.clamp(1, self.search.most)
    }
}

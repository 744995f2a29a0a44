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
use std::mem;

use super::ids::{Id, Ids, Verdict};
use super::search::Search;
use crate::access_list::CallAccessList;
use crate::id::{CallId, UserId};

type Pair = (CallId, UserId);

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

/// Whose pairs are sent alone, since they are probably refused.
#[derive(Debug, Clone, Copy)]
enum Trial {
    /// Those of a call or a user.
    Of(Id),
    /// Any pairs, since nothing was acknowledged yet.
    All,
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
    /// The last pair that was taken from the list in order.
    last: Option<Pair>,
    /// The pairs behind `last` that were taken early.
    early: BTreeSet<Pair>,
    /// The next pairs; a request carries the first of them.
    queue: VecDeque<Pair>,
    /// The pairs of users who are probably unknown.
    aside: BTreeMap<UserId, Vec<Pair>>,
    /// The user whose pairs are in `queue`; `None` while they come from the list.
    user: Option<UserId>,
    /// How many pairs the last request carried.
    sent: usize,
    search: Search,
    /// `None` before the first refusal: most jobs have none, and would only pay for it.
    ids: Option<Ids>,
}

impl<'a> Splitter<'a> {
    pub(crate) fn new(list: Cow<'a, CallAccessList>, bounds: Bounds) -> Self {
        Self {
            list,
            bounds,
            last: None,
            early: BTreeSet::new(),
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
            // Until here, everything decided was acknowledged, in the list's order.
            let rest = self.queue.len() + self.rest().count();
            let mut ids = Ids::default();
            ids.acknowledge(self.list.pairs().take(self.list.len() - rest));
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
        self.search.found(ids.refusals(Id::Call(call)) > 0);
        if is_too_large {
            ids.refuse_size();
            // Whatever its reason, it is not the number of pairs.
            self.search.most = self.bounds.pairs;
        } else {
            ids.refuse(call, user);
        }
        let of_call = ids.verdict(Id::Call(call));
        let of_user = match self.user {
            Some(user) => ids.verdict(Id::User(user)),
            // There are more pairs of this user behind those in the queue.
            None => Verdict::Open,
        };
        let of_all = ids.verdict_on_all();
        self.remove_sent();
        match (of_call, of_user, of_all) {
            (_, _, Verdict::Doubtful) => decided.undecided = self.take(|_| true),
            (_, Verdict::Unknown, _) => decided.refused.extend(self.take(|pair| pair.1 == user)),
            (Verdict::Unknown, ..) => decided.refused.extend(self.take(|pair| pair.0 == call)),
            (_, Verdict::Doubtful, _) => decided.undecided = self.take(|pair| pair.1 == user),
            (Verdict::Doubtful, ..) => decided.undecided = self.take(|pair| pair.0 == call),
            _ => {}
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
        next.chain(self.rest()).collect()
    }

    /// Counts the requests that are left if each of them is acknowledged.
    pub(crate) fn min_requests(&self) -> usize {
        let mut job = self.clone();
        let mut requests = 0;
        loop {
            job.plan();
            if job.sent == 0 {
                return requests;
            }
            job.acknowledged();
            requests += 1;
        }
    }

    /// How many requests went into searching.
    #[cfg(test)]
    pub(super) fn search_requests(&self) -> usize {
        self.search.requests()
    }

    /// The pairs that are still in the list.
    fn rest(&self) -> impl Iterator<Item = Pair> {
        let rest = self.list.pairs_after(self.last);
        rest.filter(|pair| !self.early.contains(pair))
    }

    /// Takes the pairs for which this holds; in the list, only those at the front.
    fn take(&mut self, is_taken: impl Fn(&Pair) -> bool) -> CallAccessList {
        let mut taken = CallAccessList::new();
        let mut keep = |pair: &Pair| !is_taken(pair) || !taken.insert(pair.0, pair.1);
        self.queue.retain(&mut keep);
        self.aside
            .values_mut()
            .for_each(|pairs| pairs.retain(&mut keep));
        for pair in self.list.pairs_after(self.last).take_while(&is_taken) {
            self.last = Some(pair);
            if !self.early.remove(&pair) {
                taken.insert(pair.0, pair.1);
            }
        }
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
                None => self.cut(),
            }
        };
    }

    /// Fills `queue` with enough pairs for a request, if any are left.
    fn fill(&mut self) {
        if self.user.is_none() {
            self.fill_from_list();
        }
        while self.queue.is_empty() {
            let Some((user, pairs)) = self.aside.pop_first() else {
                return;
            };
            self.user = Some(user);
            self.queue = pairs.into();
            self.search.restart();
        }
    }

    /// Takes pairs from the list, and sets aside those of users who are probably unknown.
    fn fill_from_list(&mut self) {
        // `cut` has to see whether the last call would fit into a request of its own, which may begin
        // at the end of this one. To look further, again for each request, would take quadratic time.
        let enough = self.search.limit().saturating_mul(2);
        let mut rest = self.list.pairs_after(self.last);
        let mut next = Vec::new();
        let mut calls = 0;
        while next.len() <= enough && calls <= self.bounds.calls {
            // The pairs in `queue` are looked at again: their users may have been refused since.
            let pair = self.queue.pop_front().or_else(|| {
                rest.find(|pair| {
                    self.last = Some(*pair);
                    !self.early.remove(pair)
                })
            });
            let Some((call, user)) = pair else { break };
            if self.ids.as_ref().is_some_and(|ids| ids.is_suspect(user)) {
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

    /// Returns whose pairs are next, if they are probably refused.
    fn trial(&self) -> Option<Trial> {
        let ids = self.ids.as_ref().filter(|_| !self.search.is_over())?;
        let (call, user) = self.queue.front()?;
        let is_refused = |id| ids.refusals(id) > 0;
        if ids.refusals_of_all() > 0 {
            Some(Trial::All)
        } else if self.user.is_some() && is_refused(Id::User(*user)) {
            Some(Trial::Of(Id::User(*user)))
        } else if is_refused(Id::Call(*call)) {
            Some(Trial::Of(Id::Call(*call)))
        } else {
            None
        }
    }

    /// Puts one pair of these at the front: one that proves something, or else one that is far from
    /// those that were refused before.
    fn probe(&mut self, trial: Trial) -> usize {
        let Some(ids) = &self.ids else { return 0 };
        let len = self.queue.len();
        // The multiples of 8/13 spread evenly, however many there are.
        let spread = |nth: usize, of: usize| of * (8 * nth % 13) / 13;
        let at = match trial {
            Trial::All => {
                let all = || self.queue.iter().copied().chain(self.rest()).enumerate();
                let start = spread(ids.refusals_of_all(), all().count());
                let refusals =
                    |(call, user)| ids.refusals(Id::Call(call)) + ids.refusals(Id::User(user));
                let mut from_start = all().skip(start).chain(all().take(start));
                let fresh = from_start.by_ref().min_by_key(|(_, pair)| refusals(*pair));
                fresh.map_or(0, |(at, _)| at)
            }
            Trial::Of(id @ Id::User(_)) => spread(ids.refusals(id), len),
            Trial::Of(id @ Id::Call(call)) => {
                let pairs = self.queue.iter().take_while(|pair| pair.0 == call);
                let of = pairs.clone().count();
                let mut users = pairs.map(|pair| Id::User(pair.1));
                let known = users.position(|user| ids.is_known(user));
                known.unwrap_or_else(|| spread(ids.refusals(id), of))
            }
        };
        let pair = self.queue.remove(at).or_else(|| self.rest().nth(at - len));
        if at >= len {
            self.early.extend(pair);
        }
        pair.into_iter()
            .for_each(|pair| self.queue.push_front(pair));
        1
    }

    /// Returns how many of the next pairs go into one request.
    ///
    /// A call whose users would fit into a request of their own is not split, so that a refusal
    /// concerns whole calls; a larger one fills the room that is left. No other division in this order
    /// takes fewer requests.
    fn cut(&self) -> usize {
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

    /// Puts those of the suspected pairs at the front that tell most, and returns how many: the pairs
    /// of one half of the calls or of the users that may be unknown, whichever are more.
    fn narrow(&mut self) -> usize {
        let pairs = self.queue.make_contiguous();
        let (Some(ids), Some(span)) = (&self.ids, pairs.get_mut(..self.search.suspected)) else {
            return 0;
        };
        let is_known = |id| ids.is_known(id);
        let calls: BTreeSet<_> = span.iter().map(|pair| Id::Call(pair.0)).collect();
        let users: BTreeSet<_> = span.iter().map(|pair| Id::User(pair.1)).collect();
        let [calls, users] = [calls, users].map(|ids| {
            let suspects = ids.into_iter().filter(|id| !is_known(*id));
            suspects.collect::<BTreeSet<_>>()
        });
        // A wrong call is likelier than many wrong users.
        let ask_call = calls.len() == 1 && !ids.refuses_pairs();
        let more = if ask_call || calls.len() >= users.len() {
            calls
        } else {
            users
        };
        let count = match more.len() {
            0 => span.len() / 2,
            1 if ids.refuses_pairs() => span.len() / 2,
            n => {
                let half: BTreeSet<_> = more.into_iter().take((n / 2).max(1)).collect();
                let is_in = |(call, user): &Pair| {
                    half.contains(&Id::Call(*call)) || half.contains(&Id::User(*user))
                };
                span.sort_by_cached_key(|pair| {
                    let proves = is_known(Id::Call(pair.0)) || is_known(Id::User(pair.1));
                    (!is_in(pair), !proves)
                });
                // A single pair shows whether its id is known.
                if n == 1 {
                    1
                } else {
                    span.iter().filter(|pair| is_in(pair)).count()
                }
            }
        };
        count.clamp(1, self.search.most)
    }
}

//! How a list is cut into batches, and how a refused batch is halved.

use std::iter::Peekable;

use crate::{CallAccessList, Pairs};

/// How much one request may carry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) calls: usize,
    pub(crate) pairs: usize,
}

/// Cuts a list, in its order, into what is sent next.
pub(super) struct Splitter<'a> {
    bounds: Bounds,
    rest: Peekable<Pairs<'a>>,
    /// What was cut off the list and is not decided yet, the next one last.
    pending: Vec<CallAccessList>,
    extra_requests: u32,
    /// After a 413: how many of the two halves are not known to fit yet, and the larger one's pairs.
    too_large: Option<(u8, usize)>,
}

impl<'a> Splitter<'a> {
    /// How many requests a job may take for halves, a tenth of what Gong allows a company in a day.
    const MAX_EXTRA_REQUESTS: u32 = 1000;

    pub(super) fn new(list: &'a CallAccessList, bounds: Bounds) -> Self {
        Self {
            bounds,
            rest: list.into_iter().peekable(),
            pending: Vec::new(),
            extra_requests: 0,
            too_large: None,
        }
    }

    /// What is to be sent next; it stays until it is taken, so that a panic meanwhile loses nothing.
    pub(super) fn next(&mut self) -> Option<&CallAccessList> {
        if self.pending.is_empty() {
            let batch = self.cut()?;
            self.pending.push(batch);
        }
        self.pending.last()
    }

    /// Takes what was sent last.
    pub(super) fn take(&mut self) -> CallAccessList {
        self.pending.pop().unwrap_or_default()
    }

    /// Takes as many calls as fit into one request.
    ///
    /// A call whose users would fit into a request of their own is not split; a larger one fills
    /// what room there is. So no other division in the list's order takes fewer requests.
    fn cut(&mut self) -> Option<CallAccessList> {
        let mut pairs = Vec::new();
        for _ in 0..self.bounds.calls {
            let Some((call, _)) = self.rest.peek().copied() else {
                break;
            };
            let room = self.bounds.pairs - pairs.len();
            if room == 0 {
                break;
            }
            let users = self
                .rest
                .clone()
                .take(self.bounds.pairs.saturating_add(1))
                .take_while(|(of, _)| *of == call)
                .count();
            if users > room && users <= self.bounds.pairs {
                break;
            }
            pairs.extend(self.rest.by_ref().take(users.min(room)));
        }
        (!pairs.is_empty()).then(|| pairs.into_iter().collect())
    }

    /// Halves what was refused, to be sent again; gives it back if it is a single pair, or if the
    /// job may not take more requests.
    pub(super) fn halve(
        &mut self,
        refused: CallAccessList,
        is_too_large: bool,
    ) -> Option<CallAccessList> {
        if is_too_large {
            self.too_large = None;
        } else {
            // A server that looks at the content took the size.
            self.learn_size();
        }
        if refused.len() < 2 || self.extra_requests + 2 > Self::MAX_EXTRA_REQUESTS {
            return Some(refused);
        }
        self.extra_requests += 2;
        let (left, right) = halves(&refused);
        if is_too_large {
            self.too_large = Some((2, left.len().max(right.len())));
        }
        self.pending.extend([right, left]);
        None
    }

    /// Learns what size fits from a request that was not too large, so that not every batch of a job is
    /// refused first.
    ///
    /// Only if neither half of what was too large is too large itself was the size to blame, and not a
    /// single entry.
    pub(super) fn learn_size(&mut self) {
        self.too_large = match self.too_large.take() {
            Some((2, pairs)) => Some((1, pairs)),
            Some((_, pairs)) => {
                self.bounds.pairs = self.bounds.pairs.min(pairs);
                None
            }
            None => None,
        };
    }

    /// Copies everything that was not taken.
    pub(super) fn remaining(&self) -> CallAccessList {
        let pending = self.pending.iter().flatten();
        pending.chain(self.rest.clone()).collect()
    }

    /// Takes everything that is left.
    pub(super) fn take_remaining(&mut self) -> CallAccessList {
        let remaining = self.remaining();
        self.pending.clear();
        self.rest.by_ref().for_each(drop);
        remaining
    }
}

/// Divides by calls, or a single call by its users.
fn halves(list: &CallAccessList) -> (CallAccessList, CallAccessList) {
    let calls = list.call_count();
    let middle = if calls == 1 {
        list.len() / 2
    } else {
        list.calls()
            .take(calls / 2)
            .map(|call| list.users(call).count())
            .sum()
    };
    (
        list.pairs().take(middle).collect(),
        list.pairs().skip(middle).collect(),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{CallId, UserId};

    /// Calls 1000, 1001, ... with this many users each.
    fn list(users: &[usize]) -> CallAccessList {
        let id = |n: usize| (1000 + n).to_string();
        users
            .iter()
            .enumerate()
            .flat_map(|(call, users)| (0..*users).map(move |user| (call, user)))
            .map(|(call, user)| pair(&id(call), &id(user)))
            .collect()
    }

    fn pair(call: &str, user: &str) -> (CallId, UserId) {
        (call.parse().unwrap(), user.parse().unwrap())
    }

    fn cut(list: &CallAccessList, calls: usize, pairs: usize) -> Vec<CallAccessList> {
        let mut splitter = Splitter::new(list, Bounds { calls, pairs });
        std::iter::from_fn(|| next(&mut splitter)).collect()
    }

    fn next(splitter: &mut Splitter<'_>) -> Option<CallAccessList> {
        splitter.next()?;
        Some(splitter.take())
    }

    fn sizes(batches: &[CallAccessList]) -> Vec<(usize, usize)> {
        batches
            .iter()
            .map(|batch| (batch.call_count(), batch.len()))
            .collect()
    }

    #[test]
    fn requests_are_as_full_as_both_bounds_allow() {
        for (users, calls, pairs, want) in [
            (&[][..], 2, 3, &[][..]),
            (&[1, 1, 1], 2, 9, &[(2, 2), (1, 1)]),
            (&[2, 2, 2], 9, 4, &[(2, 4), (1, 2)]),
            // A call that fits into a request of its own is not split.
            (&[2, 3], 9, 4, &[(1, 2), (1, 3)]),
            // One that does not fills what room there is.
            (&[2, 5, 1], 9, 4, &[(2, 4), (2, 4)]),
            (&[9], 9, 4, &[(1, 4), (1, 4), (1, 1)]),
            // Without a bound on calls, a full request still ends.
            (&[9], usize::MAX, 4, &[(1, 4), (1, 4), (1, 1)]),
            (&[1, 9], 2, usize::MAX, &[(2, 10)]),
            (&[1, 9], 1, 4, &[(1, 1), (1, 4), (1, 4), (1, 1)]),
            (&[3, 3], 1, 1, &[(1, 1); 6]),
        ] {
            assert_eq!(
                sizes(&cut(&list(users), calls, pairs)),
                want,
                "{users:?} {calls} {pairs}"
            );
        }
    }

    #[test]
    fn what_is_refused_is_halved_by_calls_and_then_by_users() {
        let list = list(&[1, 2, 3]);
        let mut splitter = Splitter::new(&list, Bounds { calls: 9, pairs: 9 });
        let mut halve = |is_too_large| {
            let refused = next(&mut splitter).unwrap();
            let size = (refused.call_count(), refused.len());
            (size, splitter.halve(refused, is_too_large).is_none())
        };
        assert_eq!(halve(false), ((3, 6), true));
        assert_eq!(halve(false), ((1, 1), false), "a single pair stands alone");
        assert_eq!(halve(false), ((2, 5), true));
        assert_eq!(halve(false), ((1, 2), true));
        assert_eq!(halve(false), ((1, 1), false));
        assert_eq!(halve(false), ((1, 1), false));
        assert_eq!(halve(false), ((1, 3), true));
        assert_eq!(halve(false), ((1, 1), false));
        assert_eq!(halve(false), ((1, 2), true));
    }

    /// Sends everything to a server that takes so many pairs, and none of this call, which it finds too
    /// large or bad; returns the sizes.
    fn send(list: &CallAccessList, most: usize, call: &str, is_bad: bool) -> Vec<usize> {
        let mut splitter = Splitter::new(list, Bounds { calls: 9, pairs: 8 });
        let mut sent = Vec::new();
        while let Some(batch) = next(&mut splitter) {
            sent.push(batch.len());
            if batch.len() > most {
                splitter.halve(batch, true);
            } else if batch.calls().any(|id| id.as_str() == call) {
                splitter.halve(batch, !is_bad);
            } else {
                splitter.learn_size();
            }
        }
        sent
    }

    #[test]
    fn what_is_too_large_makes_later_requests_smaller() {
        let list = list(&[1; 20]);
        assert_eq!(send(&list, 8, "", true), [8, 8, 4]);
        assert_eq!(send(&list, 4, "", true), [8, 4, 4, 4, 4, 4]);
        assert_eq!(
            send(&list, 3, "", true),
            [8, 4, 2, 2, 4, 2, 2, 2, 2, 2, 2, 2, 2]
        );
    }

    #[test]
    fn a_bad_call_in_a_request_that_is_not_too_large_teaches_as_much() {
        let list = list(&[1; 20]);
        assert_eq!(send(&list, 4, "1000", true), [8, 4, 2, 1, 1, 2, 4, 4, 4, 4]);
        assert_eq!(send(&list, 4, "1007", true), [8, 4, 4, 2, 2, 1, 1, 4, 4, 4]);
    }

    #[test]
    fn a_single_entry_that_is_too_large_leaves_later_requests_as_they_are() {
        let list = list(&[1; 20]);
        assert_eq!(send(&list, 8, "1000", false), [8, 4, 2, 1, 1, 2, 4, 8, 4]);
        assert_eq!(send(&list, 8, "1007", false), [8, 4, 4, 2, 2, 1, 1, 8, 4]);
    }

    #[test]
    fn the_extra_requests_of_a_job_are_bounded() {
        let list = list(&[1; 3000]);
        let mut splitter = Splitter::new(
            &list,
            Bounds {
                calls: 100,
                pairs: 100,
            },
        );
        let (mut requests, mut refused) = (0, 0);
        while let Some(batch) = next(&mut splitter) {
            requests += 1;
            refused += splitter.halve(batch, false).map_or(0, |batch| batch.len());
        }
        assert_eq!(
            (requests, refused),
            (30 + Splitter::MAX_EXTRA_REQUESTS, 3000)
        );
    }

    /// The fewest requests for calls in order, by trying every possible end of the first one.
    fn fewest(users: &[usize], calls: usize, pairs: usize) -> usize {
        let mut best = vec![usize::MAX; users.iter().sum::<usize>() + 1];
        best[0] = 0;
        let owner: Vec<_> = users
            .iter()
            .enumerate()
            .flat_map(|(call, n)| vec![call; *n])
            .collect();
        for end in 1..best.len() {
            for start in end.saturating_sub(pairs)..end {
                let span = owner[end - 1] - owner[start] + 1;
                // A call may be divided if it does not fit into one request.
                let is_cut_at =
                    |at: usize| at > 0 && at < owner.len() && owner[at - 1] == owner[at];
                let may_end = |at: usize| !is_cut_at(at) || users[owner[at]] > pairs;
                if span <= calls && may_end(start) && may_end(end) && best[start] != usize::MAX {
                    best[end] = best[end].min(best[start] + 1);
                }
            }
        }
        best[best.len() - 1]
    }

    proptest! {
        #[test]
        fn the_cut_is_a_partition_in_order_in_the_fewest_requests(
            users in proptest::collection::vec(1..8_usize, 0..12),
            calls in 1..5_usize,
            pairs in 1..6_usize,
        ) {
            let list = list(&users);
            let batches = cut(&list, calls, pairs);
            prop_assert!(list.pairs().eq(batches.iter().flatten()));
            for batch in &batches {
                prop_assert!(batch.call_count() <= calls && batch.len() <= pairs);
            }
            prop_assert_eq!(batches.len(), fewest(&users, calls, pairs));
        }

        #[test]
        fn halves_are_a_partition_in_order(users in proptest::collection::vec(1..8_usize, 1..12)) {
            let list = list(&users);
            if list.len() > 1 {
                let (left, right) = halves(&list);
                prop_assert!(!left.is_empty() && !right.is_empty());
                prop_assert!(list.pairs().eq(left.pairs().chain(&right)));
                let (left, right) = match list.call_count() {
                    1 => (left.len(), right.len()),
                    _ => (left.call_count(), right.call_count()),
                };
                prop_assert!(right - left <= 1);
            }
        }
    }
}

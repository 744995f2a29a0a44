//! `Ids`: what a job has learned about its ids from acknowledgements and refusals.
//!
//! Learning starts with the first refusal, and saves most of the searches: an unknown user of 5,000
//! calls would otherwise be found 5,000 times, at about ten requests each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{CallId, UserId};

/// A call or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id {
    // Calls sort first: if a pair of a call that was set aside is acknowledged, the call is known,
    // which helps to prove which of its users are unknown.
    Call(CallId),
    User(UserId),
}

/// The ids of the pairs that were acknowledged, and of those that were refused alone.
///
/// Gong refuses a request because it does not know an id in it, and acknowledges a request only if
/// it knows all of its ids. So if a pair is refused alone, its call or its user is unknown; if the
/// call was acknowledged with another user, it is the user that is unknown.
///
/// Nothing here is certain: Gong does not say which id it refuses, and may refuse a single pair for
/// another reason. So several refusals are needed, and any acknowledgement outweighs them.
#[derive(Debug, Default)]
pub(super) struct Ids {
    acknowledged_calls: BTreeSet<CallId>,
    acknowledged_users: BTreeSet<UserId>,
    /// The users in those pairs of a call that were refused alone.
    refused_calls: BTreeMap<CallId, Vec<UserId>>,
    /// The calls in those pairs of a user that were refused alone.
    refused_users: BTreeMap<UserId, Vec<CallId>>,
    /// How many pairs were refused alone.
    refusals: usize,
}

/// Whether an id is unknown to Gong, as far as the job can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may be known: it was acknowledged, or refused too rarely. Its pairs are searched.
    Open,
    /// It is unknown: it was refused often enough, at least once with an id that was acknowledged. Its
    /// other pairs are sent once, in full requests.
    Unknown,
    /// Either it is unknown, or all the ids with which it was refused are. Its other pairs are sent
    /// once, and are undecided if refused.
    Doubtful,
}

impl Ids {
    /// How many pairs of an unknown id are refused alone before the job stops searching the rest.
    /// One is proof if Gong refuses ids; more are needed for a server that refuses single pairs.
    const ENOUGH: usize = 3;

    /// The same for an id that was refused only with ids that were never acknowledged.
    ///
    /// Each of these may be the unknown one, so it takes more of them to make a coincidence unlikely.
    const ENOUGH_TO_DOUBT: usize = 20;

    /// The same for all ids of a job in which nothing was acknowledged, for instance because they
    /// belong to another company.
    const ENOUGH_TO_DOUBT_ALL: usize = 100;

    /// Records that these pairs were acknowledged.
    pub(super) fn acknowledge(&mut self, pairs: impl IntoIterator<Item = (CallId, UserId)>) {
        for (call, user) in pairs {
            self.acknowledged_calls.insert(call);
            self.acknowledged_users.insert(user);
        }
    }

    /// Records that this pair was refused alone.
    pub(super) fn refuse(&mut self, call: CallId, user: UserId) {
        self.refused_calls.entry(call).or_default().push(user);
        self.refused_users.entry(user).or_default().push(call);
        self.refuse_one();
    }

    /// Counts a pair that was refused alone, if only for its size, which says nothing about its ids.
    pub(super) fn refuse_one(&mut self) {
        self.refusals += 1;
    }

    /// Returns the id of this pair that is probably unknown, so that the pair is better sent later.
    ///
    /// An unknown user would be found again in every request, so one refusal is enough. The pairs of a
    /// call are next to each other, so a second one is tried first.
    pub(super) fn set_aside(&self, call: CallId, user: UserId) -> Option<Id> {
        let (call, user) = (Id::Call(call), Id::User(user));
        if self.is_proven(user) || self.single_refusals(user) >= Self::ENOUGH_TO_DOUBT {
            Some(user)
        } else {
            (self.single_refusals(call) >= 2).then_some(call)
        }
    }

    /// Returns the verdict on one id.
    pub(super) fn verdict(&self, id: Id) -> Verdict {
        match self.single_refusals(id) {
            Self::ENOUGH.. if self.is_proven(id) => Verdict::Unknown,
            Self::ENOUGH_TO_DOUBT.. => Verdict::Doubtful,
            _ => Verdict::Open,
        }
    }

    /// Returns the verdict on all ids of the job together.
    pub(super) fn verdict_on_all(&self) -> Verdict {
        // Each acknowledged pair has a call, so looking at the calls is enough.
        if self.acknowledged_calls.is_empty() && self.refusals >= Self::ENOUGH_TO_DOUBT_ALL {
            Verdict::Doubtful
        } else {
            Verdict::Open
        }
    }

    /// Counts the pairs of the id that were refused alone; 0 if the id was ever acknowledged.
    pub(super) fn single_refusals(&self, id: Id) -> usize {
        match id {
            Id::Call(call) if self.acknowledged_calls.contains(&call) => 0,
            Id::Call(call) => self.refused_calls.get(&call).map_or(0, Vec::len),
            Id::User(user) if self.acknowledged_users.contains(&user) => 0,
            Id::User(user) => self.refused_users.get(&user).map_or(0, Vec::len),
        }
    }

    /// Whether the id was refused with a counterpart that was acknowledged, and never acknowledged
    /// itself.
    fn is_proven(&self, id: Id) -> bool {
        self.single_refusals(id) > 0
            && match id {
                Id::Call(call) => self.refused_calls.get(&call).is_some_and(|users| {
                    let mut users = users.iter();
                    users.any(|user| self.acknowledged_users.contains(user))
                }),
                Id::User(user) => self.refused_users.get(&user).is_some_and(|calls| {
                    let mut calls = calls.iter();
                    calls.any(|call| self.acknowledged_calls.contains(call))
                }),
            }
    }

    /// The id that explains why this pair was refused alone; `None` if both were acknowledged.
    ///
    /// That is the one that was refused with an acknowledged counterpart, or else the one that was
    /// refused more often.
    pub(super) fn culprit(&self, call: CallId, user: UserId) -> Option<Id> {
        let weight = |id| (self.is_proven(id), self.single_refusals(id));
        let (call, user) = (Id::Call(call), Id::User(user));
        match (weight(call), weight(user)) {
            ((_, 0), (_, 0)) => None,
            (calls, users) if users > calls => Some(user),
            _ => Some(call),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Call(call) => write!(f, "call {call}"),
        }
    }
}

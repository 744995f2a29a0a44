//! What a job has learned of its ids: which were acknowledged, and which were refused alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{CallId, UserId};

/// A call or a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Id {
    // Calls sort first: what is acknowledged of one that was set aside proves its unknown users.
    Call(CallId),
    User(UserId),
}

/// The ids of the pairs that were acknowledged, and of those that were refused alone.
///
/// Gong refuses a request because of an id in it. So either the call or the user of a pair that was
/// refused alone is at fault, and it is the user if the call was acknowledged with someone else.
#[derive(Debug, Default)]
pub(super) struct Ids {
    acknowledged_calls: BTreeSet<CallId>,
    acknowledged_users: BTreeSet<UserId>,
    refused_calls: BTreeMap<CallId, Vec<UserId>>,
    refused_users: BTreeMap<UserId, Vec<CallId>>,
    refusals: usize,
}

/// What is known against the ids of some pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Too little: something was acknowledged, or not enough was refused.
    Open,
    /// The id is at fault: it was refused often enough, at least once with an id that was
    /// acknowledged.
    Unknown,
    /// Either the id is at fault, or all the ids with which it was refused are.
    Doubtful,
}

impl Ids {
    /// How many pairs of an unknown id are refused alone before the rest is not searched any further.
    /// One proves it if Gong refuses ids; more allow for a server that refuses single pairs.
    const ENOUGH: usize = 3;

    /// The same for an id that was refused only with ids that were not acknowledged either.
    const ENOUGH_TO_DOUBT: usize = 20;

    /// The same for a job in which nothing was acknowledged, such as one with the ids of another
    /// company.
    const ENOUGH_TO_DOUBT_ALL: usize = 100;

    pub(super) fn acknowledge(&mut self, pairs: impl IntoIterator<Item = (CallId, UserId)>) {
        for (call, user) in pairs {
            self.acknowledged_calls.insert(call);
            self.acknowledged_users.insert(user);
        }
    }

    /// Learns that this pair was refused alone.
    pub(super) fn refuse(&mut self, call: CallId, user: UserId) {
        self.refused_calls.entry(call).or_default().push(user);
        self.refused_users.entry(user).or_default().push(call);
        self.refusals += 1;
    }

    /// The id whose pairs are to be sent at the end, if this pair has one.
    ///
    /// An unknown user would be found again in every request, so one refusal is enough. The pairs of a
    /// call are next to each other, so a second one is tried first.
    pub(super) fn set_aside(&self, call: CallId, user: UserId) -> Option<Id> {
        let (call, user) = (Id::Call(call), Id::User(user));
        if self.is_proven(user) || self.refused_alone(user) >= Self::ENOUGH_TO_DOUBT {
            Some(user)
        } else {
            (self.refused_alone(call) >= 2).then_some(call)
        }
    }

    pub(super) fn verdict(&self, id: Id) -> Verdict {
        match self.refused_alone(id) {
            Self::ENOUGH.. if self.is_proven(id) => Verdict::Unknown,
            Self::ENOUGH_TO_DOUBT.. => Verdict::Doubtful,
            _ => Verdict::Open,
        }
    }

    /// What is known against all ids together.
    pub(super) fn verdict_on_all(&self) -> Verdict {
        if self.acknowledged_calls.is_empty() && self.refusals >= Self::ENOUGH_TO_DOUBT_ALL {
            Verdict::Doubtful
        } else {
            Verdict::Open
        }
    }

    /// How often the id was refused alone; 0 if it was ever acknowledged.
    pub(super) fn refused_alone(&self, id: Id) -> usize {
        match id {
            Id::Call(call) if self.acknowledged_calls.contains(&call) => 0,
            Id::Call(call) => self.refused_calls.get(&call).map_or(0, Vec::len),
            Id::User(user) if self.acknowledged_users.contains(&user) => 0,
            Id::User(user) => self.refused_users.get(&user).map_or(0, Vec::len),
        }
    }

    /// Whether the id, never acknowledged, was refused with a counterpart that was.
    fn is_proven(&self, id: Id) -> bool {
        self.refused_alone(id) > 0
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
        let weight = |id| (self.is_proven(id), self.refused_alone(id));
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

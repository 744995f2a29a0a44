//! `Ids`: what a job has learned about its ids, and which id explains a refusal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::id::{CallId, UserId};

/// A call or a user.
///
/// # Examples
///
/// ```
/// use gong_call_access::Id;
///
/// assert_eq!(Id::Call("5".parse()?).to_string(), "call 5");
/// assert_eq!(Id::User("7".parse()?).to_string(), "user 7");
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// The id of a call.
    Call(CallId),
    /// The id of a user.
    User(UserId),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(call) => write!(f, "call {call}"),
            Self::User(user) => write!(f, "user {user}"),
        }
    }
}

/// The ids that were acknowledged, and those of the pairs that were refused alone.
///
/// Gong refuses a request because it does not know an id in it, and acknowledges it only if it knows
/// them all. So if a pair is refused alone, its call or its user is unknown; if one of the two is
/// known, it is the other. A single pair may be refused for another reason, so it takes several
/// refusals to call an id unknown, and one acknowledgement outweighs them all.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids {
    known: BTreeSet<Id>,
    /// With which ids each was refused.
    refused: BTreeMap<Id, Vec<Id>>,
    /// How many pairs were refused alone, for whatever reason.
    refusals: usize,
    /// Whether a pair of two known ids was refused: this server refuses pairs.
    refuses_pairs: bool,
}

/// Whether Gong knows an id, as far as the job can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Open,
    Unknown,
    /// Either it is unknown, or everything with which it was refused is.
    Doubtful,
}

impl Ids {
    /// How many refusals without proof end the search for the pairs of an id.
    const ENOUGH_TO_DOUBT: usize = 10;

    /// Records that these pairs were acknowledged.
    pub(super) fn acknowledge(&mut self, pairs: impl IntoIterator<Item = (CallId, UserId)>) {
        for (call, user) in pairs {
            for id in [Id::Call(call), Id::User(user)] {
                // Now it is known what was refused with it.
                self.refuses_pairs |= self.known.insert(id) && self.is_proven(id);
            }
        }
    }

    /// Records that this pair was refused alone.
    pub(super) fn refuse(&mut self, call: CallId, user: UserId) {
        let (call, user) = (Id::Call(call), Id::User(user));
        self.refuses_pairs |= self.is_known(call) && self.is_known(user);
        self.refused.entry(call).or_default().push(user);
        self.refused.entry(user).or_default().push(call);
        self.refusals += 1;
    }

    /// Records that a pair was refused alone for its size, which says nothing about its ids.
    pub(super) fn refuse_size(&mut self) {
        self.refusals += 1;
    }

    pub(super) fn is_known(&self, id: Id) -> bool {
        self.known.contains(&id)
    }

    pub(super) fn refuses_pairs(&self) -> bool {
        self.refuses_pairs
    }

    /// Counts the refusals of a job in which nothing was acknowledged yet; 0 in any other.
    pub(super) fn refusals_of_all(&self) -> usize {
        if self.known.is_empty() {
            self.refusals
        } else {
            0
        }
    }

    /// Counts the pairs of the id that were refused alone; 0 if the id is known.
    pub(super) fn refusals(&self, id: Id) -> usize {
        if self.is_known(id) {
            return 0;
        }
        self.refused.get(&id).map_or(0, Vec::len)
    }

    /// Whether the id was refused with one that is known.
    fn is_proven(&self, id: Id) -> bool {
        let with = self.refused.get(&id);
        with.is_some_and(|with| with.iter().any(|id| self.is_known(*id)))
    }

    /// Whether the pairs of this user are better sent at the end: the user would be found again in
    /// every request.
    pub(super) fn is_suspect(&self, user: UserId) -> bool {
        let user = Id::User(user);
        match self.refusals(user) {
            0 => false,
            1 | 2 => self.is_proven(user),
            _ => true,
        }
    }

    pub(super) fn verdict(&self, id: Id) -> Verdict {
        let enough = match id {
            Id::Call(_) => 2,
            Id::User(_) => 4,
        };
        let enough = if self.refuses_pairs {
            2 * enough
        } else {
            enough
        };
        match self.refusals(id) {
            refusals if refusals >= enough && self.is_proven(id) => Verdict::Unknown,
            Self::ENOUGH_TO_DOUBT.. => Verdict::Doubtful,
            _ => Verdict::Open,
        }
    }

    /// The verdict on all ids of the job together.
    pub(super) fn verdict_on_all(&self) -> Verdict {
        if self.refusals_of_all() >= Self::ENOUGH_TO_DOUBT {
            Verdict::Doubtful
        } else {
            Verdict::Open
        }
    }

    /// The id that explains why this pair was refused alone: the one that was refused with a known
    /// one, or else the one that was refused more often. `None` if both are known.
    pub(super) fn culprit(&self, call: CallId, user: UserId) -> Option<Id> {
        let weigh = |id| {
            (
                self.refusals(id) > 0 && self.is_proven(id),
                self.refusals(id),
            )
        };
        let (call, user) = (Id::Call(call), Id::User(user));
        match (weigh(call), weigh(user)) {
            ((_, 0), (_, 0)) => None,
            (calls, users) if users > calls => Some(user),
            _ => Some(call),
        }
    }
}

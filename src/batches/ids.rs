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
    /// The ids that each id was refused with.
    refused: BTreeMap<Id, Vec<Id>>,
    /// How many pairs were refused alone, for their ids or for their size.
    pub(super) all_refusals: usize,
    /// Whether a pair of two known ids was refused: this server refuses pairs.
    pub(super) refuses_pairs: bool,
}

/// What may be unknown to Gong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Suspect {
    Id(Id),
    /// Every id of the job, as long as nothing was acknowledged.
    All,
}

impl Suspect {
    pub(super) fn includes(self, (call, user): (CallId, UserId)) -> bool {
        match self {
            Self::Id(Id::Call(suspect)) => suspect == call,
            Self::Id(Id::User(suspect)) => suspect == user,
            Self::All => true,
        }
    }
}

/// Whether a suspect is unknown, as far as the job can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Open,
    Unknown,
    /// Either it is unknown, or everything that it was refused with is.
    Doubtful,
}

impl Ids {
    /// How many refusals without proof end the search for the pairs of a suspect.
    const ENOUGH_TO_DOUBT: usize = 10;

    /// Records that these pairs were acknowledged.
    pub(super) fn acknowledge(&mut self, pairs: impl IntoIterator<Item = (CallId, UserId)>) {
        for (call, user) in pairs {
            for id in [Id::Call(call), Id::User(user)] {
                // It was refused with a known id, and is now known itself.
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
        self.all_refusals += 1;
    }

    pub(super) fn is_known(&self, id: Id) -> bool {
        self.known.contains(&id)
    }

    /// Counts the pairs of the suspect that were refused alone; 0 if one was acknowledged.
    pub(super) fn refusals(&self, suspect: Suspect) -> usize {
        match suspect {
            Suspect::All if self.known.is_empty() => self.all_refusals,
            Suspect::Id(id) if !self.is_known(id) => self.refused.get(&id).map_or(0, Vec::len),
            _ => 0,
        }
    }

    /// Whether the id was refused with one that is known.
    fn is_proven(&self, id: Id) -> bool {
        let with = self.refused.get(&id);
        with.is_some_and(|with| with.iter().any(|id| self.is_known(*id)))
    }

    /// Whether to send the pairs of this user at the end: in the order of the list, each request
    /// would have to find the user again.
    pub(super) fn is_set_aside(&self, user: UserId) -> bool {
        let user = Id::User(user);
        let refusals = self.refusals(Suspect::Id(user));
        refusals >= 3 || refusals > 0 && self.is_proven(user)
    }

    pub(super) fn verdict(&self, suspect: Suspect) -> Verdict {
        let is_call = matches!(suspect, Suspect::Id(Id::Call(_)));
        let enough = if is_call { 2 } else { 4 } << u8::from(self.refuses_pairs);
        match (suspect, self.refusals(suspect)) {
            (Suspect::Id(id), n) if n >= enough && self.is_proven(id) => Verdict::Unknown,
            (_, Self::ENOUGH_TO_DOUBT..) => Verdict::Doubtful,
            _ => Verdict::Open,
        }
    }

    /// The id that explains why this pair was refused alone: the one that was refused with a known
    /// one, or else the one that was refused more often. `None` if both are known, or nothing tells
    /// one from the other.
    pub(super) fn culprit(&self, call: CallId, user: UserId) -> Option<Id> {
        let weigh = |id| {
            let refusals = self.refusals(Suspect::Id(id));
            (refusals > 0 && self.is_proven(id), refusals)
        };
        let (call, user) = (Id::Call(call), Id::User(user));
        match (weigh(call), weigh(user)) {
            (calls, users) if users > calls => Some(user),
            (calls, users) if calls > users || calls.0 => Some(call),
            _ => None,
        }
    }
}

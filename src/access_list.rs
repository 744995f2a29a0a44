//! `CallAccessList`: which users are to have access to which calls, and its wire form.

use std::cell::RefCell;
use std::collections::{BTreeSet, btree_set};
use std::fmt;
use std::iter::{Copied, FusedIterator};

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use crate::{CallId, UserId};

/// Which users to give access to which calls: a set of (call, user) pairs, Gong's `callAccessList`.
///
/// A pair that is inserted twice is in the set once, and a call without users does not appear at
/// all. The order is that of the call ids, then that of the user ids, both as text, whatever the
/// order of insertion. A list may be of any size; a pair takes less than 100 bytes of memory.
///
/// It serialises as the body that Gong documents, and reads it back: duplicates merge, calls
/// without users are left out, unknown fields are ignored, and an id that is not a string of digits
/// is an error.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallAccessList;
///
/// let mut access = CallAccessList::new();
/// assert!(access.insert("7782342274025937895".parse()?, "234599484848423".parse()?));
/// assert_eq!(
///     serde_json::to_string(&access)?,
///     r#"{"callAccessList":[{"callId":"7782342274025937895","userIds":["234599484848423"]}]}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallAccessList {
    // One set of pairs and not a map of sets, so that a pair costs the same when each call has one
    // user.
    pairs: BTreeSet<Pair>,
}

type Pair = (CallId, UserId);

impl CallAccessList {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair, and returns `false` if it was there already.
    pub fn insert(&mut self, call: CallId, user: UserId) -> bool {
        self.pairs.insert((call, user))
    }

    /// Returns whether the pair is in the list.
    pub fn contains(&self, call: CallId, user: UserId) -> bool {
        self.pairs.contains(&(call, user))
    }

    /// Iterates over the calls in order, each of them once.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        let mut last = None;
        self.pairs()
            .map(|(call, _)| call)
            .filter(move |call| last.replace(*call) != Some(*call))
    }

    /// Iterates over the users of one call in order; a call that is not in the list has none.
    pub fn users(&self, call: CallId) -> impl Iterator<Item = UserId> {
        self.pairs
            .range((call, UserId::BEFORE_ALL)..)
            .map_while(move |(of, user)| (*of == call).then_some(*user))
    }

    /// Iterates over all pairs in order.
    pub fn pairs(&self) -> impl Iterator<Item = (CallId, UserId)> {
        self.into_iter()
    }

    /// Returns the number of (call, user) pairs, which is not the number of calls.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Returns the number of calls, by going through the list once.
    pub fn call_count(&self) -> usize {
        self.calls().count()
    }

    /// Returns whether there is no pair in the list.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// The pairs of a [`CallAccessList`] in order, as its `into_iter` gives them.
#[derive(Clone)]
pub struct Pairs<'a>(Copied<btree_set::Iter<'a, (CallId, UserId)>>);

impl Iterator for Pairs<'_> {
    type Item = (CallId, UserId);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Pairs<'_> {}

impl FusedIterator for Pairs<'_> {}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl<'a> IntoIterator for &'a CallAccessList {
    type Item = (CallId, UserId);
    type IntoIter = Pairs<'a>;

    fn into_iter(self) -> Pairs<'a> {
        Pairs(self.pairs.iter().copied())
    }
}

impl FromIterator<(CallId, UserId)> for CallAccessList {
    fn from_iter<I: IntoIterator<Item = (CallId, UserId)>>(pairs: I) -> Self {
        Self {
            pairs: pairs.into_iter().collect(),
        }
    }
}

impl Extend<(CallId, UserId)> for CallAccessList {
    fn extend<I: IntoIterator<Item = (CallId, UserId)>>(&mut self, pairs: I) {
        self.pairs.extend(pairs);
    }
}

impl Serialize for CallAccessList {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("CallAccessList", 1)?;
        body.serialize_field("callAccessList", &Entries(self))?;
        body.end()
    }
}

struct Entries<'a>(&'a CallAccessList);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs = self.0.pairs.iter();
        let rest = Rest(RefCell::new((pairs.next(), pairs)));
        let mut entries = serializer.serialize_seq(None)?;
        while let Some(call) = rest.call() {
            entries.serialize_element(&Entry { call, rest: &rest })?;
            rest.take_users(call, |_| Ok::<(), S::Error>(()))?;
        }
        entries.end()
    }
}

/// What is not serialised yet: the next pair, and those behind it. One pass over the pairs does, since the
/// users of a call are taken from where the call was found.
struct Rest<'a>(RefCell<(Option<&'a Pair>, btree_set::Iter<'a, Pair>)>);

impl Rest<'_> {
    fn call(&self) -> Option<CallId> {
        self.0.borrow().0.map(|(call, _)| *call)
    }

    fn take_users<E>(
        &self,
        call: CallId,
        mut each: impl FnMut(&UserId) -> Result<(), E>,
    ) -> Result<(), E> {
        let (next, rest) = &mut *self.0.borrow_mut();
        while let Some((of, user)) = next {
            if *of != call {
                break;
            }
            each(user)?;
            *next = rest.next();
        }
        Ok(())
    }
}

/// One call with its users.
struct Entry<'r, 'a> {
    call: CallId,
    rest: &'r Rest<'a>,
}

impl Serialize for Entry<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 2)?;
        entry.serialize_field("callId", &self.call)?;
        entry.serialize_field("userIds", &Users(self))?;
        entry.end()
    }
}

struct Users<'e, 'r, 'a>(&'e Entry<'r, 'a>);

impl Serialize for Users<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Entry { call, rest } = self.0;
        let mut users = serializer.serialize_seq(None)?;
        rest.take_users(*call, |user| users.serialize_element(user))?;
        users.end()
    }
}

impl<'de> Deserialize<'de> for CallAccessList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            call_access_list: Vec<Item>,
            // Without it, an array would do for an object.
            #[serde(flatten)]
            _rest: IgnoredAny,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            call_id: CallId,
            user_ids: Vec<UserId>,
            #[serde(flatten)]
            _rest: IgnoredAny,
        }
        let body = Body::deserialize(deserializer)?;
        Ok(body
            .call_access_list
            .into_iter()
            .flat_map(|item| {
                item.user_ids
                    .into_iter()
                    .map(move |user| (item.call_id, user))
            })
            .collect())
    }
}

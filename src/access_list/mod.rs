//! `CallAccessList`: which users are to have access to which calls.

mod wire;

use std::collections::{BTreeSet, btree_set};
use std::fmt;
use std::iter::{Copied, FusedIterator};

use crate::id::{CallId, UserId};

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
///
/// Two calls with the same users, collected from pairs:
///
/// ```
/// use gong_call_access::{CallAccessList, CallId, UserId};
///
/// let calls = [CallId::try_from("20")?, CallId::try_from("10")?];
/// let users = [UserId::try_from("1")?, UserId::try_from("2")?];
/// let pairs = calls.iter().flat_map(|call| users.iter().map(move |user| (*call, *user)));
/// let access: CallAccessList = pairs.collect();
///
/// assert_eq!((access.len(), access.call_count()), (4, 2));
/// assert!(access.contains(calls[0], users[1]));
/// assert!(access.calls().eq([calls[1], calls[0]]), "in order");
/// assert!(access.users(calls[0]).eq(users));
/// assert_eq!(access.pairs().next(), Some((calls[1], users[0])));
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[doc(alias = "callAccessList")]
#[doc(alias = "permission")]
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::CallAccessList;
    /// let mut access = CallAccessList::new();
    /// assert!(access.insert("5".parse()?, "7".parse()?));
    /// assert!(!access.insert("5".parse()?, "7".parse()?));
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn insert(&mut self, call: CallId, user: UserId) -> bool {
        self.pairs.insert((call, user))
    }

    /// Removes a pair, and returns `false` if it was not there.
    ///
    /// A call whose last user is removed is no longer in the list.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId, UserId};
    /// let (call, user) = (CallId::try_from("5")?, UserId::try_from("7")?);
    /// let mut access: CallAccessList = [(call, user)].into_iter().collect();
    /// assert!(access.remove(call, user) && access.is_empty());
    /// assert!(!access.remove(call, user));
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn remove(&mut self, call: CallId, user: UserId) -> bool {
        self.pairs.remove(&(call, user))
    }

    /// Keeps only the pairs for which `keep` returns `true`; it sees each of them once, in order.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, UserId};
    /// # let mut access = CallAccessList::new();
    /// # access.insert("5".parse()?, "7".parse()?);
    /// # access.insert("5".parse()?, "8".parse()?);
    /// let leaver: UserId = "7".parse()?;
    /// access.retain(|_, user| user == leaver);
    /// assert_eq!(access.len(), 1);
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn retain(&mut self, mut keep: impl FnMut(CallId, UserId) -> bool) {
        self.pairs.retain(|(call, user)| keep(*call, *user));
    }

    /// Returns the pairs of this list that are not in `other`.
    ///
    /// # Examples
    ///
    /// What to grant and what to revoke, so that access is exactly what is wanted:
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId, UserId};
    /// # let call = CallId::try_from("5")?;
    /// # let user = |id: &str| UserId::try_from(id);
    /// let current: CallAccessList = [(call, user("1")?), (call, user("2")?)].into_iter().collect();
    /// let wanted: CallAccessList = [(call, user("2")?), (call, user("3")?)].into_iter().collect();
    ///
    /// let (grant, revoke) = (wanted.difference(&current), current.difference(&wanted));
    /// assert!(grant.contains(call, user("3")?) && grant.len() == 1);
    /// assert!(revoke.contains(call, user("1")?) && revoke.len() == 1);
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let pairs = self.pairs.difference(&other.pairs).copied().collect();
        Self { pairs }
    }

    /// Returns the pairs that are in both lists.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId, UserId};
    /// # let call = CallId::try_from("5")?;
    /// # let user = |id: &str| UserId::try_from(id);
    /// let one: CallAccessList = [(call, user("1")?), (call, user("2")?)].into_iter().collect();
    /// let other: CallAccessList = [(call, user("2")?), (call, user("3")?)].into_iter().collect();
    /// assert!(one.intersection(&other).pairs().eq([(call, user("2")?)]));
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let pairs = self.pairs.intersection(&other.pairs).copied().collect();
        Self { pairs }
    }

    /// Returns whether every pair of this list is in `other`; an empty list is a subset of any.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::CallAccessList;
    /// let mut access = CallAccessList::new();
    /// access.insert("5".parse()?, "7".parse()?);
    /// assert!(CallAccessList::new().is_subset(&access) && access.is_subset(&access));
    /// assert!(!access.is_subset(&CallAccessList::new()));
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn is_subset(&self, other: &Self) -> bool {
        self.pairs.is_subset(&other.pairs)
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

    /// Iterates over all pairs in order, as `&list` does in a `for` loop.
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

impl IntoIterator for CallAccessList {
    type Item = (CallId, UserId);
    type IntoIter = btree_set::IntoIter<(CallId, UserId)>;

    fn into_iter(self) -> Self::IntoIter {
        self.pairs.into_iter()
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

//! `CallAccessList`: the (call, user) pairs to grant or revoke, or those that Gong listed.

mod wire;

use std::collections::{BTreeSet, btree_set};
use std::iter::{Copied, FusedIterator};
use std::ops::Bound;

use crate::id::{CallId, UserId};

/// A set of (call, user) pairs: which users have access to which calls. Gong calls it
/// `callAccessList`.
///
/// A pair is in the list at most once, and a call appears only while it has a user. Iteration is in
/// the order of the call ids, then of the user ids, both compared as text. The order of insertion
/// does not matter. A list may have any size; a pair takes less than 100 bytes of memory.
///
/// A list only describes pairs: building one sends nothing. [`Client::grant`](crate::Client::grant)
/// and [`Client::revoke`](crate::Client::revoke) send it in one request, which suits up to about a
/// thousand pairs; [`Client::grant_batches`](crate::Client::grant_batches) and
/// [`Client::revoke_batches`](crate::Client::revoke_batches) send any number.
///
/// # Serialisation
///
/// A list serialises as Gong's own request body, and deserialises from it. Reading is lenient where
/// nothing is lost: duplicate pairs and calls merge, a call with an empty `userIds` is skipped, and
/// unknown fields are ignored. So a list cannot say that nobody may open a call: a program that makes
/// access match a list also needs to know which calls the list covers. An id that is a JSON number,
/// or not 1 to 20 digits, is an error.
///
/// # Examples
///
/// ```
/// use gong_call_access::CallAccessList;
///
/// let mut access = CallAccessList::new();
/// access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
/// let body = serde_json::to_string(&access)?;
/// let call = r#"{"callId":"7782342274025937895","userIds":["234599484848423"]}"#;
/// assert_eq!(body, format!(r#"{{"callAccessList":[{call}]}}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Collect a list from pairs, here two calls with the same users:
///
/// ```
/// use gong_call_access::{CallAccessList, CallId, UserId};
///
/// let calls = [CallId::try_from("20")?, CallId::try_from("10")?];
/// let users = [UserId::try_from("1")?, UserId::try_from("2")?];
/// let with_users = |call| users.map(|user| (call, user));
/// let access: CallAccessList = calls.into_iter().flat_map(with_users).collect();
///
/// assert_eq!((access.len(), access.call_count()), (4, 2));
/// assert!(access.contains(calls[0], users[1]));
/// assert!(access.calls().eq([calls[1], calls[0]]), "in order");
/// assert!(access.users(calls[0]).eq(users));
/// assert_eq!(access.pairs().next(), Some((calls[1], users[0])));
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallAccessList {
    // A map from a call to a set of users would allocate a set for each call; a set of pairs costs
    // the same per pair whether a call has one user or a thousand.
    pairs: BTreeSet<Pair>,
}

pub(crate) type Pair = (CallId, UserId);

impl CallAccessList {
    /// Creates an empty list, without allocating.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::CallAccessList;
    ///
    /// assert!(CallAccessList::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pair and returns whether it is new, like [`BTreeSet::insert`].
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

    /// Removes a pair and returns whether it was in the list, like [`BTreeSet::remove`].
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

    /// Keeps only the pairs for which `keep` returns `true`. Calls `keep` once for each pair, in
    /// order.
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
    /// Find what to grant and what to revoke, so that access becomes exactly what is wanted:
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId};
    /// let call = CallId::from(5);
    /// let current = CallAccessList::from_iter([(call, 1.into()), (call, 2.into())]);
    /// let wanted = CallAccessList::from_iter([(call, 2.into()), (call, 3.into())]);
    ///
    /// let grant = wanted.difference(&current);
    /// assert!(grant.pairs().eq([(call, 3.into())]));
    /// let revoke = current.difference(&wanted);
    /// assert!(revoke.pairs().eq([(call, 1.into())]));
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
    /// # use gong_call_access::{CallAccessList, CallId};
    /// let call = CallId::from(5);
    /// let one = CallAccessList::from_iter([(call, 1.into()), (call, 2.into())]);
    /// let other = CallAccessList::from_iter([(call, 2.into()), (call, 3.into())]);
    /// assert!(one.intersection(&other).pairs().eq([(call, 2.into())]));
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
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId, UserId};
    /// let (call, user): (CallId, UserId) = ("5".parse()?, "7".parse()?);
    /// let access = CallAccessList::from_iter([(call, user)]);
    /// assert!(access.contains(call, user));
    /// assert!(!access.contains(call, "8".parse()?));
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn contains(&self, call: CallId, user: UserId) -> bool {
        self.pairs.contains(&(call, user))
    }

    /// Iterates over the calls in order, each of them once.
    ///
    /// The iterator visits every pair, since the list is one set of pairs.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId};
    /// let call = CallId::from(5);
    /// let access = CallAccessList::from_iter([(call, 7.into()), (call, 8.into())]);
    /// assert!(access.calls().eq([call]));
    /// ```
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        let mut last = None;
        self.pairs()
            .map(|(call, _)| call)
            .filter(move |call| last.replace(*call) != Some(*call))
    }

    /// Iterates over the users of one call in order.
    ///
    /// The iterator is empty if the call is not in the list. Finding the first user takes
    /// logarithmic time.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId, UserId};
    /// let (call, user): (CallId, UserId) = ("5".parse()?, "7".parse()?);
    /// let access = CallAccessList::from_iter([(call, user)]);
    /// assert!(access.users(call).eq([user]));
    /// assert_eq!(access.users("6".parse()?).next(), None);
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn users(&self, call: CallId) -> impl Iterator<Item = UserId> {
        self.pairs
            .range((call, UserId::BEFORE_ALL)..)
            .map_while(move |(of, user)| (*of == call).then_some(*user))
    }

    /// Iterates over all pairs in order, as a `for` loop over `&list` does.
    ///
    /// # Examples
    ///
    /// Keep the pairs of one user:
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, UserId};
    /// # let access = CallAccessList::from_iter([("5".parse()?, "7".parse()?), ("5".parse()?, "8".parse()?)]);
    /// let leaver: UserId = "7".parse()?;
    /// let pairs = access.pairs().filter(|(_, user)| *user == leaver);
    /// assert_eq!(pairs.collect::<CallAccessList>().len(), 1);
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn pairs(&self) -> impl Iterator<Item = (CallId, UserId)> {
        self.into_iter()
    }

    /// Iterates over the pairs behind this one, or over all of them.
    pub(crate) fn pairs_after(&self, pair: Option<Pair>) -> impl Iterator<Item = Pair> {
        let start = pair.map_or(Bound::Unbounded, Bound::Excluded);
        self.pairs.range((start, Bound::Unbounded)).copied()
    }

    /// Returns the number of (call, user) pairs; [`call_count`](Self::call_count) counts the calls.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{CallAccessList, CallId};
    /// let call = CallId::from(5);
    /// let access = CallAccessList::from_iter([(call, 7.into()), (call, 8.into())]);
    /// assert_eq!((access.len(), access.call_count()), (2, 1));
    /// ```
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Counts the calls, in time linear in the number of pairs.
    pub fn call_count(&self) -> usize {
        self.calls().count()
    }

    /// Returns whether the list has no pairs.
    ///
    /// [`Client::grant`](crate::Client::grant) and [`Client::revoke`](crate::Client::revoke) return
    /// an error for an empty list; the batch methods yield nothing for it.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// An iterator over the pairs of a [`CallAccessList`], in order.
///
/// `IntoIterator for &CallAccessList` returns it. It knows its exact length, and a clone is cheap.
///
/// # Examples
///
/// ```
/// use gong_call_access::{CallAccessList, Pairs};
///
/// let access = CallAccessList::from_iter([("5".parse()?, "7".parse()?)]);
/// let pairs: Pairs<'_> = (&access).into_iter();
/// assert_eq!(pairs.len(), 1);
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pairs<'a>(Copied<btree_set::Iter<'a, Pair>>);

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

/// Iterates over the pairs in order.
///
/// # Examples
///
/// ```
/// # use gong_call_access::CallAccessList;
/// # let access = CallAccessList::from_iter([("5".parse()?, "7".parse()?)]);
/// for (call, user) in &access {
///     println!("user {user} may open call {call}");
/// }
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
impl<'a> IntoIterator for &'a CallAccessList {
    type Item = (CallId, UserId);
    type IntoIter = Pairs<'a>;

    fn into_iter(self) -> Pairs<'a> {
        Pairs(self.pairs.iter().copied())
    }
}

/// An iterator over the pairs of a [`CallAccessList`] that it owns, in order.
///
/// `IntoIterator for CallAccessList` returns it. It knows its exact length.
///
/// # Examples
///
/// A worker that takes one pair after another:
///
/// ```
/// use gong_call_access::{CallAccessList, IntoIter};
///
/// struct Worker {
///     pairs: IntoIter,
/// }
///
/// let access = CallAccessList::from_iter([("5".parse()?, "7".parse()?)]);
/// let mut worker = Worker { pairs: access.into_iter() };
/// assert!(worker.pairs.next().is_some());
/// assert_eq!(worker.pairs.len(), 0);
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
#[derive(Debug)]
pub struct IntoIter(btree_set::IntoIter<Pair>);

impl Iterator for IntoIter {
    type Item = (CallId, UserId);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IntoIter {}

impl FusedIterator for IntoIter {}

/// Iterates over the pairs in order, as `pairs` does.
impl IntoIterator for CallAccessList {
    type Item = (CallId, UserId);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self.pairs.into_iter())
    }
}

/// Collects pairs in any order; duplicates merge.
impl FromIterator<(CallId, UserId)> for CallAccessList {
    fn from_iter<I: IntoIterator<Item = (CallId, UserId)>>(pairs: I) -> Self {
        Self {
            // `collect` sorts once and builds the tree from its leaves, faster than one insertion
            // for each pair.
            pairs: pairs.into_iter().collect(),
        }
    }
}

/// Adds pairs in any order, and ignores those that are already in the list.
///
/// # Examples
///
/// Merge two lists:
///
/// ```
/// # use gong_call_access::CallAccessList;
/// # let mut access = CallAccessList::from_iter([("5".parse()?, "7".parse()?)]);
/// # let other = CallAccessList::from_iter([("5".parse()?, "7".parse()?), ("5".parse()?, "8".parse()?)]);
/// access.extend(&other);
/// assert_eq!(access.len(), 2);
/// # Ok::<(), gong_call_access::InvalidId>(())
/// ```
impl Extend<(CallId, UserId)> for CallAccessList {
    fn extend<I: IntoIterator<Item = (CallId, UserId)>>(&mut self, pairs: I) {
        self.pairs.extend(pairs);
    }
}

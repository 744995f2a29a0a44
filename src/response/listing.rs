//! `Listing`: the users to whom this API gave access.

use serde::Deserialize;

use super::Receipt;
use crate::access_list::CallAccessList;
use crate::id::{CallId, UserId};
use crate::json::{Array, Object, Strict};

/// The users to whom this API gave access to the requested calls.
///
/// [`Client::list`](crate::Client::list) returns it. A user who is missing may still have access
/// for another reason: a permission profile may cover the call, or somebody may have shared the
/// call with them. [Gong does not list such users](crate::facts#access). Granting them access changes
/// nothing, so they may be missing even right after a successful grant.
///
/// # Examples
///
/// ```
/// # use gong_call_access::{CallId, Client, Credentials};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut gong = mockito::Server::new();
/// # let body = r#"{"requestId":"x","callAccessList":[{"callId":"5","users":[{"userId":"7"}]}]}"#;
/// # let _mock = gong.mock("POST", "/v2/calls/users-access").with_status(200).with_body(body).create();
/// # let client = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url()).build()?;
/// let call = CallId::try_from("5")?;
/// let listing = client.list([call])?.into_result()?;
/// let users: Vec<_> = listing.access_list().users(call).collect();
/// assert_eq!(users, ["7".parse()?]);
/// assert_eq!(listing.receipt().request_id(), Some("x"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    access_list: CallAccessList,
    receipt: Receipt,
}

impl Listing {
    /// Creates a listing of these pairs, for fakes in tests; its receipt has no request id.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{CallAccessList, Listing};
    ///
    /// let access = CallAccessList::from_iter([("5".parse()?, "7".parse()?)]);
    /// let listing = Listing::new(access.clone());
    /// assert_eq!(listing.access_list(), &access);
    /// assert_eq!(listing.receipt().request_id(), None);
    /// # Ok::<(), gong_call_access::InvalidId>(())
    /// ```
    pub fn new(access: CallAccessList) -> Self {
        Self {
            access_list: access,
            receipt: Receipt::new(None),
        }
    }

    pub(super) fn with(receipt: Receipt, calls: Vec<Object<CallAccess>>) -> Self {
        let pairs = calls
            .into_iter()
            .flat_map(|Strict(CallAccess { call_id, users })| {
                let users = users.into_iter().flat_map(|Strict(users)| users);
                users.map(move |Strict(user)| (call_id, user.user_id))
            });
        Self {
            access_list: pairs.collect(),
            receipt,
        }
    }

    /// Returns the pairs that Gong listed.
    ///
    /// A call without such users does not appear. Duplicates merge. All of the calls were requested: a
    /// response that lists another call is not a success.
    ///
    /// # Examples
    ///
    /// Revoke what the calls of a list should not have:
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Error};
    ///
    /// fn revoke_others(gong: &Client, wanted: &CallAccessList) -> Result<(), Error> {
    ///     let listing = gong.list(wanted.calls())?.into_result()?;
    ///     let excess = listing.access_list().difference(wanted);
    ///     if !excess.is_empty() {
    ///         gong.revoke(&excess)?.into_result()?;
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn access_list(&self) -> &CallAccessList {
        &self.access_list
    }

    /// Converts into the pairs that Gong listed, without copying them.
    pub fn into_access_list(self) -> CallAccessList {
        self.access_list
    }

    /// Returns Gong's acknowledgement, with the request id and the number of attempts.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    pub(crate) fn into_receipt(self) -> Receipt {
        self.receipt
    }
}

/// Collects the pairs of all listings; see [`Client::list_batches`](crate::Client::list_batches).
impl FromIterator<Listing> for CallAccessList {
    fn from_iter<I: IntoIterator<Item = Listing>>(listings: I) -> Self {
        let listings = listings.into_iter();
        listings.flat_map(Listing::into_access_list).collect()
    }
}

/// Adds the pairs of all listings, and ignores those that are already in the list.
impl Extend<Listing> for CallAccessList {
    fn extend<I: IntoIterator<Item = Listing>>(&mut self, listings: I) {
        let listings = listings.into_iter();
        self.extend(listings.flat_map(Listing::into_access_list));
    }
}

/// A call in the response: `{"callId":"…","users":[{"userId":"…"}]}`.
///
/// Other fields are ignored, since Gong may add some at any time.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallAccess {
    pub(super) call_id: CallId,
    users: Option<Array<Object<User>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: UserId,
}

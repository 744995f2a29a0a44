//! `Client`: the calls.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use ureq::http::Method;

use crate::access_list::CallAccessList;
use crate::error::{ConfigError, Error};
use crate::http::Request;
use crate::id::CallId;
use crate::response::{Listing, Response, Success};
use crate::send::Sender;

/// How large an acknowledgement may be, in bytes.
const RECEIPT_LIMIT: usize = 1024 * 1024;

/// What an id takes in a body, about: its digits, two quotes and a comma.
const ID_SIZE: usize = 24;

/// How large a listing may be, in bytes.
const LISTING_LIMIT: usize = 64 * 1024 * 1024;

/// A client of Gong's resource `/v2/calls/users-access`.
///
/// It blocks the calling thread until there is an answer, and always in bounded time. A clone
/// is cheap and shares the connections, which are kept alive, and the rate limit; it can be used
/// from many threads at once. A program needs one: two clients do not know of each other's requests.
///
/// # Testing
///
/// A program that uses this crate is tested with [mockito](https://docs.rs/mockito)
/// (`cargo add --dev mockito`) or any other server on loopback. Save this module as
/// `tests/gong.rs` and go on from there. mockito answers a request that no mock matches with status
/// 501, which is a [`Response::ServerError`].
///
/// ```no_run
#[doc = include_str!("../tests/testing.rs")]
/// ```
#[doc(alias = "users-access")]
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    sender: Sender,
    max_calls_per_batch: usize,
    max_pairs_per_batch: usize,
}

impl Client {
    pub(crate) fn with(
        sender: Sender,
        max_calls_per_batch: usize,
        max_pairs_per_batch: usize,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                sender,
                max_calls_per_batch,
                max_pairs_per_batch,
            }),
        }
    }

    pub(crate) fn max_calls_per_batch(&self) -> usize {
        self.inner.max_calls_per_batch
    }

    pub(crate) fn max_pairs_per_batch(&self) -> usize {
        self.inner.max_pairs_per_batch
    }

    /// Gives users access to calls: one `PUT` with the whole list, repeated as the
    /// [`RetryPolicy`](crate::RetryPolicy) says.
    ///
    /// Gong documents that a user who has access already is not affected, so a grant may be
    /// repeated. It was observed that one unknown call makes Gong refuse the whole list with
    /// [`Response::BadRequest`], without saying which; it is not known whether the others were
    /// applied. Gong documents no limit to the size of a request. A server that refuses a large
    /// one before it has read it may cut the connection, and then its status is lost: thousands
    /// of pairs are better sent with [`grant_batches`](Self::grant_batches). An acknowledgement of
    /// more than 1 MiB is no success.
    ///
    /// # Errors
    ///
    /// An answer of Gong's is a [`Response`], whatever it says. An error means there is none: it
    /// [`is_config`](Error::is_config) for an empty list, which is never sent; otherwise it is an
    /// [`Error::Transport`], the pairs may or may not have been granted, and it is safe to grant them
    /// again.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut access = CallAccessList::new();
    /// access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
    /// let receipt = Client::from_env()?.grant(&access)?.into_result()?;
    /// println!("granted after {} attempts", receipt.attempts());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "PUT")]
    #[doc(alias = "share")]
    pub fn grant(&self, access: &CallAccessList) -> Result<Response, Error> {
        self.change(&Method::PUT, access)
    }

    /// Takes away access that this API gave: one `DELETE` with the whole list, repeated as the
    /// [`RetryPolicy`](crate::RetryPolicy) says.
    ///
    /// Gong documents that users without access are not affected, and that access which a user has
    /// for other reasons (the call was shared with them, or their permission profile covers it)
    /// stays as it is. So a revocation may be repeated, and its success does not prove that the
    /// user cannot open the call.
    ///
    /// # Errors
    ///
    /// As for [`grant`](Self::grant): after an [`Error::Transport`], revoke again.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut access = CallAccessList::new();
    /// access.insert("7782342274025937895".parse()?, "234599484848423".parse()?);
    /// Client::from_env()?.revoke(&access)?.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "DELETE")]
    #[doc(alias = "unshare")]
    pub fn revoke(&self, access: &CallAccessList) -> Result<Response, Error> {
        self.change(&Method::DELETE, access)
    }

    /// Lists the users to whom this API gave access to the calls: one `POST`, repeated as the
    /// [`RetryPolicy`](crate::RetryPolicy) says.
    ///
    /// A call that is given twice is asked for once. Gong documents no limit to the number of
    /// calls; an answer of more than 64 MiB is no success. Many calls are better listed with
    /// [`list_batches`](Self::list_batches). A response that lists a call that was not asked for is
    /// [`Response::Unexpected`], so a program may revoke what it did not expect to find.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) if there is no call; otherwise as for
    /// [`grant`](Self::grant), except that nothing is changed.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::Client;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let call = "7782342274025937895".parse()?;
    /// let listing = Client::from_env()?.list([call])?.into_result()?;
    /// for user in listing.access_list().users(call) {
    ///     println!("{user}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "POST")]
    pub fn list(
        &self,
        calls: impl IntoIterator<Item = CallId>,
    ) -> Result<Response<Listing>, Error> {
        let calls: BTreeSet<_> = calls.into_iter().collect();
        if calls.is_empty() {
            return Err(ConfigError::new("there is no call to list, expected one or more").into());
        }
        let size = calls.len() * ID_SIZE;
        let filter = Filter { call_ids: &calls };
        self.send(
            &Method::POST,
            &ListBody { filter },
            &calls,
            size,
            LISTING_LIMIT,
        )
    }

    /// Sends one request with the whole list.
    pub(crate) fn change(
        &self,
        method: &Method,
        access: &CallAccessList,
    ) -> Result<Response, Error> {
        if access.is_empty() {
            let message = "the call access list is empty, expected one pair or more";
            return Err(ConfigError::new(message).into());
        }
        // Room for each pair to be a call of its own would be twice too much for most lists.
        self.send(method, access, &(), access.len() * ID_SIZE, RECEIPT_LIMIT)
    }

    fn send<T: Success>(
        &self,
        method: &Method,
        content: &impl Serialize,
        question: &T::Question,
        size: usize,
        limit: usize,
    ) -> Result<Response<T>, Error> {
        let mut body = Vec::with_capacity(size + 128);
        serde_json::to_writer(&mut body, content)
            .map_err(|error| ConfigError::new(format!("the body cannot be serialised: {error}")))?;
        let request = Request {
            method,
            body: &body,
            limit,
        };
        self.inner.sender.send(&request, question)
    }
}

/// The body of a `POST`, as Gong documents it.
#[derive(Serialize)]
struct ListBody<'a> {
    filter: Filter<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Filter<'a> {
    call_ids: &'a BTreeSet<CallId>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.inner.sender.host())
            .finish_non_exhaustive()
    }
}

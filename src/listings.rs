//! `Listings`: lists access to any number of calls, with one request for each batch of calls.

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;

use crate::access_list::CallAccessList;
use crate::batches::{Bounds, Decided, Splitter};
use crate::client::Client;
use crate::error::Error;
use crate::id::{CallId, UserId};
use crate::response::{ApiError, Listing};

/// An iterator over the listings of any number of calls, which sends nothing until it is advanced.
///
/// [`Client::list_batches`] creates it. It holds the calls that are not listed yet, so its memory
/// does not grow with the number of listings.
///
/// Gong refuses the whole request if [one call is unknown](crate::facts#unknown-calls), and it
/// deletes calls, so every list of calls has unknown ones after a while. So after a status 400 the
/// iterator searches for that call as [`Batches`](crate::Batches) does, and lists everything else.
/// [`refused`](Self::refused) returns the calls that Gong refused alone.
///
/// # Errors
///
/// An item is an [`Error`] as [`Client::list`] returns it, or an [`Error::Api`] for a response that
/// is not a success. The iterator ends after an error, and [`remaining`](Self::remaining) then
/// returns the calls that were neither listed nor refused. Refused calls end it with an error in
/// two cases only: ten of them, far from each other, were refused and none was listed; or some are
/// still undecided after 1,000 requests that only searched, and then the error comes after all
/// listings.
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, CallId, Client, Error};
///
/// fn current(client: &Client, calls: &[CallId]) -> Result<CallAccessList, Error> {
///     let mut access = CallAccessList::new();
///     let mut listings = client.list_batches(calls.iter().copied());
///     for listing in listings.by_ref() {
///         access.extend([listing?]);
///     }
///     for (call, error) in listings.refused() {
///         eprintln!("call {call}: {error}");
///     }
///     Ok(access)
/// }
/// ```
#[must_use = "nothing is sent until the iterator is advanced"]
pub struct Listings {
    client: Client,
    /// Searches calls as it does pairs: each call is paired with the same user, who is never sent.
    splitter: Splitter<'static>,
    refused: Vec<(CallId, ApiError)>,
    /// The calls that were given up, and the first error for one of them.
    undecided: Option<(CallAccessList, ApiError)>,
    is_stopped: bool,
}

impl Listings {
    /// Creates the iterator, without sending anything.
    pub(crate) fn new(client: Client, calls: impl IntoIterator<Item = CallId>) -> Self {
        let calls: CallAccessList = calls
            .into_iter()
            .map(|call| (call, UserId::BEFORE_ALL))
            .collect();
        let bounds = Bounds {
            pairs: usize::MAX,
            ..client.settings.bounds
        };
        Self {
            client,
            splitter: Splitter::new(Cow::Owned(calls), bounds),
            refused: Vec::new(),
            undecided: None,
            is_stopped: false,
        }
    }

    /// Iterates over the calls to give to the next run if the listing ended now, in the order of
    /// their ids.
    ///
    /// These are all calls that are neither listed nor [`refused`](Self::refused).
    pub fn remaining(&self) -> impl Iterator<Item = CallId> {
        let mut remaining = self.splitter.remaining();
        remaining.extend(self.undecided.iter().flat_map(|(calls, _)| calls));
        remaining.into_iter().map(|(call, _)| call)
    }

    /// Iterates over the calls that Gong refused so far, each in a request of its own, with Gong's
    /// reason.
    ///
    /// Most likely Gong has deleted them, or they never belonged to this company.
    pub fn refused(&self) -> impl Iterator<Item = (CallId, &ApiError)> {
        self.refused.iter().map(|(call, error)| (*call, error))
    }

    /// Keeps what the refusal of the last request decides.
    fn refuse(&mut self, error: ApiError) {
        let Decided { refused, undecided } = self.splitter.refused(error.status() == 413);
        let refused = refused.calls().map(|call| (call, error.clone()));
        self.refused.extend(refused);
        if !undecided.is_empty() {
            let first = || (CallAccessList::new(), error);
            let (calls, _) = self.undecided.get_or_insert_with(first);
            calls.extend(&undecided);
        }
    }
}

impl Iterator for Listings {
    type Item = Result<Listing, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_stopped {
            let Some(request) = self.splitter.next_request() else {
                self.is_stopped = true;
                let (_, error) = self.undecided.as_ref()?;
                return Some(Err(error.clone().into()));
            };
            let response = self.client.list(request.calls());
            match response.and_then(|response| Ok(response.into_result()?)) {
                Ok(listing) => {
                    self.splitter.acknowledged();
                    return Some(Ok(listing));
                }
                Err(Error::Api(error)) if matches!(error.status(), 400 | 413) => self.refuse(error),
                Err(error) => {
                    self.is_stopped = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

impl FusedIterator for Listings {}

impl fmt::Debug for Listings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listings")
            .field("client", &self.client)
            .field("refused", &self.refused.len())
            .finish_non_exhaustive()
    }
}

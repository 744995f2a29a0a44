//! `Listings`: lists access to any number of calls, with one request for each batch of calls.

use std::collections::BTreeSet;
use std::fmt;
use std::iter::FusedIterator;

use crate::client::Client;
use crate::error::Error;
use crate::id::CallId;
use crate::response::Listing;

/// An iterator over the listings of any number of calls, which sends nothing until it is advanced.
///
/// [`Client::list_batches`] creates it. It holds only the calls that are not listed yet, so its
/// memory does not grow with the number of listings. It ends after the last call or after the first
/// error. After an error, [`remaining`](Self::remaining) returns the calls that were not listed,
/// including those of the failed request.
///
/// # Errors
///
/// An item is an [`Error`] as [`Client::list`] returns it, or an [`Error::Api`] for a response that
/// is not a success. How Gong responds to a listing that includes an unknown call is not known. If
/// it responds with status 400 or 404, the iterator ends with that error, and does not search for
/// the call.
///
/// # Examples
///
/// Keep the calls that are left after an error for another run:
///
/// ```no_run
/// use gong_call_access::{CallAccessList, CallId, Client};
///
/// # fn calls() -> Vec<CallId> { Vec::new() }
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::from_env()?;
/// let mut access = CallAccessList::new();
/// let mut listings = client.list_batches(calls());
/// for listing in listings.by_ref() {
///     match listing {
///         Ok(listing) => access.extend(listing.access_list()),
///         Err(error) => eprintln!("{error}"),
///     }
/// }
/// let not_listed: Vec<CallId> = listings.remaining().collect();
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until the iterator is advanced"]
pub struct Listings {
    client: Client,
    remaining: BTreeSet<CallId>,
    is_stopped: bool,
}

impl Listings {
    pub(crate) fn new(client: Client, calls: impl IntoIterator<Item = CallId>) -> Self {
        Self {
            client,
            remaining: calls.into_iter().collect(),
            is_stopped: false,
        }
    }

    /// Iterates over the calls that are not listed yet, in the order of their ids.
    pub fn remaining(&self) -> impl Iterator<Item = CallId> {
        self.remaining.iter().copied()
    }
}

impl Iterator for Listings {
    type Item = Result<Listing, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let most = self.client.max_calls_per_batch();
        let calls: Vec<_> = self.remaining().take(most).collect();
        if self.is_stopped || calls.is_empty() {
            return None;
        }
        let response = self.client.list(calls.iter().copied());
        let listing = response.and_then(|response| response.into_result().map_err(Error::Api));
        self.is_stopped = listing.is_err();
        if listing.is_ok() {
            for call in &calls {
                self.remaining.remove(call);
            }
        }
        Some(listing)
    }
}

impl FusedIterator for Listings {}

impl fmt::Debug for Listings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listings")
            .field("client", &self.client)
            .field("remaining", &self.remaining.len())
            .finish_non_exhaustive()
    }
}

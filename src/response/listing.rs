//! `Listing`: who has access.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Receipt, Success};
use crate::access_list::CallAccessList;
use crate::id::{CallId, UserId};

/// Which users have access to the calls that were asked for, as far as this API gave it.
///
/// Gong documents that users who have access for other reasons are not listed: a call may have been
/// shared with them, or their permission profile may cover it. So a user who is missing here may
/// have access all the same, even right after a grant, which has no effect on a user who has access
/// already.
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
    /// Returns the pairs as Gong listed them; a call without such users does not appear.
    ///
    /// All of its calls were asked for: a response that lists another call is not a success.
    pub fn access_list(&self) -> &CallAccessList {
        &self.access_list
    }

    /// Returns Gong's acknowledgement.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

/// A call in Gong's answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CallAccess {
    call_id: CallId,
    users: Option<Vec<User>>,
    // Without it, an array would do for an object.
    #[serde(flatten)]
    _rest: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_id: UserId,
    #[serde(flatten)]
    _rest: IgnoredAny,
}

impl Success for Listing {
    /// Gong documents the list, and the users of a call, as optional.
    type Content = Option<Vec<CallAccess>>;
    type Question = BTreeSet<CallId>;

    fn is_answered(calls: &BTreeSet<CallId>, content: &Self::Content) -> bool {
        let mut listed = content.iter().flatten();
        listed.all(|listed| calls.contains(&listed.call_id))
    }

    fn new(receipt: Receipt, calls: Self::Content) -> Self {
        let access_list = calls
            .into_iter()
            .flatten()
            .flat_map(|CallAccess { call_id, users, .. }| {
                let users = users.into_iter().flatten();
                users.map(move |user| (call_id, user.user_id))
            })
            .collect();
        Self {
            access_list,
            receipt,
        }
    }

    fn receipt(&self) -> &Receipt {
        &self.receipt
    }
}

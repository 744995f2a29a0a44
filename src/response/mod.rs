//! What Gong answered: `Response` with its variants, and `Receipt`.

use serde::de::DeserializeOwned;
use serde_json::Value;

mod api_error;
mod decode;
mod listing;

pub use api_error::ApiError;
pub(crate) use decode::decode;
pub use listing::Listing;

/// Gong's answer to a request.
///
/// Only [`Success`](Self::Success) means that Gong acknowledged the request: status 200 with a JSON
/// object that has no `errors`. Gong documents the statuses 200, 400, 401 and 500 for this
/// resource, and 429 for all of its API; others were observed.
///
/// `T` is what a success holds: a [`Receipt`] of a grant or a revocation, a [`Listing`] of a listing.
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Response};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client, access) = (Client::from_env()?, CallAccessList::new());
/// match client.grant(&access)? {
///     Response::Success(receipt) => println!("granted, request id {:?}", receipt.request_id()),
///     Response::BadRequest(error) => eprintln!("a wrong call or user: {:?}", error.messages()),
///     Response::Unauthorized(error) => eprintln!("check the credentials and their scope: {error}"),
///     Response::RateLimited(error) => eprintln!("try again after {:?}", error.retry_after()),
///     Response::ServerError(error) => eprintln!("grant again: {error}"),
///     other => drop(other.into_result()?),
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "the answer may be a refusal; use `into_result` or match on it"]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Response<T = Receipt> {
    /// Status 200 and proof of success: Gong acknowledged the whole request.
    Success(T),
    /// Status 400: Gong refused the request, for a call that does not exist, for instance. It is
    /// not known whether a refused request was applied in part.
    BadRequest(ApiError),
    /// Status 401: the credentials are wrong, or lack a scope.
    Unauthorized(ApiError),
    /// Status 429: the company's requests of this second or this day are used up.
    RateLimited(ApiError),
    /// Status 500 to 599: Gong failed; the request may or may not have taken effect.
    ServerError(ApiError),
    /// Any other status, and a 200 that does not prove success; the request may or may not have taken
    /// effect.
    Unexpected(ApiError),
}

impl<T> Response<T> {
    /// Returns what a success holds, and everything else as an error.
    ///
    /// # Errors
    ///
    /// The [`ApiError`] of every variant but [`Success`](Self::Success); `?` turns it into an
    /// [`Error`](crate::Error).
    pub fn into_result(self) -> Result<T, ApiError> {
        match self {
            Self::Success(success) => Ok(success),
            Self::BadRequest(error)
            | Self::Unauthorized(error)
            | Self::RateLimited(error)
            | Self::ServerError(error)
            | Self::Unexpected(error) => Err(error),
        }
    }

    /// Returns whether Gong acknowledged the request, and with it every pair.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// Returns what Gong said, if it did not acknowledge the request.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use gong_call_access::{CallAccessList, Client};
    /// # let (client, access) = (Client::from_env()?, CallAccessList::new());
    /// let response = client.grant(&access)?;
    /// if let Some(error) = response.error() {
    ///     eprintln!("status {}, request id {:?}", error.status(), error.request_id());
    /// }
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn error(&self) -> Option<&ApiError> {
        match self {
            Self::Success(_) => None,
            Self::BadRequest(error)
            | Self::Unauthorized(error)
            | Self::RateLimited(error)
            | Self::ServerError(error)
            | Self::Unexpected(error) => Some(error),
        }
    }

    /// Applies a function to what a success holds, and leaves every other variant as it is.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use gong_call_access::{CallId, Client, Response};
    /// # let (client, call) = (Client::from_env()?, CallId::try_from("5")?);
    /// let pairs: Response<usize> = client.list([call])?.map(|listing| listing.access_list().len());
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Response<U> {
        match self {
            Self::Success(success) => Response::Success(f(success)),
            Self::BadRequest(error) => Response::BadRequest(error),
            Self::Unauthorized(error) => Response::Unauthorized(error),
            Self::RateLimited(error) => Response::RateLimited(error),
            Self::ServerError(error) => Response::ServerError(error),
            Self::Unexpected(error) => Response::Unexpected(error),
        }
    }

    /// Returns Gong's id of the request, whatever the answer.
    pub(crate) fn request_id(&self) -> Option<&str>
    where
        T: Success,
    {
        match self {
            Self::Success(success) => success.receipt().request_id(),
            other => other.error()?.request_id(),
        }
    }

    /// Sorts an error by its status.
    fn refusal(error: ApiError) -> Self {
        match error.status() {
            400 => Self::BadRequest(error),
            401 => Self::Unauthorized(error),
            429 => Self::RateLimited(error),
            500..=599 => Self::ServerError(error),
            _ => Self::Unexpected(error),
        }
    }
}

/// What a success holds, and what it takes from the body beside the receipt.
pub(crate) trait Success: Sized {
    /// The field `callAccessList`, which may be missing.
    type Content: DeserializeOwned + Default;

    /// What was asked for.
    type Question: ?Sized;

    /// Whether the content answers the question, so that a program may rely on it.
    fn is_answered(question: &Self::Question, content: &Self::Content) -> bool;

    fn new(receipt: Receipt, content: Self::Content) -> Self;

    fn receipt(&self) -> &Receipt;
}

impl Success for Receipt {
    /// Not documented for a receipt, so it is read like any field that is not known.
    type Content = Value;
    type Question = ();

    fn is_answered((): &(), _: &Value) -> bool {
        true
    }

    fn new(receipt: Receipt, _: Value) -> Self {
        receipt
    }

    fn receipt(&self) -> &Receipt {
        self
    }
}

/// Gong's acknowledgement of a request.
///
/// # Examples
///
/// ```
/// # use gong_call_access::{Client, Credentials};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut gong = mockito::Server::new();
/// # let body = r#"{"requestId":"4al018gzaztcr8nbukw"}"#;
/// # let _mock = gong.mock("PUT", "/v2/calls/users-access").with_status(200).with_body(body).create();
/// # let client = Client::builder(Credentials::bearer("my-token")?).base_url(gong.url()).build()?;
/// # let access = [("5".parse()?, "7".parse()?)].into_iter().collect();
/// let receipt = client.grant(&access)?.into_result()?;
/// assert_eq!(receipt.request_id(), Some("4al018gzaztcr8nbukw"));
/// assert_eq!(receipt.attempts(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    request_id: Option<Box<str>>,
    attempts: u32,
}

impl Receipt {
    /// Returns Gong's id of the request, to quote to Gong's support.
    ///
    /// Gong documents it as optional in the body; the header `x-traceid` was observed to hold the
    /// same, and stands in where the body has none.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns how many requests it took, 1 or more.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

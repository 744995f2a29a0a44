//! `Response` and `Receipt`: what Gong answered.

mod api_error;
mod decode;
mod listing;

pub use api_error::ApiError;
pub(crate) use decode::decode;
pub use listing::Listing;

/// Gong's response to a request.
///
/// `T` is what a success holds: a [`Receipt`] for a grant or a revocation, a [`Listing`] for a list.
///
/// [What is known about Gong](crate::facts#responses) lists the statuses that Gong documents.
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Response};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (client, access) = (Client::from_env()?, CallAccessList::new());
/// match client.grant(&access)? {
///     Response::Success(receipt) => println!("granted: {receipt:?}"),
///     Response::BadRequest(error) => eprintln!("correct the ids: {error}"),
///     Response::Unauthorized(error) => eprintln!("credentials: {error}"),
///     Response::RateLimited(error) => eprintln!("too many requests: {error}"),
///     Response::ServerError(error) => eprintln!("grant again: {error}"),
///     other => drop(other.into_result()?),
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "the response may be a refusal; use `into_result` or match on it"]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Response<T = Receipt> {
    /// Gong acknowledged the whole request: status 200 with a JSON object without `errors`.
    Success(T),
    /// Status 400: Gong refused the request, for example because a call does not exist.
    ///
    /// The [`messages`](ApiError::messages) say why. Whether part of it was applied is [not
    /// known](crate::facts#not-known).
    BadRequest(ApiError),
    /// Status 401: the credentials are wrong, lack a scope, or belong to another company or region
    /// than the host of the base URL.
    Unauthorized(ApiError),
    /// Status 429: the company has used up its requests for this second or this day.
    ///
    /// Wait for [`retry_after`](ApiError::retry_after), or for a minute if it is `None`. If it is
    /// hours, find the tool that uses up the company's requests, or ask Gong for more.
    RateLimited(ApiError),
    /// Status 500 to 599: Gong failed. The request [may have been
    /// applied](crate#may-have-been-applied).
    ServerError(ApiError),
    /// Any other status, or a 200 that does not prove success. The request [may have been
    /// applied](crate#may-have-been-applied).
    ///
    /// A redirect names the host to set as the base URL. After a 413, send fewer pairs, or use a batch
    /// job. Otherwise, something other than Gong has probably answered: check the base URL.
    Unexpected(ApiError),
}

impl<T> Response<T> {
    /// Converts into a result: what a success holds, or the error of any other variant.
    ///
    /// # Errors
    ///
    /// Returns the [`ApiError`] of every variant but [`Success`](Self::Success). `?` converts it to
    /// [`Error::Api`](crate::Error::Api).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{CallAccessList, Client, Error, Receipt};
    ///
    /// fn grant(client: &Client, access: &CallAccessList) -> Result<Receipt, Error> {
    ///     Ok(client.grant(access)?.into_result()?)
    /// }
    /// ```
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

    /// Returns whether Gong acknowledged the whole request.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Success(_))
    }

    /// Returns the [`ApiError`] of any variant but [`Success`](Self::Success).
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

    /// Applies a function to what a success holds, and keeps the error of every other variant.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use gong_call_access::{CallAccessList, CallId, Client, Listing, Response};
    /// # let (client, call) = (Client::from_env()?, CallId::try_from("5")?);
    /// let response = client.list([call])?;
    /// let access: Response<CallAccessList> = response.map(Listing::into_access_list);
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Response<U> {
        match self.into_result() {
            Ok(success) => Response::Success(f(success)),
            Err(error) => Response::refusal(error),
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
    /// Creates a receipt of one attempt, for fakes in tests.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{Receipt, Response};
    ///
    /// let receipt = Receipt::new(Some("4al018gzaztcr8nbukw"));
    /// assert_eq!(receipt.request_id(), Some("4al018gzaztcr8nbukw"));
    /// assert_eq!(receipt.attempts(), 1);
    /// assert!(Response::Success(receipt).is_success());
    /// ```
    pub fn new(request_id: Option<&str>) -> Self {
        Self {
            request_id: request_id.map(Box::from),
            attempts: 1,
        }
    }

    /// Returns Gong's id of the request, to quote to Gong's support.
    ///
    /// It is the `requestId` of the body, or else the header `x-traceid`, which [holds the same
    /// id](crate::facts#responses). It is `None` if both are missing.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Returns how many requests were attempted, 1 or more.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }
}

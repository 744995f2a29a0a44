//! `Error` and its parts: everything that is not a usable answer.

mod transport;

use std::fmt;
use std::time::Duration;

use crate::{ApiError, InvalidId};

pub use transport::TransportError;
pub(crate) use transport::TransportKind;

/// Why there is no usable answer.
///
/// It is told apart by its variant, and across variants by its predicates. Its `Display` is one line
/// that needs no other; where the system or the HTTP library said something, that is the
/// [`source`](std::error::Error::source).
///
/// # Examples
///
/// ```
/// use gong_call_access::{CallAccessList, Client, Credentials, Error, RetryPolicy};
///
/// let credentials = Credentials::access_key("key", "secret")?;
/// # let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
/// # let unreachable = format!("http://{closed}");
/// let builder = Client::builder(credentials).base_url(unreachable).retry(RetryPolicy::none());
/// let client = builder.build()?;
///
/// let error = client.grant(&CallAccessList::new()).unwrap_err();
/// assert!(error.is_config() && matches!(error, Error::Config(_)));
/// assert_eq!(error.attempts(), 0, "nothing was sent");
///
/// let access = [("5".parse()?, "7".parse()?)].into_iter().collect();
/// let error = client.grant(&access).unwrap_err();
/// assert!(error.is_connect() && matches!(error, Error::Transport(_)));
/// assert!(!error.is_timeout() && !error.is_tls());
/// assert_eq!((error.attempts(), error.retry_after()), (1, None));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A setting, a credential, the base URL or an empty list; nothing was sent.
    Config(ConfigError),
    /// A text that is not an id; nothing was sent.
    InvalidId(InvalidId),
    /// No answer came, or none that could be read; the request may or may not have taken effect.
    Transport(TransportError),
    /// An answer that is not the success that was asked for.
    Api(ApiError),
}

impl Error {
    /// Returns whether the input was at fault, an id included, and nothing was sent.
    ///
    /// To tell an id of the caller's from a setting of the operator's, look at the variant.
    pub fn is_config(&self) -> bool {
        matches!(self, Self::Config(_) | Self::InvalidId(_))
    }

    /// Returns whether the time ran out: while waiting to send, while connecting, or later.
    ///
    /// A connection that took too long also [`is_connect`](Self::is_connect). With
    /// [`attempts`](Self::attempts) 0 nothing was sent: the turn of this call would have come too late,
    /// since a 429 or other calls of the client were before it.
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.transport_kind(),
            Some(
                TransportKind::Timeout(_)
                    | TransportKind::ConnectTimeout(_)
                    | TransportKind::NoTurn { .. }
            )
        )
    }

    /// Returns whether no connection came about: the host name is unknown, nothing accepts
    /// connections there, or not in time.
    ///
    /// As far as the system says, the last attempt sent nothing then; an earlier one may have taken
    /// effect if [`attempts`](Self::attempts) is more than 1. A connection that took too long also
    /// [`is_timeout`](Self::is_timeout).
    pub fn is_connect(&self) -> bool {
        matches!(
            self.transport_kind(),
            Some(TransportKind::Connect | TransportKind::ConnectTimeout(_))
        )
    }

    /// Returns whether TLS failed: a certificate that is not trusted, or a port that answers with
    /// something else than TLS. The last attempt sent nothing that Gong could act upon.
    pub fn is_tls(&self) -> bool {
        matches!(self.transport_kind(), Some(TransportKind::Tls))
    }

    /// Returns how many requests were attempted; 0 if none was, so that nothing was sent.
    ///
    /// An attempt that could not connect counts.
    pub fn attempts(&self) -> u32 {
        match self {
            Self::Config(_) | Self::InvalidId(_) => 0,
            Self::Transport(error) => error.attempts(),
            Self::Api(error) => error.attempts(),
        }
    }

    /// Returns how long Gong asked to wait before the next request.
    ///
    /// That is the [`ApiError::retry_after`] of an answer, counted from that answer, or what is left of
    /// one that kept this call from sending anything in its time. To show or store when to go on, add it
    /// to the current time at once.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            Self::Transport(error) => match error.kind() {
                TransportKind::NoTurn { held_for, .. } => held_for,
                _ => None,
            },
            Self::Config(_) | Self::InvalidId(_) => None,
        }
    }

    pub(crate) fn transport_kind(&self) -> Option<TransportKind> {
        match self {
            Self::Transport(error) => Some(error.kind()),
            Self::Config(_) | Self::InvalidId(_) | Self::Api(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::InvalidId(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Api(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    /// The cause below this error; the parts themselves are skipped, since `Display` shows them.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => error.source(),
            Self::InvalidId(error) => error.source(),
            Self::Transport(error) => error.source(),
            Self::Api(error) => error.source(),
        }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<InvalidId> for Error {
    fn from(error: InvalidId) -> Self {
        Self::InvalidId(error)
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// A setting, a credential, a base URL or a list that cannot be used.
///
/// Its `Display` names the setting and what is expected, and never shows a secret.
#[derive(Debug)]
pub struct ConfigError(Box<str>);

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into().into_boxed_str())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

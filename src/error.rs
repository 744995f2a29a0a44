//! `Error` and its parts: everything that is not a usable answer.

use std::fmt;
use std::time::Duration;

use crate::http::Fault;
use crate::id::InvalidId;
use crate::response::ApiError;

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

    /// Returns whether a text was not an id, which a program may have from its own users; nothing was
    /// sent.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{CallId, Error};
    ///
    /// fn call(text: &str) -> Result<CallId, Error> {
    ///     Ok(text.parse()?)
    /// }
    /// assert!(call("_7782342274025937895").unwrap_err().is_invalid_id());
    /// ```
    pub fn is_invalid_id(&self) -> bool {
        matches!(self, Self::InvalidId(_))
    }

    /// Returns whether the time ran out: while waiting to send, while connecting, or later.
    ///
    /// A connection that took too long also [`is_connect`](Self::is_connect). With
    /// [`attempts`](Self::attempts) 0 nothing was sent: the turn of this call would have come too late,
    /// since a 429 or other calls of the client were before it.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Transport(error) => matches!(
                error.0.kind,
                TransportKind::Exchange(Fault::Timeout(_) | Fault::ConnectTimeout(_))
                    | TransportKind::Unsent { .. }
            ),
            Self::Config(_) | Self::InvalidId(_) | Self::Api(_) => false,
        }
    }

    /// Returns whether no connection came about: the host name is unknown, nothing accepts
    /// connections there, or not in time.
    ///
    /// As far as the system says, the last attempt sent nothing then; an earlier one may have taken
    /// effect if [`attempts`](Self::attempts) is more than 1. A connection that took too long also
    /// [`is_timeout`](Self::is_timeout).
    pub fn is_connect(&self) -> bool {
        matches!(
            self.fault(),
            Some(Fault::Connect | Fault::ConnectTimeout(_))
        )
    }

    /// Returns whether TLS failed: a certificate that is not trusted, or a port that answers with
    /// something else than TLS. The last attempt sent nothing that Gong could act upon.
    pub fn is_tls(&self) -> bool {
        matches!(self.fault(), Some(Fault::Tls))
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
            Self::Transport(error) => match error.0.kind {
                TransportKind::Unsent { held_for, .. } => held_for,
                TransportKind::Exchange(_) => None,
            },
            Self::Config(_) | Self::InvalidId(_) => None,
        }
    }

    /// Why the last exchange failed, if it did.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Transport(error) => match error.0.kind {
                TransportKind::Exchange(fault) => Some(fault),
                TransportKind::Unsent { .. } => None,
            },
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

/// An exchange that failed before a whole answer was there.
///
/// Its `Display` says in which way, with which host and after how many attempts; its
/// [`source`](std::error::Error::source) is the text of the system or of the HTTP library, cut to 2
/// KiB.
#[derive(Debug)]
pub struct TransportError(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: TransportKind,
    host: String,
    attempts: u32,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportKind {
    /// The last exchange failed.
    Exchange(Fault),
    /// Nothing was sent: there was no permit to send a request within this time, since a 429 still
    /// holds all requests, or the rate limit does.
    Unsent {
        within: Duration,
        held_for: Option<Duration>,
    },
}

impl TransportError {
    pub(crate) fn new(
        kind: TransportKind,
        host: &str,
        attempts: u32,
        cause: Option<String>,
    ) -> Self {
        Self(Box::new(Parts {
            kind,
            host: host.to_owned(),
            attempts,
            source: cause.map(Into::into),
        }))
    }

    /// Returns how many requests were attempted; 0 if none was, so that nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0.host;
        let rounded = |time: Duration| match time.as_millis() {
            0 => time,
            millis => Duration::from_millis(millis.try_into().unwrap_or(u64::MAX)),
        };
        match self.0.kind {
            TransportKind::Unsent { within, held_for } => {
                write!(f, "no request to {host} could be sent within {within:?}")?;
                match held_for {
                    Some(wait) => write!(f, ": Gong asked to wait {:?} more", rounded(wait)),
                    None => f.write_str(
                        ": the rate limit (requests_per_second) left no room before total_timeout",
                    ),
                }
            }
            TransportKind::Exchange(fault) => match fault {
                Fault::Connect => write!(f, "cannot connect to {host}"),
                Fault::ConnectTimeout(after) => {
                    write!(f, "no connection to {host} within {:?}", rounded(after))
                }
                Fault::Timeout(after) => {
                    let after = rounded(after);
                    write!(f, "no complete response from {host} within {after:?}")
                }
                Fault::Disconnected => {
                    write!(
                        f,
                        "{host} closed the connection before its response was complete"
                    )
                }
                Fault::Tls => write!(
                    f,
                    "no secure connection to {host}: its certificate is not trusted, or it does not speak TLS"
                ),
                Fault::Proxy => write!(f, "the proxy refused to connect to {host}"),
                Fault::NotHttp => write!(f, "{host}, or a proxy before it, did not answer in HTTP"),
            },
        }?;
        match self.0.attempts {
            1 => f.write_str(" (1 attempt)"),
            n => write!(f, " ({n} attempts)"),
        }
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}

/// Far longer than any call needs, and far shorter than what overflows when it is added to a clock.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(crate) fn check_duration(setter: &str, duration: Duration) -> Result<(), ConfigError> {
    if duration.is_zero() || duration > MAX_DURATION {
        return Err(ConfigError::new(format!(
            "{setter} is {duration:?}, expected more than zero and at most 30 days"
        )));
    }
    Ok(())
}

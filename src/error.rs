//! `Error` and its parts: everything that is not a usable answer.

use std::fmt;
use std::time::Duration;

use crate::{ApiError, InvalidId};

/// Why there is no usable answer.
///
/// It is told apart by its variant, and across variants by its predicates.
///
/// # Examples
///
/// ```
/// use gong_call_access::{CallAccessList, Client, Credentials, Error};
///
/// let client = Client::new(Credentials::access_key("key", "secret")?)?;
/// let error = client.grant(&CallAccessList::new()).unwrap_err();
/// assert!(matches!(error, Error::Config(_)));
/// assert!(error.is_config());
/// assert_eq!(error.attempts(), 0);
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
    pub fn is_config(&self) -> bool {
        matches!(self, Self::Config(_) | Self::InvalidId(_))
    }

    /// Returns whether the time ran out: while waiting to send, while connecting, or later.
    ///
    /// A connection that took too long also [`is_connect`](Self::is_connect).
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

    /// Returns whether no connection came about: the host name is unknown, or nothing accepted in
    /// time.
    ///
    /// Nothing was sent then by the last attempt. A connection that took too long also
    /// [`is_timeout`](Self::is_timeout).
    pub fn is_connect(&self) -> bool {
        matches!(
            self.transport_kind(),
            Some(TransportKind::Connect | TransportKind::ConnectTimeout(_))
        )
    }

    /// Returns whether TLS failed: a certificate that is not trusted, or a port that does not speak
    /// TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self.transport_kind(), Some(TransportKind::Tls))
    }

    /// Returns how many requests were attempted; 0 if nothing was sent.
    pub fn attempts(&self) -> u32 {
        match self {
            Self::Config(_) | Self::InvalidId(_) => 0,
            Self::Transport(error) => error.0.attempts,
            Self::Api(error) => error.attempts(),
        }
    }

    /// Returns how long Gong asked to wait before the next request.
    ///
    /// That is the [`ApiError::retry_after`] of an answer, or what is left of one that kept this
    /// call from sending anything in its time.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            Self::Transport(error) => match error.0.kind {
                TransportKind::NoTurn { held_for, .. } => held_for,
                _ => None,
            },
            Self::Config(_) | Self::InvalidId(_) => None,
        }
    }

    pub(crate) fn transport_kind(&self) -> Option<TransportKind> {
        match self {
            Self::Transport(error) => Some(error.0.kind),
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

/// In which way an exchange failed, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportKind {
    /// There is no such host, or it does not accept connections.
    Connect,
    /// No connection within this time.
    ConnectTimeout(Duration),
    /// No whole answer within this time.
    Timeout(Duration),
    /// No turn to send a request within this time, since a 429 still holds all calls, or others
    /// wait.
    NoTurn {
        within: Duration,
        held_for: Option<Duration>,
    },
    /// The connection ended before the answer did.
    Disconnected,
    /// The certificate is not trusted, or the peer does not speak TLS.
    Tls,
    /// The proxy refused to connect.
    Proxy,
    /// The peer sent something that is not an HTTP response.
    NotHttp,
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
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0.host;
        let rounded = |time: Duration| match time.as_millis() {
            0 => time,
            millis => Duration::from_millis(millis.try_into().unwrap_or(u64::MAX)),
        };
        match self.0.kind {
            TransportKind::Connect => write!(f, "cannot connect to {host}"),
            TransportKind::ConnectTimeout(after) => {
                write!(f, "no connection to {host} within {:?}", rounded(after))
            }
            TransportKind::Timeout(after) => {
                write!(
                    f,
                    "no complete response from {host} within {:?}",
                    rounded(after)
                )
            }
            TransportKind::NoTurn { within, held_for } => {
                write!(f, "no request to {host} could be sent within {within:?}")?;
                match held_for {
                    Some(held_for) => {
                        write!(f, ", Gong asked to wait {:?} more", rounded(held_for))
                    }
                    None => f.write_str(", other calls of this client are waiting too"),
                }
            }
            TransportKind::Disconnected => {
                write!(
                    f,
                    "{host} closed the connection before its response was complete"
                )
            }
            TransportKind::Tls => write!(
                f,
                "no secure connection to {host}: its certificate is not trusted, or it does not speak TLS"
            ),
            TransportKind::Proxy => write!(f, "the proxy refused to connect to {host}"),
            TransportKind::NotHttp => write!(
                f,
                "no valid HTTP came from {host}, or from a proxy before it"
            ),
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

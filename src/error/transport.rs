//! `TransportError`: an exchange without a usable answer, told to the person who reads it.

use std::fmt;
use std::time::Duration;

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
    /// No turn to send a request within this time, since a 429 still holds all requests, or the rate
    /// limit does.
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

    pub(super) fn kind(&self) -> TransportKind {
        self.0.kind
    }

    pub(super) fn attempts(&self) -> u32 {
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
                write!(f, "no request to {host} can be sent within {within:?}")?;
                match held_for {
                    Some(held_for) => {
                        write!(f, ", Gong asked to wait {:?} more", rounded(held_for))
                    }
                    None => f.write_str(", the rate limit (requests_per_second) gave no turn"),
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

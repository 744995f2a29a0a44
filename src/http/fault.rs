//! `Fault`: why an exchange has no response, told from ureq's error.

use std::io::ErrorKind as Io;
use std::time::Duration;

/// Why an exchange has no response, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The host is unknown, or it does not accept connections.
    Connect,
    /// There was no connection within this time.
    ConnectTimeout(Duration),
    /// There was no complete response within this time.
    Timeout(Duration),
    /// The connection ended before the response did.
    Disconnected,
    /// The certificate is not trusted, or the peer does not speak TLS.
    Tls,
    /// The proxy refused to connect.
    Proxy,
    /// The peer sent something other than HTTP.
    NotHttp,
}

/// An exchange that ended without a usable response.
pub(crate) struct NoResponse {
    pub(crate) fault: Fault,
    /// The text of the system or of ureq, which may quote the server.
    pub(crate) cause: String,
}

impl NoResponse {
    /// Classifies `error`. Connecting had `connect_time`, and the whole exchange had `time`.
    pub(super) fn new(error: ureq::Error, connect_time: Duration, time: Duration) -> Self {
        let fault = match &error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                Fault::ConnectTimeout(connect_time)
            }
            ureq::Error::Timeout(_) => Fault::Timeout(time),
            ureq::Error::ConnectProxyFailed(_) => Fault::Proxy,
            ureq::Error::Io(error) => match error.kind() {
                Io::InvalidData => Fault::Tls,
                Io::TimedOut => Fault::Timeout(time),
                Io::UnexpectedEof
                | Io::ConnectionReset
                | Io::ConnectionAborted
                | Io::BrokenPipe
                | Io::NotConnected
                | Io::Interrupted
                | Io::Other => Fault::Disconnected,
                // A host name that is not known has no kind to match.
                _ => Fault::Connect,
            },
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Fault::Connect,
            ureq::Error::Tls(_) | ureq::Error::TlsRequired => Fault::Tls,
            #[cfg(feature = "rustls")]
            ureq::Error::Rustls(_) => Fault::Tls,
            #[cfg(feature = "native-tls")]
            ureq::Error::NativeTls(_) | ureq::Error::Der(_) => Fault::Tls,
            // A response against the protocol; the rest cannot happen with this configuration.
            _ => Fault::NotHttp,
        };
        Self {
            fault,
            // ureq's own text for these begins with "io: ".
            cause: match error {
                ureq::Error::Io(error) => error.to_string(),
                error => error.to_string(),
            },
        }
    }
}

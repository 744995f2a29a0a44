//! `Fault`: why an exchange has no response, classified from ureq's error.
//!
//! This is the only place that knows ureq's errors. They have no `source`, and the same failure may be
//! an `Error::Io` or a variant of its own, depending on the phase and on the TLS library.

use std::io::ErrorKind as Io;
use std::time::Duration;

/// Why an exchange has no response, as far as it matters for retrying and for the error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The host is unknown, or it does not accept connections.
    Connect,
    /// Resolving or connecting took longer than this. Nothing was sent.
    ConnectTimeout(Duration),
    /// The response was not complete within this time.
    Timeout(Duration),
    /// The connection ended before the response did.
    Disconnected,
    /// The certificate is not trusted, or the peer does not speak TLS.
    Tls,
    /// The proxy answered `CONNECT` with this status.
    Proxy(u16),
    /// The peer sent something other than HTTP.
    NotHttp,
}

impl Fault {
    /// Classifies `error`, given the timeouts for connecting and for the whole exchange.
    pub(super) fn new(error: &ureq::Error, connect_time: Duration, time: Duration) -> Self {
        match error {
            // Nothing was sent, so this is not the timeout after which the request may have been
            // applied.
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                Self::ConnectTimeout(connect_time)
            }
            ureq::Error::Timeout(_) => Self::Timeout(time),
            // "proxy server responded 407/407"; without a status, the proxy closed the connection.
            ureq::Error::ConnectProxyFailed(text) => text
                .rsplit_once('/')
                .and_then(|(_, status)| status.parse().ok())
                .map_or(Self::Disconnected, Self::Proxy),
            ureq::Error::Io(error) => match error.kind() {
                // rustls reports a bad certificate, and a peer that does not speak TLS, as an I/O
                // error of this kind and not as `ureq::Error::Rustls`.
                Io::InvalidData => Self::Tls,
                // The system gave up on the connection before ureq's timeout.
                Io::TimedOut => Self::Timeout(time),
                Io::UnexpectedEof
                | Io::ConnectionReset
                | Io::ConnectionAborted
                | Io::BrokenPipe
                | Io::NotConnected
                | Io::Interrupted
                | Io::Other => Self::Disconnected,
                // An unknown host name is among these: its kind is `Uncategorized`, which cannot be
                // matched.
                _ => Self::Connect,
            },
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Self::Connect,
            ureq::Error::Tls(_) | ureq::Error::TlsRequired => Self::Tls,
            #[cfg(feature = "rustls")]
            ureq::Error::Rustls(_) => Self::Tls,
            #[cfg(feature = "native-tls")]
            ureq::Error::NativeTls(_) | ureq::Error::Der(_) => Self::Tls,
            // A response that breaks the protocol. ureq's other errors concern redirects, cookies,
            // decompression and statuses, which this configuration turns off.
            _ => Self::NotHttp,
        }
    }
}

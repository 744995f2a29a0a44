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
    /// The proxy refused to connect.
    Proxy,
    /// The peer sent something other than HTTP.
    NotHttp,
}

/// An exchange that ended without a usable response.
pub(crate) struct NoResponse {
    pub(crate) fault: Fault,
    /// The text of the operating system or of ureq, which may quote the server.
    pub(crate) cause: String,
}

impl NoResponse {
    /// Classifies `error`, given the timeouts for connecting and for the whole exchange.
    pub(super) fn new(error: ureq::Error, connect_time: Duration, time: Duration) -> Self {
        let fault = match &error {
            // Nothing was sent, so this is not the timeout after which the request may have been
            // applied.
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                Fault::ConnectTimeout(connect_time)
            }
            ureq::Error::Timeout(_) => Fault::Timeout(time),
            ureq::Error::ConnectProxyFailed(_) => Fault::Proxy,
            ureq::Error::Io(error) => match error.kind() {
                // rustls reports a bad certificate, and a peer that does not speak TLS, as an I/O
                // error of this kind and not as `ureq::Error::Rustls`.
                Io::InvalidData => Fault::Tls,
                // The system gave up on the connection before ureq's timeout.
                Io::TimedOut => Fault::Timeout(time),
                Io::UnexpectedEof
                | Io::ConnectionReset
                | Io::ConnectionAborted
                | Io::BrokenPipe
                | Io::NotConnected
                | Io::Interrupted
                | Io::Other => Fault::Disconnected,
                // An unknown host name is among these: its kind is `Uncategorized`, which cannot be
                // matched.
                _ => Fault::Connect,
            },
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => Fault::Connect,
            ureq::Error::Tls(_) | ureq::Error::TlsRequired => Fault::Tls,
            #[cfg(feature = "rustls")]
            ureq::Error::Rustls(_) => Fault::Tls,
            #[cfg(feature = "native-tls")]
            ureq::Error::NativeTls(_) | ureq::Error::Der(_) => Fault::Tls,
            // A response that breaks the protocol. ureq's other errors concern redirects, cookies,
            // decompression and statuses, which this configuration turns off.
            _ => Fault::NotHttp,
        };
        Self {
            fault,
            // ureq would prefix "io: ".
            cause: match error {
                ureq::Error::Io(error) => error.to_string(),
                error => error.to_string(),
            },
        }
    }
}

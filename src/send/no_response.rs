//! `NoResponse`: in which way an exchange failed, by what ureq says of it.

use std::io::ErrorKind as Io;
use std::time::Duration;

use crate::error::TransportKind;

/// An exchange that ended without a usable response.
pub(super) struct NoResponse {
    pub(super) kind: TransportKind,
    /// What the system or ureq says of it; it may quote what the server sent.
    pub(super) cause: String,
}

impl NoResponse {
    /// Says what `error` means, where connecting could take `connect_time` and all of it `time`.
    pub(super) fn new(error: ureq::Error, connect_time: Duration, time: Duration) -> Self {
        let kind = match &error {
            ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => {
                TransportKind::ConnectTimeout(connect_time)
            }
            ureq::Error::Timeout(_) => TransportKind::Timeout(time),
            ureq::Error::ConnectProxyFailed(_) => TransportKind::Proxy,
            ureq::Error::Io(error) => match error.kind() {
                Io::InvalidData => TransportKind::Tls,
                Io::TimedOut => TransportKind::Timeout(time),
                Io::UnexpectedEof
                | Io::ConnectionReset
                | Io::ConnectionAborted
                | Io::BrokenPipe
                | Io::NotConnected
                | Io::Interrupted
                | Io::Other => TransportKind::Disconnected,
                // A host name that is not known has no kind to match.
                _ => TransportKind::Connect,
            },
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => TransportKind::Connect,
            ureq::Error::Tls(_) | ureq::Error::TlsRequired => TransportKind::Tls,
            #[cfg(feature = "rustls")]
            ureq::Error::Rustls(_) => TransportKind::Tls,
            #[cfg(feature = "native-tls")]
            ureq::Error::NativeTls(_) | ureq::Error::Der(_) => TransportKind::Tls,
            // A response against the protocol; the rest cannot happen with this configuration.
            _ => TransportKind::NotHttp,
        };
        Self {
            kind,
            // ureq's own text for these begins with "io: ".
            cause: match error {
                ureq::Error::Io(error) => error.to_string(),
                error => error.to_string(),
            },
        }
    }
}

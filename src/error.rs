//! `Error` and its parts: why a call has no usable response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::http::Fault;
use crate::id::InvalidId;
use crate::response::ApiError;

/// Why a call did not succeed, or has no usable response.
///
/// Match on the variant, or use the predicates, which work across variants. `Display` is a complete
/// message on one line; the [`source`](std::error::Error::source) is what the system or the HTTP
/// library said.
///
/// # What to do
///
/// | error | what happened | what to do |
/// |---|---|---|
/// | [`is_config`](Self::is_config) | The input is wrong. Nothing was sent. | Correct what the message names. |
/// | [`is_connect`](Self::is_connect) | The host is unknown or does not accept connections. | Check the base URL and the network. |
/// | [`is_tls`](Self::is_tls) | The certificate is not trusted, the port does not speak TLS, or TLS failed later. | Check the base URL, a proxy that intercepts TLS, and [`root_certificates`](crate::ClientBuilder::root_certificates). |
/// | [`is_timeout`](Self::is_timeout) and [`attempts`](Self::attempts) is 0 | A 429 or other calls of the client held this call until its time ran out. Nothing was sent. | Wait for [`retry_after`](Self::retry_after), if there is one, and call again. |
/// | [`is_timeout`](Self::is_timeout) | No complete response arrived in time. | Call again: the request [may have been applied](crate#may-have-been-applied). |
/// | any other [`Transport`](Self::Transport) | The connection was cut off, the peer does not speak HTTP, or a proxy refused. | Read the message and its source, and call again: the request may have been applied. |
/// | [`Api`](Self::Api) | Gong's response is not a success. | Look up its [`status`](ApiError::status) in [`Response`](crate::Response#what-to-do). |
///
/// If connecting took too long, both `is_connect` and `is_timeout` are `true`, so test `is_connect`
/// first.
///
/// # In a service
///
/// One client serves all threads. Its [`timeout`](crate::ClientBuilder::timeout) and
/// [`total_timeout`](crate::ClientBuilder::total_timeout) should be shorter than the time your own
/// callers wait: a request that hangs keeps its share of the rate limit until it ends, and the
/// others wait. Match on the result of a grant or a revocation, in this order:
///
/// | result | HTTP status to answer with |
/// |---|---|
/// | `Ok(Response::Success(_))` | 200 |
/// | `Ok(Response::BadRequest(_))` | 400 |
/// | `Ok(Response::RateLimited(_))` | 503, with a `Retry-After` of `retry_after()` rounded up, or of one second if there is none |
/// | `Ok(Response::Unauthorized(_))` | 500; alert an operator |
/// | `Ok(_)` | 502 |
/// | `Err(Error::InvalidId(_))` | 400 |
/// | `Err(Error::Config(_))` | 500; alert an operator. Check for an empty list before the call. |
/// | `Err(e) if e.is_timeout() && e.attempts() == 0` | 503, with a `Retry-After` of `retry_after()` rounded up, or of one second if there is none |
/// | `Err(e) if e.is_timeout()` | 504; the caller may repeat the request |
/// | `Err(_)` | 502 |
///
/// # Examples
///
/// ```no_run
/// use gong_call_access::{CallAccessList, Client, Error, Receipt};
///
/// fn grant(client: &Client, access: &CallAccessList) -> Result<Receipt, Error> {
///     Ok(client.grant(access)?.into_result()?)
/// }
///
/// # let (client, access) = (Client::from_env().unwrap(), CallAccessList::new());
/// match grant(&client, &access) {
///     Ok(receipt) => println!("granted: {:?}", receipt.request_id()),
///     Err(error) if error.is_config() => eprintln!("nothing was sent: {error}"),
///     Err(error) if error.is_connect() => eprintln!("Gong cannot be reached: {error}"),
///     Err(error) if error.is_timeout() => eprintln!("no response in time, grant again: {error}"),
///     Err(error) if error.is_tls() => eprintln!("no secure connection: {error}"),
///     Err(Error::Api(response)) => eprintln!("Gong refused: {response}"),
///     Err(error) => eprintln!("{error}"),
/// }
/// ```
///
/// The same failures through the predicates:
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
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// A setting, a credential, the base URL or the list cannot be used. Nothing was sent.
    Config(ConfigError),
    /// A text is not a valid id. Nothing was sent.
    InvalidId(InvalidId),
    /// No readable response arrived. The request [may have been
    /// applied](crate#may-have-been-applied), unless [`attempts`](Self::attempts) is 0.
    Transport(TransportError),
    /// Gong's response is not a success. It comes from a job, or from
    /// [`Response::into_result`](crate::Response::into_result) with `?`.
    Api(ApiError),
}

impl Error {
    /// Returns whether the input is wrong. If so, nothing was sent.
    ///
    /// It is `true` for [`Config`](Self::Config) and [`InvalidId`](Self::InvalidId). Match on the
    /// variant to distinguish a setting from an id.
    pub fn is_config(&self) -> bool {
        matches!(self, Self::Config(_) | Self::InvalidId(_))
    }

    /// Returns whether a text is not a valid id, for example one that a user of your program
    /// entered. If so, nothing was sent.
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
    /// If [`attempts`](Self::attempts) is 0, nothing was sent: a 429 or other calls of the client left
    /// no room for this call within its [`total_timeout`](crate::ClientBuilder::total_timeout).
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Transport(error) => matches!(
                error.0.kind,
                TransportKind::Exchange {
                    fault: Fault::Timeout(_) | Fault::ConnectTimeout(_),
                    ..
                } | TransportKind::Unsent { .. }
            ),
            Self::Config(_) | Self::InvalidId(_) | Self::Api(_) => false,
        }
    }

    /// Returns whether no connection was made: the host name is unknown, or the host did not accept a
    /// connection in time.
    ///
    /// The last attempt most likely sent nothing. If [`attempts`](Self::attempts) is more than 1, an earlier one
    /// [may have been applied](crate#may-have-been-applied). If the connection took too long,
    /// [`is_timeout`](Self::is_timeout) is `true` as well.
    pub fn is_connect(&self) -> bool {
        matches!(
            self.fault(),
            Some(Fault::Connect | Fault::ConnectTimeout(_))
        )
    }

    /// Returns whether TLS failed: the certificate is not trusted, the port does not speak TLS, or what
    /// arrived was damaged.
    ///
    /// Unless it was damaged, the last attempt sent nothing that Gong could act on.
    pub fn is_tls(&self) -> bool {
        matches!(self.fault(), Some(Fault::Tls))
    }

    /// Returns how many requests were attempted; 0 means that nothing was sent.
    ///
    /// An attempt that could not connect counts too.
    pub fn attempts(&self) -> u32 {
        match self {
            Self::Config(_) | Self::InvalidId(_) => 0,
            Self::Transport(error) => error.attempts(),
            Self::Api(error) => error.attempts(),
        }
    }

    /// Returns how long Gong asked to wait before the next request.
    ///
    /// After a response, it is the [`ApiError::retry_after`], which counts from the arrival of the
    /// response. If an earlier 429 kept this call from sending anything, it is what is left of that
    /// wait. To store the time at which to continue, add it to the current time immediately.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            Self::Transport(error) => match error.0.kind {
                TransportKind::Unsent { held_for, .. } => held_for,
                TransportKind::Exchange { .. } => None,
            },
            Self::Config(_) | Self::InvalidId(_) => None,
        }
    }

    /// Returns why the last exchange failed, if it did.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Transport(error) => match error.0.kind {
                TransportKind::Exchange { fault, .. } => Some(fault),
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
    /// Returns the cause below this error. The parts themselves are skipped, since `Display` already
    /// shows them.
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

/// A setting, credential, base URL or list that cannot be used.
///
/// `Display` names the setting and what is expected, and never shows a secret.
#[derive(Debug, Clone)]
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

/// Why no complete response arrived: the last exchange failed, or none could begin in time.
///
/// `Display` names the failure, the host and the number of attempts, and says what to do. The
/// [`source`](std::error::Error::source) is the message of the system or of the HTTP library, cut to 2
/// KiB.
#[derive(Debug, Clone)]
pub struct TransportError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: TransportKind,
    host: String,
    attempts: u32,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// Why there is no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportKind {
    /// The last exchange failed. `left` is what `total_timeout` left for it.
    Exchange { fault: Fault, left: Duration },
    /// Nothing was sent: within this time, a 429 or the rate limit left no permit to send a request.
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
            source: cause
                .map(|cause| Box::<dyn std::error::Error + Send + Sync>::from(cause).into()),
        }))
    }

    /// Returns how many requests were attempted; 0 means that nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Says what failed, for a log record that has the attempt already.
    pub(crate) fn failure(&self) -> String {
        let host = &self.0.host;
        match self.0.kind {
            TransportKind::Unsent { within, held_for } => {
                let reason = match held_for {
                    Some(wait) => format!("Gong asked to wait {:?} more", rounded(wait)),
                    None => "its turn did not come".to_owned(),
                };
                format!("no request to {host} could be sent within {within:?}: {reason}")
            }
            TransportKind::Exchange { fault, left } => {
                let within = |time| match time == left {
                    true => format!("in the {:?} that total_timeout left", rounded(time)),
                    false => format!("within {:?}", rounded(time)),
                };
                match fault {
                    Fault::Connect => format!("cannot connect to {host}"),
                    Fault::ConnectTimeout(time) => {
                        format!("no connection to {host} {}", within(time))
                    }
                    Fault::Timeout(time) => {
                        format!("no complete response from {host} {}", within(time))
                    }
                    Fault::Disconnected => {
                        format!("{host} closed the connection before its response was complete")
                    }
                    Fault::Tls => format!(
                        "no secure connection to {host}: its certificate is not trusted, or TLS failed otherwise"
                    ),
                    Fault::Proxy => format!("the proxy refused to connect to {host}"),
                    Fault::NotHttp => {
                        format!("{host}, or a proxy in front of it, did not answer in HTTP")
                    }
                }
            }
        }
    }

    fn advice(&self) -> &'static str {
        match self.0.kind {
            TransportKind::Unsent { .. } => {
                "try again later, or raise requests_per_second or total_timeout"
            }
            TransportKind::Exchange { fault, .. } => match fault {
                Fault::Connect | Fault::ConnectTimeout(_) => "check base_url and the network",
                Fault::Timeout(_) | Fault::Disconnected => {
                    "try again later; repeating a request is harmless"
                }
                Fault::Tls => "check base_url and root_certificates",
                Fault::Proxy => "check the proxy in the environment",
                Fault::NotHttp => "check base_url and the proxy in the environment",
            },
        }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (failure, advice) = (self.failure(), self.advice());
        match self.0.attempts {
            1 => write!(f, "{failure} (1 attempt); {advice}"),
            n => write!(f, "{failure} ({n} attempts); {advice}"),
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

/// Drops what is less than a millisecond, which says nothing to a reader.
pub(crate) fn rounded(time: Duration) -> Duration {
    match time.as_millis() {
        0 => time,
        millis => Duration::from_millis(millis.try_into().unwrap_or(u64::MAX)),
    }
}

/// Far longer than any call needs, and far shorter than what overflows a clock when added to it.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

pub(crate) fn check_duration(setter: &str, duration: Duration) -> Result<(), ConfigError> {
    if duration.is_zero() || duration > MAX_DURATION {
        return Err(ConfigError::new(format!(
            "{setter} is {duration:?}, expected more than zero and at most 30 days"
        )));
    }
    Ok(())
}

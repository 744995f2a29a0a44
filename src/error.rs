//! `Error` and its parts: why a call has no usable response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::http::Fault;
use crate::id::InvalidId;
use crate::response::ApiError;
use crate::text::{count, rounded};

/// Why a call did not succeed, or has no usable response.
///
/// Match on the variant, or use the predicates, which work across variants. `Display` is a complete
/// message on one line, which says what to do. The [`source`](std::error::Error::source) is what the
/// system or the HTTP library said. `Debug` shows both, so that a `main` that returns this error
/// prints them.
///
/// # What to do
///
/// The message says what to check, and the predicates say what may have been sent. If connecting took
/// too long, both [`is_connect`](Self::is_connect) and [`is_timeout`](Self::is_timeout) are `true`, so
/// test `is_connect` first.
///
/// A service should share one client between its threads, and set
/// [`total_timeout`](crate::ClientBuilder::total_timeout) shorter than its own callers wait. An
/// [`InvalidId`](Self::InvalidId) and a [`BadRequest`](crate::Response::BadRequest) are the
/// caller's mistake; [`Config`](Self::Config) and [`Unauthorized`](crate::Response::Unauthorized)
/// need an operator. After anything else, the caller may repeat the request, once
/// [`retry_after`](Self::retry_after) has passed.
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
///     Err(error) if error.is_connect() => eprintln!("no connection: {error}"),
///     Err(error) if error.is_timeout() => eprintln!("grant again: {error}"),
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
/// let builder = Client::builder(credentials).base_url(unreachable);
/// let client = builder.retry(RetryPolicy::none()).build()?;
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
#[derive(Clone)]
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
    /// Otherwise, unless [`is_connect`](Self::is_connect) is `true` too, the request [may have been
    /// applied](crate#may-have-been-applied).
    pub fn is_timeout(&self) -> bool {
        self.transport().is_some_and(TransportError::is_timeout)
    }

    /// Returns whether no connection was made: the name of the host or of the proxy is unknown, or it
    /// refused the connection or did not accept it in time.
    ///
    /// The last attempt most likely sent nothing. If [`attempts`](Self::attempts) is more than 1,
    /// an earlier one [may have been applied](crate#may-have-been-applied).
    pub fn is_connect(&self) -> bool {
        self.transport().is_some_and(TransportError::is_connect)
    }

    /// Returns whether TLS failed: the certificate is not trusted, the port does not speak TLS, or
    /// what arrived was damaged.
    ///
    /// Unless it was damaged, the last attempt sent nothing that Gong could act on. A company's proxy
    /// that inspects TLS needs [`root_certificates`](crate::ClientBuilder::root_certificates).
    pub fn is_tls(&self) -> bool {
        self.transport().is_some_and(TransportError::is_tls)
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
            Self::Config(_) | Self::InvalidId(_) => None,
            Self::Transport(error) => error.retry_after(),
            Self::Api(error) => error.retry_after(),
        }
    }

    fn part(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Config(error) => error,
            Self::InvalidId(error) => error,
            Self::Transport(error) => error,
            Self::Api(error) => error,
        }
    }

    fn transport(&self) -> Option<&TransportError> {
        match self {
            Self::Transport(error) => Some(error),
            Self::Config(_) | Self::InvalidId(_) | Self::Api(_) => None,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.part(), f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.part(), f)
    }
}

impl std::error::Error for Error {
    /// Returns the cause below this error. The parts themselves are skipped, since `Display` already
    /// shows them.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.part().source()
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

/// A setting, credential, base URL, proxy or list that cannot be used.
///
/// `Display` names the setting and what is expected, and never shows a secret. `Debug` is the same.
#[derive(Clone)]
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

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// Why no complete response arrived: the last exchange failed, or none could begin in time.
///
/// `Display` names the failure, the host, the proxy if there is one, and the number of attempts, and
/// says what to do. The [`source`](std::error::Error::source) is the message of the system or of the
/// HTTP library, cut to 2 KiB. `Debug` shows both, on two lines.
#[derive(Clone)]
pub struct TransportError(Arc<Inner>);

struct Inner {
    /// `None` if nothing was sent.
    fault: Option<Fault>,
    message: String,
    attempts: u32,
    retry_after: Option<Duration>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl TransportError {
    /// The last exchange failed; `left` is what `total_timeout` left for it.
    pub(crate) fn new(
        fault: Fault,
        left: Duration,
        host: &str,
        proxy: Option<&str>,
        attempts: u32,
        cause: String,
    ) -> Self {
        let failure = describe(fault, left, host, proxy);
        let advice = advise(fault, proxy.is_some());
        let tried = count(attempts as usize, "attempt");
        Self(Arc::new(Inner {
            fault: Some(fault),
            message: format!("{failure} ({tried}); {advice}"),
            attempts,
            retry_after: None,
            source: Some(cause.into()),
        }))
    }

    /// Nothing was sent: a 429 or the rate limit left no permit within this time.
    pub(crate) fn unsent(host: &str, within: Duration, held_for: Option<Duration>) -> Self {
        let (reason, setters) = match held_for {
            Some(wait) => {
                let reason = format!("Gong asked to wait {:?} more", rounded(wait));
                (reason, "total_timeout")
            }
            None => {
                let reason = "earlier requests of this client used up the time".to_owned();
                (reason, "requests_per_second or total_timeout")
            }
        };
        Self(Arc::new(Inner {
            fault: None,
            message: format!(
                "no request to {host} could be sent within {within:?}: {reason} (0 attempts); \
                 try again later, or raise {setters}"
            ),
            attempts: 0,
            retry_after: held_for,
            source: None,
        }))
    }

    /// See [`Error::is_timeout`].
    pub fn is_timeout(&self) -> bool {
        matches!(
            self.0.fault,
            Some(Fault::Timeout(_) | Fault::ConnectTimeout(_)) | None
        )
    }

    /// See [`Error::is_connect`].
    pub fn is_connect(&self) -> bool {
        matches!(
            self.0.fault,
            Some(Fault::Connect | Fault::ConnectTimeout(_))
        )
    }

    /// See [`Error::is_tls`].
    pub fn is_tls(&self) -> bool {
        matches!(self.0.fault, Some(Fault::Tls))
    }

    /// Returns how many requests were attempted; 0 means that nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// See [`Error::retry_after`].
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns why the last exchange failed, if there was one.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.fault
    }
}

/// Follows the name of the host in a message.
pub(crate) fn via(proxy: Option<&str>) -> String {
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

/// Says what failed.
fn describe(fault: Fault, left: Duration, host: &str, proxy: Option<&str>) -> String {
    let via = via(proxy);
    let within = |time| match time == left {
        true => format!("in the {:?} that total_timeout left", rounded(time)),
        false => format!("within {:?}", rounded(time)),
    };
    match fault {
        Fault::Connect => format!("cannot connect to {host}{via}"),
        Fault::ConnectTimeout(time) => format!("no connection to {host}{via} {}", within(time)),
        Fault::Timeout(time) => format!("no complete response from {host}{via} {}", within(time)),
        Fault::Disconnected => {
            format!("{host}{via} closed the connection before its response was complete")
        }
        Fault::Tls => format!("TLS with {host}{via} failed; is its certificate trusted?"),
        Fault::Proxy(status) => {
            format!("cannot connect to {host}{via}, which answered with status {status}")
        }
        Fault::NotHttp if proxy.is_none() => format!("{host} (or a proxy) did not speak HTTP"),
        Fault::NotHttp => format!("{host}{via} did not speak HTTP"),
    }
}

/// Says what to do about it.
fn advise(fault: Fault, has_proxy: bool) -> &'static str {
    match fault {
        Fault::Timeout(_) | Fault::Disconnected => {
            "try again later; repeating a request is harmless"
        }
        Fault::Tls => "check base_url and root_certificates",
        Fault::Proxy(_) => "check the proxy",
        Fault::Connect | Fault::ConnectTimeout(_) | Fault::NotHttp => match has_proxy {
            true => "check the proxy, base_url and the network",
            false => "check base_url and the network",
        },
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match &self.0.source {
            Some(source) => write!(f, "\ncaused by: {source}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TransportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.0.source.as_ref()?;
        Some(&**source)
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

pub(crate) fn check_not_zero(setter: &str, count: usize) -> Result<(), ConfigError> {
    if count == 0 {
        let message = format!("{setter} is 0, expected 1 or more");
        return Err(ConfigError::new(message));
    }
    Ok(())
}

//! `ClientBuilder`: every setting, its default, and its check.

use std::fmt;
use std::time::Duration;

use ureq::http::HeaderValue;

use crate::base_url::Endpoint;
use crate::client::Client;
use crate::credentials::{Credentials, variable};
use crate::error::{ConfigError, Error, check_duration};
use crate::http::{Settings, Transport, tls};
use crate::send::{RetryPolicy, Sender};

/// Settings of a [`Client`], checked all at once by [`build`](Self::build).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use gong_call_access::{Client, Credentials};
///
/// let builder = Client::builder(Credentials::access_key("key", "secret")?)
///     .base_url("https://us-12345.api.gong.io")
///     .timeout(Duration::from_secs(10));
/// # let builder = builder.base_url("http://localhost");
/// let client = builder.build()?;
/// # Ok::<(), gong_call_access::Error>(())
/// ```
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Clone)]
pub struct ClientBuilder {
    credentials: Credentials,
    base_url: String,
    timeout: Duration,
    connect_timeout: Option<Duration>,
    total_timeout: Duration,
    retry: RetryPolicy,
    requests_per_second: Option<u32>,
    max_calls_per_batch: usize,
    max_pairs_per_batch: usize,
    user_agent: String,
    root_certificates: Option<Vec<u8>>,
}

impl Client {
    /// Creates a client for `https://api.gong.io` with all settings at their defaults.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) if no TLS feature is on.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))] {
    /// use gong_call_access::{Client, Credentials};
    ///
    /// let client = Client::new(Credentials::access_key("my-key", "my-secret")?)?;
    /// # }
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn new(credentials: Credentials) -> Result<Self, Error> {
        Self::builder(credentials).build()
    }

    /// Creates a client from the environment, with the other settings at their defaults; see
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) and names what is missing or wrong.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Returns a builder, for other settings than the defaults; it has the examples.
    pub fn builder(credentials: Credentials) -> ClientBuilder {
        ClientBuilder::new(credentials)
    }
}

impl ClientBuilder {
    const BASE_URL: &str = "https://api.gong.io";
    const TIMEOUT: Duration = Duration::from_secs(30);
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
    const REQUESTS_PER_SECOND: u32 = 3;
    const MAX_CALLS_PER_BATCH: usize = 100;
    const MAX_PAIRS_PER_BATCH: usize = 1000;

    fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            base_url: Self::BASE_URL.to_owned(),
            timeout: Self::TIMEOUT,
            connect_timeout: None,
            total_timeout: Self::TOTAL_TIMEOUT,
            retry: RetryPolicy::default(),
            requests_per_second: Some(Self::REQUESTS_PER_SECOND),
            max_calls_per_batch: Self::MAX_CALLS_PER_BATCH,
            max_pairs_per_batch: Self::MAX_PAIRS_PER_BATCH,
            user_agent: concat!("gong-call-access/", env!("CARGO_PKG_VERSION")).to_owned(),
            root_certificates: None,
        }
    }

    /// Takes the credentials and the base URL from the environment: [`Credentials::from_env`] and
    /// `GONG_BASE_URL`.
    ///
    /// Without `GONG_BASE_URL`, or if it is empty, the base URL is `https://api.gong.io`.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) and names what is missing; a base URL is checked in
    /// [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env()?.requests_per_second(1).build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn from_env() -> Result<Self, Error> {
        let builder = Self::new(Credentials::from_env()?);
        Ok(match variable("GONG_BASE_URL")? {
            Some(base_url) => builder.base_url(base_url),
            None => builder,
        })
    }

    /// Sets where Gong's API is; Gong shows a company its own host beside the access key.
    ///
    /// The default is `https://api.gong.io`. `http` is for a loopback host only. A path prefix is kept; a `/`
    /// or `/v2` at the end is dropped. User information, a query or a fragment is an error in
    /// [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let client = builder.clone().base_url("https://us-12345.api.gong.io/v2/").build();
    /// let error = builder.base_url("http://api.gong.io").build().unwrap_err();
    /// assert!(error.to_string().contains("loopback"));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "host")]
    #[doc(alias = "GONG_BASE_URL")]
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Sets how long one attempt may take, from resolving the host name to the last byte of the
    /// body.
    ///
    /// The default is 30 seconds. The whole call, with its waits, is bounded by
    /// [`total_timeout`](Self::total_timeout); an attempt near its end gets only the time that is
    /// left. Zero, or more than 30 days, is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let client = builder.timeout(Duration::from_secs(10)).build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long the look-up of the host name may take, and as long again connecting, TLS
    /// included.
    ///
    /// The default is 10 seconds, or [`timeout`](Self::timeout) where that is less. Zero, or more
    /// than `timeout`, is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let builder = builder.timeout(Duration::from_secs(5));
    /// let error = builder.connect_timeout(Duration::from_secs(6)).build().unwrap_err();
    /// assert!(error.to_string().contains("expected at most timeout"));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = Some(connect_timeout);
        self
    }

    /// Sets how long a whole call may take: all attempts, the waits between them, and the wait for
    /// a turn.
    ///
    /// The default is 120 seconds; it holds with [`RetryPolicy::none`] too. A wait that would go
    /// past it is not begun: the call returns the last answer or error at once. A call that
    /// could send nothing in its time is an error that [`is_timeout`](Error::is_timeout). Set
    /// [`timeout`](Self::timeout) below it: an attempt that has less time than that costs a little more.
    /// Zero, or more than 30 days, is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// // For a web handler that would rather fail than keep its caller waiting.
    /// let builder = builder.timeout(Duration::from_secs(4)).total_timeout(Duration::from_secs(5));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn total_timeout(mut self, total_timeout: Duration) -> Self {
        self.total_timeout = total_timeout;
        self
    }

    /// Sets how often a call is tried again, and after how long; see [`RetryPolicy`] for the
    /// defaults.
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials, RetryPolicy};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let client = builder.retry(RetryPolicy::none()).build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "backoff")]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// Sets how many requests may reach Gong in any one second, over all clones and threads of the
    /// client.
    ///
    /// The default is 3, which Gong documents as the limit of a whole company; leave room for its
    /// other tools. `None` is no limit. Attempts that are repeated or cannot connect count too. A request's
    /// turn is free again one second after its answer, so no more than these are in flight, and an idle
    /// client sends its first ones at once. Who waits goes in the order of asking; a repeated attempt asks
    /// anew. Zero is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// assert!(builder.clone().requests_per_second(2).build().is_ok());
    /// assert!(builder.clone().requests_per_second(None).build().is_ok());
    /// assert!(builder.requests_per_second(0).build().is_err());
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "rate_limit")]
    pub fn requests_per_second(mut self, requests_per_second: impl Into<Option<u32>>) -> Self {
        self.requests_per_second = requests_per_second.into();
        self
    }

    /// Sets how many calls one request of a job carries at most.
    ///
    /// The default is 100. Gong documents no limit. It concerns [`grant_batches`](crate::Client::grant_batches) and [`revoke_batches`](crate::Client::revoke_batches)
    /// only. Zero is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let client = builder.max_calls_per_batch(50).max_pairs_per_batch(500).build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn max_calls_per_batch(mut self, max_calls_per_batch: usize) -> Self {
        self.max_calls_per_batch = max_calls_per_batch;
        self
    }

    /// Sets how many (call, user) pairs one request of a job carries at most.
    ///
    /// The default is 1,000. Gong documents no limit. It concerns [`grant_batches`](crate::Client::grant_batches) and
    /// [`revoke_batches`](crate::Client::revoke_batches) only. Zero is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let error = builder.max_pairs_per_batch(0).build().unwrap_err();
    /// assert_eq!(error.to_string(), "max_pairs_per_batch is 0, expected 1 or more");
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn max_pairs_per_batch(mut self, max_pairs_per_batch: usize) -> Self {
        self.max_pairs_per_batch = max_pairs_per_batch;
        self
    }

    /// Sets the `User-Agent` header, in place of `gong-call-access/` and the version.
    ///
    /// A blank value, a control character or one outside ASCII is an error in
    /// [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let client = builder.user_agent("provisioning/1.2 (ops@example.com)").build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Trusts these certificates, in PEM, and no others: the usual ones are trusted no longer.
    ///
    /// Without this setting, the features decide which certificates are trusted. PEM without a
    /// certificate is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let error = builder.root_certificates("no certificate").build().unwrap_err();
    /// assert!(error.is_config());
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "ca_certificates")]
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.root_certificates = Some(pem.as_ref().to_vec());
        self
    }

    /// Checks all settings and builds the client; nothing is sent.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) and names the setting that cannot be used, its
    /// value, and what is expected. So is an `https` base URL without one of the TLS features.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{Client, Credentials};
    ///
    /// let builder = Client::builder(Credentials::bearer("my-token")?).requests_per_second(0);
    /// # let builder = builder.base_url("http://localhost");
    /// let error = builder.build().unwrap_err();
    /// assert_eq!(error.to_string(), "requests_per_second is 0, expected 1 or more, or None");
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn build(self) -> Result<Client, Error> {
        let (authorization, secrets) = self.credentials.clone().into_parts();
        let endpoint = Endpoint::below(&self.base_url, &secrets).map_err(ConfigError::new)?;
        if endpoint.is_https && !tls::IS_AVAILABLE {
            let message = "base_url is https, which needs the feature rustls or native-tls";
            return Err(ConfigError::new(message).into());
        }
        let connect_timeout = self.effective_connect_timeout();
        self.check(connect_timeout)?;
        let transport = Transport::new(Settings {
            uri: endpoint.uri,
            is_loopback: endpoint.is_loopback,
            authorization,
            user_agent: check_user_agent(&self.user_agent)?,
            timeout: self.timeout,
            connect_timeout,
            root_certificates: self.root_certificates,
        })
        .map_err(ConfigError::new)?;
        let sender = Sender::new(
            transport,
            secrets,
            self.retry,
            self.total_timeout,
            self.requests_per_second,
        );
        let (calls, pairs) = (self.max_calls_per_batch, self.max_pairs_per_batch);
        Ok(Client::with(sender, calls, pairs))
    }

    /// The default gives way to a shorter timeout; a setting does not.
    fn effective_connect_timeout(&self) -> Duration {
        let default = Self::CONNECT_TIMEOUT.min(self.timeout);
        self.connect_timeout.unwrap_or(default)
    }

    fn check(&self, connect_timeout: Duration) -> Result<(), ConfigError> {
        check_duration("timeout", self.timeout)?;
        check_duration("connect_timeout", connect_timeout)?;
        check_duration("total_timeout", self.total_timeout)?;
        if connect_timeout > self.timeout {
            return Err(ConfigError::new(format!(
                "connect_timeout is {connect_timeout:?}, expected at most timeout, which is {:?}",
                self.timeout
            )));
        }
        self.retry.check()?;
        if self.requests_per_second == Some(0) {
            let message = "requests_per_second is 0, expected 1 or more, or None";
            return Err(ConfigError::new(message));
        }
        check_not_zero("max_calls_per_batch", self.max_calls_per_batch)?;
        check_not_zero("max_pairs_per_batch", self.max_pairs_per_batch)
    }
}

impl fmt::Debug for ClientBuilder {
    /// Leaves out the base URL, which is not checked yet and may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.effective_connect_timeout())
            .field("total_timeout", &self.total_timeout)
            .field("retry", &self.retry)
            .field("requests_per_second", &self.requests_per_second)
            .field("max_calls_per_batch", &self.max_calls_per_batch)
            .field("max_pairs_per_batch", &self.max_pairs_per_batch)
            .finish_non_exhaustive()
    }
}

fn check_not_zero(setter: &str, count: usize) -> Result<(), ConfigError> {
    match count {
        0 => Err(ConfigError::new(format!(
            "{setter} is 0, expected 1 or more"
        ))),
        _ => Ok(()),
    }
}

fn check_user_agent(user_agent: &str) -> Result<HeaderValue, ConfigError> {
    let problem = if user_agent.trim().is_empty() {
        "is blank".to_owned()
    } else if let Some(c) = user_agent.chars().find(|c| !matches!(c, ' '..='~')) {
        format!("contains {c:?}")
    } else {
        return HeaderValue::from_str(user_agent)
            .map_err(|error| ConfigError::new(format!("user_agent is invalid: {error}")));
    };
    Err(ConfigError::new(format!(
        "user_agent {problem}, expected printable ASCII"
    )))
}

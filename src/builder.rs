//! `ClientBuilder`: the settings of a client, their defaults and their checks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base_url::Endpoint;
use crate::batches::Bounds;
use crate::client::Client;
use crate::credentials::{Credentials, variable};
use crate::error::{ConfigError, Error, check_duration, check_not_zero};
use crate::http::{HAS_TLS, HeaderValue, Proxy, Settings, Transport};
use crate::proxy;
use crate::send::{Permits, RetryPolicy, Sender};

/// Configures a [`Client`].
///
/// A setter replaces the previous value and checks nothing; [`build`](Self::build) checks all
/// settings at once. Each setter documents its default.
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
    /// Those of the client that this builder comes from, until `requests_per_second` is set.
    permits: Option<Arc<Permits>>,
    pub(crate) bounds: Bounds,
    user_agent: String,
    root_certificates: Option<Vec<u8>>,
}

impl ClientBuilder {
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            base_url: "https://api.gong.io".to_owned(),
            timeout: Duration::from_secs(30),
            connect_timeout: None,
            total_timeout: Duration::from_secs(120),
            retry: RetryPolicy::default(),
            requests_per_second: Some(3),
            permits: None,
            bounds: Bounds {
                calls: 100,
                pairs: 1000,
            },
            user_agent: concat!("gong-call-access/", env!("CARGO_PKG_VERSION")).to_owned(),
            root_certificates: None,
        }
    }

    /// Creates a builder with the credentials and the base URL from the environment.
    ///
    /// The credentials are those of [`Credentials::from_env`]. The base URL is `GONG_BASE_URL`, or
    /// `https://api.gong.io` if that is unset or blank.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if a credential is missing or invalid, or a variable is not
    /// Unicode; the message names it. [`build`](Self::build) checks the base URL.
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
        Ok(match variable("GONG_BASE_URL") {
            Some(base_url) => builder.base_url(base_url),
            None => builder,
        })
    }

    /// Replaces the credentials.
    ///
    /// # Examples
    ///
    /// A token has expired; see [`Client::to_builder`] for a whole job:
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// # let client = builder.build()?;
    /// let credentials = Credentials::bearer("new-token")?;
    /// let client = client.to_builder().credentials(credentials).build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = credentials;
        self
    }

    /// Sets the URL of Gong's API.
    ///
    /// The default is `https://api.gong.io`. Gong shows your company's own host beside the access
    /// key. [The default host may redirect there](crate::facts#credentials-and-hosts), but the client
    /// does not follow redirects.
    ///
    /// The client removes a trailing `/`, `/v2` or resource path, keeps any other path as a prefix,
    /// and appends `/v2/calls/users-access`. It accepts `http` only for a loopback host:
    /// `localhost`, `[::1]`, or an address such as `127.0.0.1` that is written out in full. It
    /// never uses a proxy to reach such a host. User information, a query, a fragment, or a host that
    /// contains a credential is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let builder = builder.base_url("https://us-12345.api.gong.io/v2/");
    /// let error = builder.base_url("http://api.gong.io").build().unwrap_err();
    /// assert!(error.to_string().contains("loopback"));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Sets the timeout of one attempt, from resolving the host name to the last byte of the response.
    ///
    /// The default is 30 seconds. The whole call, waits included, is bounded by
    /// [`total_timeout`](Self::total_timeout), and its last attempt gets no more than the time left.
    /// An attempt that times out is retried. Zero, or more than 30 days, is an error in
    /// [`build`](Self::build).
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

    /// Sets the timeout for resolving the host name, and separately for connecting, including the
    /// TLS handshake.
    ///
    /// The default is 10 seconds, or [`timeout`](Self::timeout) if that is shorter. The two phases
    /// together can take twice this, and both count towards `timeout`. A connection that times out
    /// has sent nothing to Gong, so [`is_connect`](Error::is_connect) is `true` for its error. If a
    /// TLS handshake never ends, it is `true` only if this timeout is shorter than `timeout`. Zero,
    /// or more than `timeout`, is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// let (five, six) = (Duration::from_secs(5), Duration::from_secs(6));
    /// let builder = builder.timeout(five).connect_timeout(six);
    /// let error = builder.build().unwrap_err();
    /// assert!(error.to_string().contains("expected at most timeout"));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = Some(connect_timeout);
        self
    }

    /// Sets the timeout of a whole call: all attempts, the waits between them, and the waits for the
    /// rate limit.
    ///
    /// The default is 120 seconds. It also applies with [`RetryPolicy::none`]. The call does not
    /// start a wait that would exceed it, but returns its last response or error at once. If a call
    /// cannot send even one request in this time, [`is_timeout`](Error::is_timeout) is `true` for
    /// its error, and [`attempts`](Error::attempts) is 0. In a batch job, the timeout applies to
    /// each request.
    ///
    /// It may be shorter than [`timeout`](Self::timeout). But an attempt that has less than `timeout`
    /// left needs its own TLS configuration, which costs a little more. Zero, or more than 30 days,
    /// is an error in [`build`](Self::build).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use gong_call_access::{Client, Credentials};
    /// # let builder = Client::builder(Credentials::bearer("my-token")?).base_url("http://localhost");
    /// // A web handler fails early rather than keep its client waiting.
    /// let builder = builder
    ///     .timeout(Duration::from_secs(4))
    ///     .total_timeout(Duration::from_secs(5));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn total_timeout(mut self, total_timeout: Duration) -> Self {
        self.total_timeout = total_timeout;
        self
    }

    /// Sets how often a failed request is retried, and how long the waits are.
    ///
    /// The default is [`RetryPolicy::default`]: up to 4 attempts. See [`RetryPolicy`] for what is
    /// retried.
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

    /// Sets the rate limit: how many requests may reach Gong in any one second, across all clones
    /// and threads of the client, and the clients made from it with [`Client::to_builder`].
    ///
    /// The default is 3, which is [Gong's own limit](crate::facts#limits) for a whole
    /// company; set a lower one to leave room for the company's other tools. `None` removes the
    /// limit. Every attempt counts, including retries and those that cannot connect. A client that is
    /// not made from another one does not know what was sent before it, so a program that restarts
    /// within a second may exceed Gong's limit; it then gets a 429, and retries.
    ///
    /// An attempt takes a permit and releases it one second after its response, so this is also the
    /// largest number of requests in flight. An idle client sends its first requests without
    /// waiting. Waiting calls are served in order of arrival; a retry rejoins the queue at its end.
    /// Zero is an error in [`build`](Self::build).
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
        self.permits = None;
        self
    }

    /// Sets the maximum number of calls in one request of a batch job.
    ///
    /// The default is 100. Gong documents no limit. The bound applies to
    /// [`grant_batches`](crate::Client::grant_batches),
    /// [`revoke_batches`](crate::Client::revoke_batches) and
    /// [`list_batches`](crate::Client::list_batches), not to single requests. `usize::MAX` removes
    /// the bound. Zero is an error in [`build`](Self::build).
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
        self.bounds.calls = max_calls_per_batch;
        self
    }

    /// Sets the maximum number of (call, user) pairs in one request of a batch job.
    ///
    /// The default is 1,000. Gong documents no limit. The bound applies to
    /// [`grant_batches`](crate::Client::grant_batches) and
    /// [`revoke_batches`](crate::Client::revoke_batches), not to single requests. A call with more
    /// users than this is split over several requests. `usize::MAX` removes the bound. Zero is an
    /// error in [`build`](Self::build).
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
        self.bounds.pairs = max_pairs_per_batch;
        self
    }

    /// Sets the `User-Agent` header.
    ///
    /// The default is `gong-call-access/` followed by the version of this crate. A blank value, a
    /// control character or a character outside ASCII is an error in [`build`](Self::build).
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

    /// Replaces the trusted root certificates with these, in PEM.
    ///
    /// By default, the crate's features decide what the client trusts. With this setting, it trusts
    /// only the given certificates, for instance that of a proxy that inspects TLS. It ignores text
    /// outside the PEM blocks, and blocks that are not certificates, such as private keys. PEM
    /// without any certificate is an error in [`build`](Self::build), and so is this setting if the
    /// crate was built without a TLS feature. If a certificate is damaged, the TLS library does not
    /// trust it: calls then fail with an error whose [`is_tls`](crate::Error::is_tls) is `true`.
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

    /// Checks all settings and creates the client, without sending anything.
    ///
    /// This also chooses the proxy: the first of `HTTPS_PROXY`, `https_proxy`, `ALL_PROXY` and
    /// `all_proxy` that is not blank. It is a URL such as
    /// `http://user:password@proxy.example:3128`; `http://` may be left out, `https://` encrypts
    /// the connection to the proxy too, and SOCKS is not supported. In the user and the password,
    /// write `%40` for `@`, `%5C` for `\`, and so on. `NO_PROXY` (or `no_proxy`) lists the hosts to
    /// connect to directly: `gong.io` and `.gong.io` stand for the domain and all hosts in it,
    /// `host:443` for one port, `*` for every host, and an address for itself. A loopback host
    /// never has a proxy. `Debug` of the client shows the proxy's host and its variable.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] for the first setting that is invalid; the message has its name,
    /// its value and what is expected. An `https` base URL is an error if the crate was built
    /// without a TLS feature. So is a proxy variable that cannot be used; the message names it, but
    /// does not show its value. The client never connects directly instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::{Client, Credentials};
    ///
    /// let builder = Client::builder(Credentials::bearer("my-token")?);
    /// # let builder = builder.base_url("http://localhost");
    /// let error = builder.requests_per_second(0).build().unwrap_err();
    /// let message = "requests_per_second is 0, expected 1 or more, or None";
    /// assert_eq!(error.to_string(), message);
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    pub fn build(mut self) -> Result<Client, Error> {
        let secrets = self.credentials.secrets.clone();
        let endpoint = Endpoint::below(&self.base_url, &secrets).map_err(ConfigError::new)?;
        if endpoint.is_https && !HAS_TLS {
            let message = "base_url is https, which needs the feature rustls or native-tls";
            return Err(ConfigError::new(message).into());
        }
        // The default is capped, so that setting only a short `timeout` is not an error.
        let default = Self::CONNECT_TIMEOUT.min(self.timeout);
        let connect_timeout = self.connect_timeout.unwrap_or(default);
        self.check(connect_timeout)?;
        let transport = Transport::new(Settings {
            proxy: choose_proxy(&endpoint)?,
            uri: endpoint.uri,
            authorization: self.credentials.authorization.clone(),
            user_agent: check_user_agent(&self.user_agent)?,
            timeout: self.timeout,
            connect_timeout,
            root_certificates: self.root_certificates.clone(),
        })
        .map_err(ConfigError::new)?;
        let limit = self.requests_per_second;
        let permits = self
            .permits
            .get_or_insert_with(|| Arc::new(Permits::new(limit)));
        let sender = Sender {
            transport,
            secrets,
            retry: self.retry.clone(),
            total_timeout: self.total_timeout,
            permits: Arc::clone(permits),
        };
        Ok(Client {
            sender: Arc::new(sender),
            settings: Arc::new(self),
        })
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
        check_not_zero("max_calls_per_batch", self.bounds.calls)?;
        check_not_zero("max_pairs_per_batch", self.bounds.pairs)
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

fn choose_proxy(endpoint: &Endpoint) -> Result<Option<(&'static str, Proxy)>, ConfigError> {
    // A proxy would connect to its own loopback host, and see the credentials in clear text.
    if endpoint.is_loopback {
        return Ok(None);
    }
    let host = endpoint.uri.host().unwrap_or_default();
    let port = endpoint.uri.port_u16().unwrap_or(443);
    proxy::for_host(host, port, variable).map_err(ConfigError::new)
}

/// Checks here what ureq would only find when it sends.
fn check_user_agent(user_agent: &str) -> Result<HeaderValue, ConfigError> {
    HeaderValue::from_str(user_agent)
        .ok()
        .filter(|value| value.to_str().is_ok_and(|text| !text.trim().is_empty()))
        .ok_or_else(|| ConfigError::new("user_agent is blank, or not printable ASCII"))
}

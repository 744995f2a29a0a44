//! What each setting is by default and what it may be, and the client that is built of settings that pass.

use std::time::Duration;

use ureq::http::HeaderValue;

use super::ClientBuilder;
use crate::base_url::Endpoint;
use crate::batches::Bounds;
use crate::error::ConfigError;
use crate::send::{Sender, Settings, Transport, tls};
use crate::{Client, Credentials, Error, RetryPolicy};

/// Far more than any call needs, and far less than what overflows when it is added to a clock.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl ClientBuilder {
    const BASE_URL: &str = "https://api.gong.io";
    const TIMEOUT: Duration = Duration::from_secs(30);
    const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
    const TOTAL_TIMEOUT: Duration = Duration::from_secs(120);
    const REQUESTS_PER_SECOND: u32 = 3;
    const BOUNDS: Bounds = Bounds {
        calls: 100,
        pairs: 1000,
    };

    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            base_url: Self::BASE_URL.to_owned(),
            timeout: Self::TIMEOUT,
            connect_timeout: None,
            total_timeout: Self::TOTAL_TIMEOUT,
            retry: RetryPolicy::default(),
            requests_per_second: Some(Self::REQUESTS_PER_SECOND),
            bounds: Self::BOUNDS,
            user_agent: concat!("gong-call-access/", env!("CARGO_PKG_VERSION")).to_owned(),
            root_certificates: None,
        }
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
            endpoint,
            authorization,
            user_agent: check_user_agent(&self.user_agent)?,
            timeout: self.timeout,
            connect_timeout,
            root_certificates: self.root_certificates,
        })?;
        let sender = Sender::new(
            transport,
            secrets,
            self.retry,
            self.total_timeout,
            self.requests_per_second,
        );
        Ok(Client::with(sender, self.bounds))
    }

    /// The default gives way to a shorter timeout; a setting does not.
    pub(super) fn effective_connect_timeout(&self) -> Duration {
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
        check_not_zero("max_calls_per_batch", self.bounds.calls)?;
        check_not_zero("max_pairs_per_batch", self.bounds.pairs)
    }
}

pub(crate) fn check_duration(setter: &str, duration: Duration) -> Result<(), ConfigError> {
    if duration.is_zero() || duration > MAX_DURATION {
        return Err(ConfigError::new(format!(
            "{setter} is {duration:?}, expected more than zero and at most 30 days"
        )));
    }
    Ok(())
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

//! What a setting may be: every check, and the client that is built of settings that pass.

use std::time::Duration;

use ureq::http::HeaderValue;

use super::ClientBuilder;
use crate::base_url::Endpoint;
use crate::error::ConfigError;
use crate::response::clean;
use crate::send::{Sender, Settings, Transport, tls};
use crate::{Client, Error};

/// Far more than any call needs, and far less than what overflows when it is added to a clock.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

impl ClientBuilder {
    /// Checks all settings and builds the client; nothing is sent.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) and names the setting that cannot be used, its
    /// value, and what is expected. So is an `https` base URL without one of the TLS features.
    pub fn build(self) -> Result<Client, Error> {
        let (authorization, secrets) = self.credentials.clone().into_parts();
        // Somebody may have pasted a token into the wrong setting.
        let endpoint = Endpoint::below(&self.base_url)
            .map_err(|problem| ConfigError::new(clean(&problem, &secrets)))?;
        if endpoint.is_https && !tls::IS_AVAILABLE {
            let message = "base_url is https, which needs the feature rustls or native-tls";
            return Err(ConfigError::new(message).into());
        }
        let connect_timeout = self
            .connect_timeout
            .unwrap_or_else(|| Self::CONNECT_TIMEOUT.min(self.timeout));
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

//! The `Authorization` header, and how what is in it stays hidden.

use std::env::{self, VarError};
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ureq::http::HeaderValue;

use crate::error::{ConfigError, Error};
use crate::redact::Secrets;

const KEY: &str = "GONG_ACCESS_KEY";
const SECRET: &str = "GONG_ACCESS_KEY_SECRET";
const SHORT_SECRET: &str = "GONG_ACCESS_SECRET";
const TOKEN: &str = "GONG_ACCESS_TOKEN";

/// How a client identifies itself to Gong: an access key with its secret, or an OAuth token.
///
/// Nothing reads a credential back: there is no accessor, and `Debug` shows the scheme only. The
/// memory that holds it is not wiped.
///
/// Gong documents that granting and revoking need the scope `api:call-user-access:write`, and
/// listing needs `api:call-user-access:read`.
#[derive(Clone)]
pub struct Credentials {
    scheme: &'static str,
    authorization: HeaderValue,
    secrets: Secrets,
}

impl Credentials {
    /// Uses an access key and its secret, sent as HTTP Basic authentication.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) if one of the two is empty or blank, has a
    /// control character (a line end, for instance) or one outside ASCII, or if the key has a
    /// `:`.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::Credentials;
    ///
    /// let credentials = Credentials::access_key("my-key", "my-secret")?;
    /// assert!(!format!("{credentials:?}").contains("my-secret"));
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "basic")]
    pub fn access_key(key: impl AsRef<str>, secret: impl AsRef<str>) -> Result<Self, Error> {
        let key = check("access key", key.as_ref())?;
        let secret = check("access key secret", secret.as_ref())?;
        if key.contains(':') {
            return Err(ConfigError::new("the access key contains a `:`").into());
        }
        let pair = format!("{key}:{secret}");
        Self::new("Basic", &STANDARD.encode(&pair), &[key, secret, &pair])
    }

    /// Uses an OAuth access token, sent as HTTP Bearer authentication.
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) if the token is empty, or has a space, a
    /// control character (a line end, for instance) or one outside ASCII.
    ///
    /// # Examples
    ///
    /// ```
    /// use gong_call_access::Credentials;
    ///
    /// assert!(Credentials::bearer("my-token").is_ok());
    /// assert!(Credentials::bearer("Bearer my-token").unwrap_err().is_config());
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "oauth")]
    pub fn bearer(token: impl AsRef<str>) -> Result<Self, Error> {
        let token = check("access token", token.as_ref())?;
        if token.contains(' ') {
            let message =
                "the access token contains a space; pass the token alone, without `Bearer`";
            return Err(ConfigError::new(message).into());
        }
        Self::new("Bearer", token, &[token])
    }

    /// Reads the credentials from the environment.
    ///
    /// That is `GONG_ACCESS_KEY` with `GONG_ACCESS_KEY_SECRET` (or `GONG_ACCESS_SECRET`), else
    /// `GONG_ACCESS_TOKEN`. An empty variable counts as not set, and a line end after a value
    /// is dropped. `GONG_BASE_URL` is not read here, but by
    /// [`Client::from_env`](crate::Client::from_env) and
    /// [`ClientBuilder::from_env`](crate::ClientBuilder::from_env).
    ///
    /// # Errors
    ///
    /// An error that [`is_config`](Error::is_config) if there are none, if there is half a pair (it
    /// names the variable that is missing), or if a value is not one that
    /// [`access_key`](Self::access_key) or [`bearer`](Self::bearer) takes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use gong_call_access::{Client, Credentials};
    ///
    /// let builder = Client::builder(Credentials::from_env()?);
    /// let client = builder.base_url("https://us-12345.api.gong.io").build()?;
    /// # Ok::<(), gong_call_access::Error>(())
    /// ```
    #[doc(alias = "GONG_ACCESS_KEY")]
    #[doc(alias = "GONG_ACCESS_TOKEN")]
    pub fn from_env() -> Result<Self, Error> {
        let key = variable(KEY)?;
        let (name, secret) = match variable(SECRET)? {
            Some(secret) => (SECRET, Some(secret)),
            None => (SHORT_SECRET, variable(SHORT_SECRET)?),
        };
        match (key, secret) {
            (Some(key), Some(secret)) => Self::access_key(key, secret),
            (Some(_), None) => {
                Err(ConfigError::new(format!("{KEY} is set, but {SECRET} is missing")).into())
            }
            (None, Some(_)) => {
                Err(ConfigError::new(format!("{name} is set, but {KEY} is missing")).into())
            }
            (None, None) => match variable(TOKEN)? {
                Some(token) => Self::bearer(token),
                None => Err(ConfigError::new(format!(
                    "no credentials in the environment: set {KEY} and {SECRET}, or {TOKEN}"
                ))
                .into()),
            },
        }
    }

    fn new(scheme: &'static str, value: &str, secrets: &[&str]) -> Result<Self, Error> {
        let mut authorization = HeaderValue::try_from(format!("{scheme} {value}"))
            .map_err(|_| ConfigError::new("the credentials do not fit in a header"))?;
        authorization.set_sensitive(true);
        Ok(Self {
            scheme,
            authorization,
            secrets: secrets.iter().copied().collect(),
        })
    }

    pub(crate) fn into_parts(self) -> (HeaderValue, Secrets) {
        (self.authorization, self.secrets)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Names what is wrong and never the value.
fn check<'a>(name: &str, value: &'a str) -> Result<&'a str, ConfigError> {
    let problem = if value.trim().is_empty() {
        "empty"
    } else if value.contains(['\r', '\n']) {
        "not a single line; remove the line end"
    } else if value.chars().any(char::is_control) {
        "not printable: it has a control character"
    } else if !value.is_ascii() {
        "not ASCII"
    } else {
        return Ok(value);
    };
    Err(ConfigError::new(format!("the {name} is {problem}")))
}

/// The value of an environment variable without the line end that a file may have left on it.
pub(crate) fn variable(name: &str) -> Result<Option<String>, ConfigError> {
    match env::var(name) {
        Ok(value) => {
            let value = value.trim_end_matches(['\r', '\n']);
            Ok((!value.is_empty()).then(|| value.to_owned()))
        }
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(ConfigError::new(format!("{name} is not valid text"))),
    }
}

//! `Credentials`: the `Authorization` header, and the secrets in it that nothing may show.

use std::env;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{ConfigError, Error};
use crate::http::HeaderValue;
use crate::redact::Secrets;

const KEY: &str = "GONG_ACCESS_KEY";
const SECRET: &str = "GONG_ACCESS_KEY_SECRET";
const SHORT_SECRET: &str = "GONG_ACCESS_SECRET";
const TOKEN: &str = "GONG_ACCESS_TOKEN";

/// What a client authenticates with: an access key and its secret, or an OAuth token.
///
/// Granting and revoking need the scope `api:call-user-access:write`, and listing needs
/// `api:call-user-access:read`. If the credentials lack the scope, Gong answers with a 401 that
/// names it.
///
/// Credentials cannot be read back: there is no accessor, and `Debug` shows only the scheme. If a
/// text from the server shows them, plain or in Base64, the client replaces all of it. Constructing
/// credentials checks their form and sends nothing; a clone is cheap. The memory is not wiped on
/// drop.
///
/// # Examples
///
/// ```
/// use gong_call_access::Credentials;
///
/// let credentials = Credentials::bearer("my-token")?;
/// let shown = r#"Credentials { scheme: "Bearer", .. }"#;
/// assert_eq!(format!("{credentials:?}"), shown);
/// # Ok::<(), gong_call_access::Error>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    scheme: &'static str,
    pub(crate) authorization: HeaderValue,
    /// The texts to keep out of everything that is shown.
    pub(crate) secrets: Secrets,
}

impl Credentials {
    /// Creates credentials from an access key and its secret, sent as HTTP Basic authentication.
    ///
    /// The secret may be long, and may contain a `:`.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if the key or the secret is blank, begins or ends with white space or
    /// a quote, contains a control character or a character outside ASCII, or if the key contains a
    /// `:`. The message says which of the two is invalid, and never shows the value.
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
        // HTTP Basic splits the pair at its first `:`, so a key with one would change the secret.
        if key.contains(':') {
            return Err(
                ConfigError::new("the access key contains a `:`; pass the key alone").into(),
            );
        }
        let pair = format!("{key}:{secret}");
        Self::new("Basic", &STANDARD.encode(&pair), &[key, secret, &pair])
    }

    /// Creates credentials from an OAuth access token, sent as HTTP Bearer authentication.
    ///
    /// The client does not refresh the token. Once it expires, requests get a 401;
    /// [`Client::to_builder`](crate::Client::to_builder) makes a client with a new token.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if the token is blank, begins or ends with a quote, or contains white
    /// space, a control character or a character outside ASCII.
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
    /// `GONG_ACCESS_KEY` and `GONG_ACCESS_KEY_SECRET` (or `GONG_ACCESS_SECRET`) make an access key. If
    /// none of them is set, `GONG_ACCESS_TOKEN` is used. A blank variable counts as unset, and
    /// trailing newlines are removed. `GONG_BASE_URL` is read by
    /// [`Client::from_env`](crate::Client::from_env) and
    /// [`ClientBuilder::from_env`](crate::ClientBuilder::from_env), not here.
    ///
    /// # Errors
    ///
    /// Returns [`Error::Config`] if no credentials are set, if only half of an access key is set (the
    /// message names the missing variable), if a variable is not valid Unicode, or for the reasons
    /// given under [`access_key`](Self::access_key) and [`bearer`](Self::bearer).
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
    pub fn from_env() -> Result<Self, Error> {
        let key = variable(KEY);
        let (name, secret) = match variable(SECRET) {
            Some(secret) => (SECRET, Some(secret)),
            None => (SHORT_SECRET, variable(SHORT_SECRET)),
        };
        // Half a pair is an error even if there is a token: falling back to it would run the program
        // with rights that its operator did not mean to give it.
        let message = match (key, secret) {
            (Some(key), Some(secret)) => return Self::access_key(key, secret),
            (Some(_), None) => format!("{KEY} is set, but {SECRET} is missing"),
            (None, Some(_)) => format!("{name} is set, but {KEY} is missing"),
            (None, None) => match variable(TOKEN) {
                Some(token) => return Self::bearer(token),
                None => {
                    format!("no credentials in the environment: set {KEY} and {SECRET}, or {TOKEN}")
                }
            },
        };
        Err(ConfigError::new(message).into())
    }

    fn new(scheme: &'static str, value: &str, secrets: &[&str]) -> Result<Self, Error> {
        let mut authorization = HeaderValue::try_from(format!("{scheme} {value}"))
            .map_err(|_| ConfigError::new("the credentials do not fit in a header"))?;
        // `Debug` of a header map, and of a request that holds it, then prints `Sensitive`.
        authorization.set_sensitive(true);
        Ok(Self {
            scheme,
            authorization,
            secrets: secrets.iter().copied().collect(),
        })
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

/// Returns `value` if it can go into a header; the error says what is wrong without showing it.
fn check<'a>(name: &str, value: &'a str) -> Result<&'a str, ConfigError> {
    let problem = if value.trim().is_empty() {
        "is blank"
    } else if value != value.trim_matches(is_wrapping) {
        "begins or ends with white space, a line break or a quote; remove that"
    } else if !value.chars().all(|c| matches!(c, ' '..='~')) {
        "is not printable ASCII"
    } else {
        return Ok(value);
    };
    Err(ConfigError::new(format!("the {name} {problem}")))
}

/// Whether this character, at either end of a value, comes from a file or a shell rather than from
/// Gong. `docker --env-file` keeps quotes.
fn is_wrapping(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '"')
}

/// Returns an environment variable without trailing newlines; `None` if it is unset or blank.
pub(crate) fn variable(name: &str) -> Option<String> {
    // Text that is not Unicode becomes a character that no setting may have.
    let value = env::var_os(name)?.to_string_lossy().into_owned();
    // A value that was read from a file often ends in a newline, which no header may hold.
    let value = value.trim_end_matches(['\r', '\n']);
    (!value.trim().is_empty()).then(|| value.to_owned())
}

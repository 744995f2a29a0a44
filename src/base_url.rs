//! `Endpoint`: checks a base URL, and appends the path of the resource.
//!
//! The checks are strict because every request to the URL carries the credentials. A typo must make
//! `build` fail; it must not send them to another host or in clear text.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU16;

use crate::http::Uri;
use crate::redact::Secrets;

const RESOURCE: &str = "/v2/calls/users-access";

/// The URL of the resource, below a base URL that passed every check.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) uri: Uri,
    pub(crate) is_https: bool,
    pub(crate) is_loopback: bool,
}

impl Endpoint {
    /// Appends the resource to `base`, after removing a trailing `/`, `/v2` or the resource itself. Any
    /// other path is kept as a prefix.
    ///
    /// # Errors
    ///
    /// Returns a message that says what is wrong with `base`. It never contains one of `secrets`, since
    /// a secret is easily pasted into the wrong setting.
    pub(crate) fn below(base: &str, secrets: &Secrets) -> Result<Self, String> {
        Self::parse(base, secrets).map_err(|problem| invalid(base, secrets, problem))
    }

    fn parse(base: &str, secrets: &Secrets) -> Result<Self, &'static str> {
        if !base.chars().all(|c| c.is_ascii_graphic()) {
            return Err("it contains a space, or a character that is not printable ASCII");
        }
        // These checks come before `http::Uri`, which silently drops a fragment, and treats a port
        // over 65535 as absent, so that the request would go to the default port.
        if base.contains(['?', '#']) {
            return Err("it has a query or a fragment");
        }
        let (scheme, rest) = base
            .split_once("://")
            .ok_or("it does not start with https://")?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // ureq would send user information as Basic authentication, and show it in its errors.
        if authority.contains('@') {
            return Err("it has user information");
        }
        let host = checked_host(authority)?;
        // The name would be sent to a name server, and shown in errors.
        if secrets.are_in(host) {
            return Err("its host contains a credential");
        }
        let is_loopback = is_loopback(host);
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" if is_loopback => false,
            "http" => return Err("http exposes the credentials, and is only for a loopback host"),
            _ => return Err("its scheme is not https"),
        };
        let uri = format!("{scheme}://{authority}{}{RESOURCE}", prefix(path));
        Ok(Self {
            uri: uri.parse().map_err(|_| "it is not a URL")?,
            is_https,
            is_loopback,
        })
    }
}

/// Returns the path to which the resource is appended.
///
/// Gong shows `https://us-12345.api.gong.io`, while other tools want `/v2` or a `/` after it, and
/// people copy the value from one to the other.
fn prefix(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    [RESOURCE, "/v2"]
        .iter()
        .find_map(|end| path.strip_suffix(end))
        .unwrap_or(path)
        .trim_end_matches('/')
}

/// Returns the host of `host` or `host:port`, after checking both parts.
///
/// # Errors
///
/// Returns what is wrong, without any part of the text.
pub(crate) fn checked_host(authority: &str) -> Result<&str, &'static str> {
    let (host, port) = match authority.rsplit_once(':') {
        // In an IPv6 address without a port, the last `:` is part of the address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(is_in_name),
    };
    if !is_host {
        return Err("it has no valid host");
    }
    // `from_str` accepts a leading `+`.
    if port.is_some_and(|port| port.starts_with('+') || port.parse::<NonZeroU16>().is_err()) {
        return Err("its port is not a number from 1 to 65535");
    }
    Ok(host)
}

fn is_in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')
}

/// Whether the host is `localhost` or a loopback address.
///
/// Any other name is not loopback, even if it resolves to such an address: the answer of a name
/// server must not decide whether credentials are sent in clear text.
fn is_loopback(host: &str) -> bool {
    let name = host.trim_matches(['[', ']']).to_ascii_lowercase();
    // A trailing dot marks a name as fully qualified.
    matches!(name.as_str(), "localhost" | "localhost.")
        || name
            .parse()
            // `::ffff:127.0.0.1` is loopback only in its canonical form, as an IPv4 address.
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// Formats an error, with the base URL up to its query or fragment.
///
/// The URL is left out if it may contain a password or a credential.
fn invalid(base: &str, secrets: &Secrets, problem: &str) -> String {
    const SHOWN_CHARS: usize = 100;
    const EXPECTED: &str = "expected a URL such as https://api.gong.io";
    // `%40` is an escaped `@`.
    if base.contains('@') || base.contains("%40") || secrets.are_in(base) {
        return format!("base_url is invalid: {problem}; {EXPECTED}");
    }
    let shown: String = base
        .chars()
        .take_while(|c| !matches!(c, '?' | '#'))
        .take(SHOWN_CHARS)
        .collect();
    format!("base_url {shown:?} is invalid: {problem}; {EXPECTED}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn below(base: &str) -> Result<Endpoint, String> {
        Endpoint::below(base, &Secrets::from_iter([]))
    }

    #[test]
    fn a_prefix_is_kept_and_a_trailing_slash_or_version_is_removed() {
        for (base, url) in [
            ("https://api.gong.io", "https://api.gong.io"),
            ("https://api.gong.io/", "https://api.gong.io"),
            ("https://api.gong.io//", "https://api.gong.io"),
            ("https://api.gong.io/v2", "https://api.gong.io"),
            ("https://api.gong.io/v2/", "https://api.gong.io"),
            ("https://api.gong.io//v2//", "https://api.gong.io"),
            (
                "https://api.gong.io/v2/calls/users-access",
                "https://api.gong.io",
            ),
            (
                "HTTPS://us-1.api.gong.io:8443",
                "https://us-1.api.gong.io:8443",
            ),
            (
                "https://proxy.example/gong/v2",
                "https://proxy.example/gong",
            ),
            (
                "https://proxy.example/v2/gong",
                "https://proxy.example/v2/gong",
            ),
            ("https://proxy.example/a@b", "https://proxy.example/a@b"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
            ("https://v2", "https://v2"),
            ("http://localhost:80", "http://localhost:80"),
            ("http://127.8.9.10", "http://127.8.9.10"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("http://LocalHost.", "http://LocalHost."),
            ("http://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]"),
        ] {
            let endpoint = below(base).unwrap();
            assert_eq!(
                endpoint.uri.to_string(),
                format!("{url}{RESOURCE}"),
                "{base}"
            );
        }
    }

    #[test]
    fn an_invalid_base_url_gets_a_message_that_says_why() {
        for (base, why) in [
            ("", "does not start with https://"),
            ("api.gong.io", "does not start with https://"),
            ("https://", "no valid host"),
            ("https:///v2", "no valid host"),
            ("https://:443", "no valid host"),
            ("https://api.gong.io:0", "port"),
            ("https://api.gong.io:", "port"),
            ("https://api.gong.io:65536", "port"),
            ("https://api.gong.io:4a", "port"),
            ("https://api.gong.io:+443", "port"),
            ("https://[]", "host"),
            ("https://[127.0.0.1]", "host"),
            ("https://,", "host"),
            ("https://api.gong.io/?token=hunter2", "query"),
            ("https://api.gong.io?x=1", "query"),
            ("https://api.gong.io/v2#hunter2", "fragment"),
            ("https://api.gong .io", "a space"),
            ("https://api.gong.io\n", "not printable"),
            ("https://api.göng.io", "not printable"),
            ("ftp://api.gong.io", "scheme"),
            ("http://api.gong.io", "loopback"),
            ("http://localhost.example", "loopback"),
            ("http://127.0.0.1.example", "loopback"),
            ("http://0.0.0.0", "loopback"),
            // Spellings that only some resolvers take for a loopback host.
            ("http://127.1", "loopback"),
            ("http://0x7f.0.0.1", "loopback"),
            ("http://2130706433", "loopback"),
            ("http://gong.localhost", "loopback"),
            ("http://[2001:db8::1]", "loopback"),
            ("http://[::ffff:192.0.2.1]", "loopback"),
            ("https://user:hunter2@api.gong.io", "user information"),
            ("https://hunter2@", "user information"),
            ("https://user:hunter2%40api.gong.io", "port"),
        ] {
            let message = below(base).unwrap_err();
            assert!(message.contains(why), "{base:?}: {message}");
            assert!(!message.contains("hunter2"), "{base:?}: {message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_an_endpoint_or_an_error_without_user_information(base in "\\PC*|https?://[a-z0-9.:@/?#\\[\\]-]*") {
            match below(&base) {
                Ok(endpoint) => {
                    prop_assert!(endpoint.uri.path().ends_with(RESOURCE));
                    prop_assert_eq!(endpoint.uri.query(), None);
                    prop_assert!(endpoint.is_https || endpoint.is_loopback);
                    prop_assert!(endpoint.uri.host().is_some_and(|host| !host.is_empty()));
                }
                Err(error) => prop_assert!(!base.contains('@') || !error.contains('@')),
            }
        }
    }
}

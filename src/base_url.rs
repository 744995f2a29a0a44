//! What a base URL may be, and the URL of the resource under it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use ureq::http::Uri;

use crate::redact::{Secrets, clean};

const RESOURCE: &str = "/v2/calls/users-access";

/// Where the resource is: a URL that has passed every check.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) uri: Uri,
    pub(crate) is_https: bool,
    pub(crate) is_loopback: bool,
}

impl Endpoint {
    /// Finds the resource below `base`, or says what is wrong with it, without the secrets: somebody may
    /// have pasted one into the wrong setting.
    ///
    /// A path prefix is kept; a final `/`, `/v2` or the resource itself is dropped.
    pub(crate) fn below(base: &str, secrets: &Secrets) -> Result<Self, String> {
        let invalid = |problem: &dyn fmt::Display| invalid(base, secrets, problem);
        if let Some(c) = base.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(invalid(&format_args!("it contains {c:?}")));
        }
        // `http::Uri` drops a fragment without a word, and reads a port that is too large as none.
        if base.contains('#') {
            return Err(invalid(&"it has a fragment"));
        }
        if base.contains('?') {
            return Err(invalid(&"it has a query"));
        }
        let Some((scheme, rest)) = base.split_once("://") else {
            return Err(invalid(&"it does not start with https://"));
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err(invalid(&"it has user information"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if !is_host(host) {
            return Err(invalid(&"it has no valid host"));
        }
        if port.is_some_and(|port| !is_port(port)) {
            return Err(invalid(&"its port is not one from 1 to 65535"));
        }
        let is_https = scheme.eq_ignore_ascii_case("https");
        let is_loopback = is_loopback(host);
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(invalid(&"its scheme is not https"));
        }
        if !is_https && !is_loopback {
            let problem = "http is for a loopback host only, since it would show the credentials";
            return Err(invalid(&problem));
        }
        let path = path.trim_end_matches('/');
        let prefix = [RESOURCE, "/v2"]
            .iter()
            .find_map(|end| path.strip_suffix(end))
            .unwrap_or(path)
            .trim_end_matches('/');
        let uri = format!("{scheme}://{authority}{prefix}{RESOURCE}")
            .parse()
            .map_err(|error| invalid(&error))?;
        Ok(Self {
            uri,
            is_https,
            is_loopback,
        })
    }
}

fn is_host(host: &str) -> bool {
    match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            host.contains(|c: char| c.is_ascii_alphanumeric())
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        }
    }
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse().is_ok_and(|port: u16| port > 0)
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

/// Shows the base URL up to a query or a fragment, and not at all if it may hold a password.
fn invalid(base: &str, secrets: &Secrets, problem: &dyn fmt::Display) -> String {
    const SHOWN_CHARS: usize = 100;
    const EXPECTED: &str = "expected one such as https://api.gong.io";
    // The second is how `@` is written in a URL.
    if base.contains('@') || base.contains("%40") {
        return format!("base_url is invalid: {problem}; {EXPECTED}");
    }
    // What is cut before it is cleaned may end in a part of a secret.
    let shown: String = clean(base, secrets)
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
    fn a_prefix_is_kept_and_a_final_slash_or_version_is_dropped() {
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
    fn a_refused_base_url_says_why() {
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
            ("https://.", "host"),
            ("https://api.gong.io/?token=hunter2", "query"),
            ("https://api.gong.io?x=1", "query"),
            ("https://api.gong.io/v2#hunter2", "fragment"),
            ("https://api.gong .io", "' '"),
            ("https://api.gong.io\n", "'\\n'"),
            ("https://api.göng.io", "'ö'"),
            ("ftp://api.gong.io", "scheme"),
            ("http://api.gong.io", "loopback"),
            ("http://localhost.example", "loopback"),
            ("http://127.0.0.1.example", "loopback"),
            ("http://0.0.0.0", "loopback"),
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
        #[test]
        fn any_text_is_an_endpoint_of_the_resource_or_an_error(base in "\\PC*|https?://[a-z0-9.:@/?#\\[\\]-]*") {
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

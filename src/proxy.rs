//! Decides whether a client uses a proxy, and which: once, for its one host.
//!
//! ureq would read the environment itself. It takes the first variable that it can parse, for any
//! scheme, ignores the others without a word, and cuts a password at an unescaped `@`.

use std::net::{IpAddr, Ipv6Addr};

use crate::base_url::checked_host;
use crate::http::Proxy;

/// The first that is not blank counts. Upper case comes first, as in Go.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Returns the proxy for `https` to this host and port, with the name of its variable.
///
/// # Errors
///
/// Returns a message that names the variable and no part of its value, which may hold a password.
pub(crate) fn for_host(
    host: &str,
    port: u16,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(&'static str, Proxy)>, String> {
    let first = |names: &[&'static str]| {
        names.iter().find_map(|name| {
            let value = variable(name)?;
            (!value.trim().is_empty()).then(|| (*name, value.trim().to_owned()))
        })
    };
    let Some((name, value)) = first(&VARIABLES) else {
        return Ok(None);
    };
    if first(&EXCEPTIONS).is_some_and(|(_, list)| is_listed(&list, host, port)) {
        return Ok(None);
    }
    let proxy = parse(&value).map_err(|problem| {
        format!("{name} is invalid: {problem}; expected a URL such as http://user:password@proxy.example:3128")
    })?;
    Ok(Some((name, proxy)))
}

fn parse(value: &str) -> Result<Proxy, &'static str> {
    if value.starts_with(['"', '\'']) {
        return Err("it is in quotes");
    }
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err("its scheme is not http or https");
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (user, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    // Some of these would end the user information of a URL in the middle of a password.
    if !user.chars().all(is_user_information) {
        return Err("its user or password has a character that must be escaped, as in %40 for @");
    }
    checked_host(address)?;
    Proxy::new(&format!("{scheme}://{authority}")).map_err(|_| "it is not a URL")
}

/// Whether the character may stand in the user information of a URL.
fn is_user_information(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:%".contains(c)
}

/// Whether an entry of `NO_PROXY` is this host, a domain above it, or `*`.
fn is_listed(list: &str, host: &str, port: u16) -> bool {
    let host = normalized(host);
    list.split(|c: char| c == ',' || c.is_whitespace())
        .map(split_port)
        .filter(|(_, only)| only.is_none_or(|only| only == port))
        .any(|(name, _)| name == "*" || is_at_or_below(&host, name))
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    // Without brackets, the last `:` of an IPv6 address is part of the address.
    if entry.parse::<Ipv6Addr>().is_ok() {
        return (entry, None);
    }
    entry
        .rsplit_once(':')
        .and_then(|(name, port)| Some((name, Some(port.parse().ok()?))))
        .unwrap_or((entry, None))
}

fn is_at_or_below(host: &str, name: &str) -> bool {
    let domain = normalized(name.trim_start_matches('*').trim_start_matches('.'));
    host.strip_suffix(&domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Returns the one spelling that stands for every spelling of an address or a name.
fn normalized(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches([']', '.']);
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => host.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy for `https://api.gong.test`, as its variable, host and port.
    fn choose(variables: &[(&str, &str)]) -> Result<Option<String>, String> {
        let variable = |name: &str| {
            let (_, value) = variables.iter().find(|(set, _)| *set == name)?;
            Some((*value).to_owned())
        };
        let chosen = for_host("api.gong.test", 443, variable)?;
        Ok(chosen.map(|(name, proxy)| format!("{name} {}:{}", proxy.host(), proxy.port())))
    }

    #[test]
    fn the_first_variable_that_is_not_blank_counts() {
        for (variables, expected) in [
            (&[][..], None),
            (&[("HTTP_PROXY", "http://p:1")], None),
            (&[("HTTPS_PROXY", "")], None),
            (
                &[("HTTPS_PROXY", " http://p:1 \r\n")],
                Some("HTTPS_PROXY p:1"),
            ),
            (
                &[
                    ("https_proxy", "p:1"),
                    ("HTTPS_PROXY", "q:2"),
                    ("ALL_PROXY", "r:3"),
                ],
                Some("HTTPS_PROXY q:2"),
            ),
            (
                &[
                    ("HTTPS_PROXY", " "),
                    ("https_proxy", "p:1"),
                    ("ALL_PROXY", "r:3"),
                ],
                Some("https_proxy p:1"),
            ),
            (
                &[("ALL_PROXY", "r:3"), ("all_proxy", "s:4")],
                Some("ALL_PROXY r:3"),
            ),
            (&[("all_proxy", "s:4")], Some("all_proxy s:4")),
            // What cannot be used is an error, and not a reason to look further.
            (
                &[("HTTPS_PROXY", "socks5://p:1"), ("NO_PROXY", "gong.test")],
                None,
            ),
        ] {
            let chosen = choose(variables).unwrap();
            assert_eq!(chosen.as_deref(), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_proxy_is_a_url_or_a_host_and_port() {
        for (value, host, port, user, password) in [
            ("p", "p", 80, None, None),
            ("p:3128", "p", 3128, None, None),
            ("p:3128/", "p", 3128, None, None),
            ("HTTP://p:3128/", "p", 3128, None, None),
            ("https://p", "p", 443, None, None),
            ("http://[::1]:3128", "[::1]", 3128, None, None),
            ("u:p@p.example:1", "p.example", 1, Some("u"), Some("p")),
            (
                "http://CORP%5Cu:a%40b%23:c!$@p:1",
                "p",
                1,
                Some("CORP\\u"),
                Some("a@b#:c!$"),
            ),
        ] {
            let proxy = parse(value).unwrap();
            assert_eq!((proxy.host(), proxy.port()), (host, port), "{value}");
            assert_eq!(
                (proxy.username(), proxy.password()),
                (user, password),
                "{value}"
            );
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_an_error_without_any_of_it() {
        for (value, why) in [
            ("\"http://hunter2:hunter2@p:1\"", "quotes"),
            ("'http://hunter2@p:1'", "quotes"),
            ("http://user:hunter2@hunter2#@p:1", "escaped"),
            ("http://user:hunter2@hunter2@p:1", "escaped"),
            ("http://user:hunter2/x@p:1", "escaped"),
            ("http://user:hunter2?x@p:1", "escaped"),
            ("http://user:hünter2@p:1", "escaped"),
            ("http://CORP\\hunter2:x@p:1", "escaped"),
            ("http://user:hunter2#x", "port"),
            ("http://user:1#hunter2@", "escaped"),
            ("http://user:hunter2@", "host"),
            ("http://hunter2 x:1", "host"),
            ("http://hunter2:0", "port"),
            ("http://hunter2:1/path", "port"),
            ("http://user:%FFhunter2@p:1", "not a URL"),
            ("socks5://hunter2:1", "scheme"),
            ("ftp://hunter2:1", "scheme"),
            ("://hunter2:1", "scheme"),
        ] {
            let message = choose(&[("ALL_PROXY", value)]).unwrap_err();
            assert!(message.starts_with("ALL_PROXY is invalid: "), "{message}");
            assert!(message.contains(why), "{value}: {message}");
            assert!(!message.contains("nter2"), "{value}: {message}");
        }
    }

    #[test]
    fn no_proxy_is_a_list_of_hosts_domains_and_addresses() {
        for (list, host, port, expected) in [
            ("localhost, api.gong.test", "api.gong.test", 443, true),
            ("localhost api.gong.test.", "API.Gong.test", 443, true),
            ("gong.test", "api.gong.test", 443, true),
            (".gong.test", "api.gong.test", 443, true),
            ("*.gong.test", "api.gong.test", 443, true),
            ("ong.test", "api.gong.test", 443, false),
            ("api.gong.test.example", "api.gong.test", 443, false),
            ("*", "api.gong.test", 443, true),
            (",, .", "api.gong.test", 443, false),
            ("gong.test:443", "api.gong.test", 443, true),
            ("gong.test:8443", "api.gong.test", 443, false),
            ("192.0.2.1", "192.0.2.1", 443, true),
            ("192.0.2.10", "192.0.2.1", 443, false),
            ("2001:DB8::1", "[2001:db8:0::1]", 443, true),
            ("[2001:db8::1]:8443", "[2001:db8::1]", 8443, true),
            ("[2001:db8::1]:8443", "[2001:db8::1]", 443, false),
        ] {
            assert_eq!(
                is_listed(list, host, port),
                expected,
                "{list:?} {host}:{port}"
            );
        }
    }
}

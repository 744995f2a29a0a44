//! Checks any text as a base URL: it gives the resource on the host that it names, or a short message.

#![no_main]

use std::net::{IpAddr, SocketAddr};

use fuzz::resource_url;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|base: &str| {
    match resource_url(base) {
        Ok(url) => {
            assert!(url.ends_with("/v2/calls/users-access"), "{url}");
            let (scheme, rest) = url.split_once("://").unwrap();
            let authority = rest.split('/').next().unwrap();
            assert!(!authority.is_empty() && !authority.contains('@'), "{url}");
            assert!(!url.contains(['?', '#', ' ']), "{url}");
            let address = authority.parse().map(|address: SocketAddr| address.ip());
            let address = address.or_else(|_| authority.trim_matches(['[', ']']).parse());
            let name = authority.split(':').next().unwrap().to_ascii_lowercase();
            let is_loopback = matches!(name.as_str(), "localhost" | "localhost.")
                || address.is_ok_and(|address: IpAddr| address.is_loopback());
            assert!(scheme.eq_ignore_ascii_case("https") || is_loopback, "{url}");
            // The URL starts as the base does, so the host is the one that was meant.
            let kept = url.strip_suffix("/v2/calls/users-access").unwrap();
            assert!(
                base.to_ascii_lowercase()
                    .starts_with(&kept.to_ascii_lowercase()),
                "{base} became {url}"
            );
            assert_eq!(resource_url(&url).as_deref(), Ok(url.as_str()));
        }
        Err(message) => {
            assert!(!message.contains(char::is_control), "{message:?}");
            assert!(message.chars().count() < 1500, "{message}");
            assert!(!base.contains('@') || !message.contains('@'), "{message}");
        }
    }
});

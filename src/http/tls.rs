//! Configures TLS: the provider and the trusted certificates, which depend on the crate's features.

use ureq::config::ConfigBuilder;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::typestate::AgentScope;

/// The certificates that are trusted by default.
///
/// With rustls, `PlatformVerifier` panics unless the feature `platform-verifier` is on. With
/// native-tls, it means the system's certificates.
const DEFAULT_ROOTS: RootCerts =
    if cfg!(all(feature = "rustls", not(feature = "platform-verifier"))) {
        RootCerts::WebPki
    } else {
        RootCerts::PlatformVerifier
    };

/// Trusts only the certificates in `roots`, or if it is `None`, those that the features select.
///
/// # Errors
///
/// Returns a message if `roots` is not valid PEM, or has no certificate.
pub(super) fn configure(
    config: ConfigBuilder<AgentScope>,
    roots: Option<&[u8]>,
) -> Result<ConfigBuilder<AgentScope>, &'static str> {
    // Always set: ureq panics when it connects with a provider whose feature is off. Rustls comes
    // first, so that another crate that turns on `native-tls` changes nothing here.
    let provider = if cfg!(feature = "rustls") {
        TlsProvider::Rustls
    } else {
        TlsProvider::NativeTls
    };
    let roots = match roots {
        Some(pem) => certificates(pem)?,
        None => DEFAULT_ROOTS,
    };
    let tls = TlsConfig::builder().provider(provider).root_certs(roots);
    Ok(config.tls_config(tls.build()))
}

/// Parses the certificates of a PEM file, and ignores its other items.
fn certificates(pem: &[u8]) -> Result<RootCerts, &'static str> {
    let items = parse_pem(pem)
        .collect::<Result<Vec<_>, _>>()
        // ureq's error would quote the text, which may be a private key.
        .map_err(|_| "root_certificates is not valid PEM")?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err("root_certificates has no certificate, expected PEM with at least one");
    }
    Ok(certificates.into())
}

//! Which TLS the features give, and which certificates it trusts.

use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// Whether `https` can be spoken at all.
pub(crate) const IS_AVAILABLE: bool = cfg!(any(feature = "rustls", feature = "native-tls"));

/// Trusts `roots` and no others, or what the features say if there are none.
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub(super) fn configure(
    config: ConfigBuilder<AgentScope>,
    roots: Option<&[u8]>,
) -> Result<ConfigBuilder<AgentScope>, &'static str> {
    use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

    // Rustls wherever it is there, so that native-tls, when another crate adds it, changes nothing.
    let provider = if cfg!(feature = "rustls") {
        TlsProvider::Rustls
    } else {
        TlsProvider::NativeTls
    };
    let roots = match roots {
        Some(pem) => certificates(pem)?,
        None if cfg!(all(feature = "rustls", not(feature = "platform-verifier"))) => {
            RootCerts::WebPki
        }
        None => RootCerts::PlatformVerifier,
    };
    let tls = TlsConfig::builder().provider(provider).root_certs(roots);
    Ok(config.tls_config(tls.build()))
}

#[cfg(any(feature = "rustls", feature = "native-tls"))]
fn certificates(pem: &[u8]) -> Result<ureq::tls::RootCerts, &'static str> {
    use ureq::tls::{PemItem, parse_pem};

    let items = parse_pem(pem)
        .collect::<Result<Vec<_>, _>>()
        // The error would quote the text, which may be a private key.
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

#[cfg(not(any(feature = "rustls", feature = "native-tls")))]
pub(super) fn configure(
    config: ConfigBuilder<AgentScope>,
    roots: Option<&[u8]>,
) -> Result<ConfigBuilder<AgentScope>, &'static str> {
    match roots {
        None => Ok(config),
        Some(_) => Err("root_certificates needs the feature rustls or native-tls"),
    }
}

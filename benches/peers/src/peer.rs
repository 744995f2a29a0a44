//! Sends the same PUT many times through the client that the feature selects. Prints the peak memory.
//!
//! Arguments: the URL, the number of requests, of calls in a request and of users of each call, and for
//! an https URL the file of the certificate to trust.

use std::error::Error;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, requests, calls, users, certificate @ ..] = &arguments[..] else {
        return Err("expected URL REQUESTS CALLS USERS [CERTIFICATE]".into());
    };
    let pairs = pairs(calls.parse()?, users.parse()?);
    let certificate = certificate.first().map(std::fs::read).transpose()?;
    client::run(url, certificate.as_deref(), requests.parse()?, &pairs)?;
    println!("{}", peak_memory()?);
    Ok(())
}

/// Ids as long as Gong's.
fn pairs(calls: u64, users: u64) -> Vec<(String, String)> {
    let id = |n: u64| (7_782_342_274_025_937_000 + n).to_string();
    (0..calls)
        .flat_map(|call| (0..users).map(move |user| (id(call), id(user))))
        .collect()
}

/// Returns the peak memory of this process in KiB.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(number.ok_or("no VmHWM")?.parse()?)
}

#[cfg(feature = "gong-call-access")]
mod client {
    use gong_call_access::{CallAccessList, Client, Credentials};

    pub fn run(
        url: &str,
        certificate: Option<&[u8]>,
        requests: usize,
        pairs: &[(String, String)],
    ) -> super::Result<()> {
        let mut list = CallAccessList::new();
        for (call, user) in pairs {
            list.insert(call.parse()?, user.parse()?);
        }
        let credentials = Credentials::access_key("an-access-key", "an-access-key-secret")?;
        let mut builder = Client::builder(credentials)
            .base_url(url)
            .requests_per_second(None);
        if let Some(pem) = certificate {
            builder = builder.root_certificates(pem);
        }
        let client = builder.build()?;
        for _ in 0..requests {
            client.grant(&list)?.into_result()?;
        }
        Ok(())
    }
}

/// What a careful program would write by hand: plain structs, and a check of the acknowledgement.
#[cfg(not(feature = "gong-call-access"))]
mod hand {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Serialize};

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    pub struct Body {
        call_access_list: Vec<Entry>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        call_id: String,
        user_ids: Vec<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        request_id: Option<String>,
        errors: Option<Vec<String>>,
    }

    impl Body {
        pub fn new(pairs: &[(String, String)]) -> Self {
            let mut call_access_list: Vec<Entry> = Vec::new();
            for (call, user) in pairs {
                match call_access_list.last_mut() {
                    Some(entry) if entry.call_id == *call => entry.user_ids.push(user.clone()),
                    _ => call_access_list.push(Entry {
                        call_id: call.clone(),
                        user_ids: vec![user.clone()],
                    }),
                }
            }
            Self { call_access_list }
        }

        pub fn to_vec(&self) -> super::Result<Vec<u8>> {
            Ok(serde_json::to_vec(self)?)
        }
    }

    pub fn authorization() -> String {
        format!(
            "Basic {}",
            STANDARD.encode("an-access-key:an-access-key-secret")
        )
    }

    pub fn url(base: &str) -> String {
        format!("{base}/v2/calls/users-access")
    }

    pub fn check(status: u16, body: &[u8]) -> super::Result<()> {
        let answer: Answer = serde_json::from_slice(body)?;
        let is_acknowledged = status == 200 && answer.errors.is_none_or(|errors| errors.is_empty());
        if !is_acknowledged || answer.request_id.is_none() {
            return Err("not acknowledged".into());
        }
        Ok(())
    }
}

#[cfg(feature = "ureq")]
mod client {
    use std::time::Duration;

    use ureq::tls::{Certificate, RootCerts, TlsConfig};

    use super::hand;

    pub fn run(
        base: &str,
        certificate: Option<&[u8]>,
        requests: usize,
        pairs: &[(String, String)],
    ) -> super::Result<()> {
        let body = hand::Body::new(pairs);
        let (url, authorization) = (hand::url(base), hand::authorization());
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(30)))
            .timeout_resolve(Some(Duration::from_secs(10)))
            .timeout_connect(Some(Duration::from_secs(10)));
        if let Some(pem) = certificate {
            let roots = RootCerts::from(vec![Certificate::from_pem(pem)?]);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent: ureq::Agent = config.build().into();
        for _ in 0..requests {
            let mut response = agent
                .put(&url)
                .header("authorization", &authorization)
                .header("content-type", "application/json")
                .send(&body.to_vec()?[..])?;
            let status = response.status().as_u16();
            hand::check(status, &response.body_mut().read_to_vec()?)?;
        }
        Ok(())
    }
}

#[cfg(feature = "reqwest")]
mod client {
    use std::time::Duration;

    use super::hand;

    pub fn run(
        base: &str,
        certificate: Option<&[u8]>,
        requests: usize,
        pairs: &[(String, String)],
    ) -> super::Result<()> {
        let body = hand::Body::new(pairs);
        let (url, authorization) = (hand::url(base), hand::authorization());
        let mut builder = reqwest::blocking::Client::builder()
            .timeout(Duration::from_secs(30))
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none());
        if let Some(pem) = certificate {
            builder = builder.tls_certs_only([reqwest::Certificate::from_pem(pem)?]);
        }
        let client = builder.build()?;
        for _ in 0..requests {
            let response = client
                .put(&url)
                .header("authorization", &authorization)
                .header("content-type", "application/json")
                .body(body.to_vec()?)
                .send()?;
            let status = response.status().as_u16();
            hand::check(status, &response.bytes()?)?;
        }
        Ok(())
    }
}

#[cfg(feature = "minreq")]
mod client {
    use super::hand;

    /// It does not keep connections alive, so it is measured over plain HTTP only.
    pub fn run(
        base: &str,
        _certificate: Option<&[u8]>,
        requests: usize,
        pairs: &[(String, String)],
    ) -> super::Result<()> {
        let body = hand::Body::new(pairs);
        let (url, authorization) = (hand::url(base), hand::authorization());
        for _ in 0..requests {
            let response = minreq::put(&url)
                .with_header("authorization", &authorization)
                .with_header("content-type", "application/json")
                .with_body(body.to_vec()?)
                .with_timeout(30)
                .send()?;
            hand::check(u16::try_from(response.status_code)?, response.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(feature = "attohttpc")]
mod client {
    use std::time::Duration;

    use super::hand;

    /// It does not keep connections alive, so it is measured over plain HTTP only.
    pub fn run(
        base: &str,
        _certificate: Option<&[u8]>,
        requests: usize,
        pairs: &[(String, String)],
    ) -> super::Result<()> {
        let body = hand::Body::new(pairs);
        let (url, authorization) = (hand::url(base), hand::authorization());
        for _ in 0..requests {
            let response = attohttpc::put(&url)
                .timeout(Duration::from_secs(30))
                .connect_timeout(Duration::from_secs(10))
                .follow_redirects(false)
                .try_header("authorization", &authorization)?
                .try_header("content-type", "application/json")?
                .bytes(body.to_vec()?)
                .send()?;
            let status = response.status().as_u16();
            hand::check(status, &response.bytes()?)?;
        }
        Ok(())
    }
}

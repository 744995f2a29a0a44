//! `Transport`: one HTTP exchange through ureq.
//!
//! ureq sends a request once and never retries it, which is what the retry policy needs. Most of
//! its other defaults are replaced here: the exchange and its phases have timeouts (ureq has none
//! by default), redirects are not followed, statuses are not errors, and bodies are limited.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use ureq::http::{self, HeaderMap, HeaderValue, Method, Uri};
use ureq::{Agent, AsSendBody, Proxy};

use super::fault::Fault;
use super::response::HttpResponse;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
use super::tls;

/// Whether the crate was built with a TLS feature.
pub(crate) const HAS_TLS: bool = cfg!(any(feature = "rustls", feature = "native-tls"));

/// How large the head of a response may be, in bytes; ureq's default.
const MAX_HEADER_SIZE: usize = 64 * 1024;

/// The size of a connection's input buffer, in bytes; over TLS a connection has two of them.
///
/// A head must fit with room to spare, or ureq reports a long one as a lost connection. ureq's
/// default of 128 KiB would nearly double the memory of a connection.
const INPUT_BUFFER: usize = MAX_HEADER_SIZE + 8 * 1024;

/// The size of a connection's output buffer, in bytes, without the longest line of the head.
///
/// A larger body is written in several parts; only a line of the head must fit as a whole.
const OUTPUT_BUFFER: usize = 8 * 1024;

/// The size of a body, in bytes, above which the system's buffers may be full before it is sent.
const LARGE_BODY: usize = 64 * 1024;

/// As many as ureq keeps in total: its default of 3 for each host is too few when there is only one
/// host.
const MAX_IDLE_CONNECTIONS: usize = 10;

/// The settings of a transport. All of them are checked, except for the certificates.
pub(crate) struct Settings {
    pub(crate) uri: Uri,
    /// The proxy, and the name of the environment variable that it comes from.
    pub(crate) proxy: Option<(&'static str, Proxy)>,
    pub(crate) authorization: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) root_certificates: Option<Vec<u8>>,
}

/// Sends requests to one URL, over connections that are kept alive.
pub(crate) struct Transport {
    agent: Agent,
    headers: HeaderMap,
    /// The proxy's host and port and its variable, for people.
    proxy: Option<String>,
    settings: Settings,
}

/// A request; the URL and the headers are the transport's.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) body: &'a [u8],
    /// How many bytes the body of a 200 may have.
    pub(crate) limit: usize,
}

/// Which connection an exchange may use.
#[derive(Clone, Copy)]
pub(crate) enum Connection {
    Any,
    /// A new one. After one kept-alive connection turned out to be closed, the others may be too.
    New,
}

impl Transport {
    /// Creates a transport, without connecting.
    ///
    /// # Errors
    ///
    /// Returns a message if the certificates are invalid, or there is no TLS to use them.
    pub(crate) fn new(settings: Settings) -> Result<Self, &'static str> {
        let agent = agent(&settings)?;
        let proxy = settings.proxy.as_ref().map(|(variable, proxy)| {
            // Never its user and password.
            format!("{}:{} from {variable}", proxy.host(), proxy.port())
        });
        // These are set on each request and not in ureq's configuration, where an invalid
        // `User-Agent` panics.
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, settings.authorization.clone()),
            (USER_AGENT, settings.user_agent.clone()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json")),
            // ureq asks for `gzip` as soon as another crate turns on its feature.
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ]);
        Ok(Self {
            agent,
            headers,
            proxy,
            settings,
        })
    }

    /// The host and, if the URL has one, the port.
    pub(crate) fn host(&self) -> &str {
        let authority = self.settings.uri.authority();
        authority.map_or("", |authority| authority.as_str())
    }

    /// The proxy's host and port, and the variable that it comes from.
    pub(crate) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// Sends a request once and reads its response, within `left` and the timeout of an attempt.
    ///
    /// # Errors
    ///
    /// Returns why there is no usable response, and the text of the operating system or of ureq,
    /// which may quote the server.
    pub(crate) fn exchange(
        &self,
        request: &Request<'_>,
        connection: Connection,
        left: Duration,
    ) -> Result<HttpResponse, (Fault, String)> {
        let time = self.settings.timeout.min(left);
        let response = if self.proxy.is_some() || request.body.len() > LARGE_BODY {
            self.exchange_on_a_thread(request, connection, time)
        } else {
            let http = self.http_request(request.method, request.body, connection, time);
            run(&self.agent, http, request.limit)
        };
        response.map_err(|error| {
            let fault = Fault::new(&error, self.settings.connect_timeout.min(time), time);
            (fault, error.to_string())
        })
    }

    /// Like [`exchange`](Self::exchange), but with a deadline that no peer can stretch.
    ///
    /// ureq restarts its timeout with every read of a proxy's reply to `CONNECT`, so a proxy that sends
    /// it byte by byte would block the caller far beyond any timeout. A write that was cut short starts
    /// again with the same timeout, so a server that stops reading a large body could double it.
    ///
    /// The thread that is abandoned at the deadline sends at most the rest of that write: ureq checks
    /// its own clock, which started with the thread, before each write.
    fn exchange_on_a_thread(
        &self,
        request: &Request<'_>,
        connection: Connection,
        time: Duration,
    ) -> Result<HttpResponse, ureq::Error> {
        let (sender, response) = mpsc::sync_channel(1);
        let agent = self.agent.clone();
        let limit = request.limit;
        let http = self.http_request(request.method, request.body.to_vec(), connection, time);
        // `thread::spawn` would panic if the system cannot start a thread.
        thread::Builder::new().spawn(move || {
            // After the deadline, nobody waits for it.
            let _ = sender.send(run(&agent, http, limit));
        })?;
        response
            .recv_timeout(time)
            .unwrap_or(Err(ureq::Error::Timeout(ureq::Timeout::Global)))
    }

    fn http_request<B: AsSendBody>(
        &self,
        method: &Method,
        body: B,
        connection: Connection,
        time: Duration,
    ) -> http::Request<B> {
        let mut request = http::Request::new(body);
        *request.method_mut() = method.clone();
        *request.uri_mut() = self.settings.uri.clone();
        *request.headers_mut() = self.headers.clone();
        // If a request has its own settings, ureq builds a new TLS configuration for each
        // connection, which cannot resume sessions. So only the exceptions have their own settings.
        if let (Connection::Any, true) = (connection, time == self.settings.timeout) {
            return request;
        }
        let config = self
            .agent
            .configure_request(request)
            .timeout_global(Some(time));
        match connection {
            Connection::Any => config,
            Connection::New => config.max_idle_age(Duration::ZERO),
        }
        .build()
    }
}

/// Configures ureq.
///
/// # Errors
///
/// Returns a message if the certificates are invalid, or there is no TLS to use them.
fn agent(settings: &Settings) -> Result<Agent, &'static str> {
    // ureq fails with an obscure error once it sends a line that does not fit in the output
    // buffer. An access key secret can be thousands of bytes long.
    let longest_line = settings
        .authorization
        .len()
        .max(settings.user_agent.len())
        .max(settings.uri.path().len());
    // ureq's error for a status loses the headers, `Retry-After` among them. Its redirects turn
    // a `PUT` into a `GET` without a body, whose 200 would look like an acknowledgement.
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(settings.timeout))
        .timeout_resolve(Some(settings.connect_timeout))
        .timeout_connect(Some(settings.connect_timeout))
        .max_response_header_size(MAX_HEADER_SIZE)
        .input_buffer_size(INPUT_BUFFER)
        .output_buffer_size(OUTPUT_BUFFER + longest_line)
        .max_idle_connections_per_host(MAX_IDLE_CONNECTIONS)
        // Always set, or ureq reads the environment itself.
        .proxy(settings.proxy.as_ref().map(|(_, proxy)| proxy.clone()));
    if settings.root_certificates.is_some() && !HAS_TLS {
        return Err("root_certificates needs the feature rustls or native-tls");
    }
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let config = tls::configure(config, settings.root_certificates.as_deref())?;
    Ok(config.build().into())
}

fn run(
    agent: &Agent,
    request: http::Request<impl AsSendBody>,
    limit: usize,
) -> Result<HttpResponse, ureq::Error> {
    HttpResponse::read(agent.run(request)?, limit)
}

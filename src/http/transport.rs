//! One HTTP exchange through ureq: bytes out; status, headers and bytes in.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ureq::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use ureq::http::{self, HeaderMap, HeaderValue, Method, Uri};
use ureq::{Agent, AsSendBody};

use super::fault::NoResponse;
use super::response::HttpResponse;
use super::tls;

const MAX_HEADER_SIZE: usize = 64 * 1024;

/// A head must fit in it; ureq's default is larger and costs memory for each connection.
const INPUT_BUFFER: usize = MAX_HEADER_SIZE + 8 * 1024;

/// Each line of a request's head must fit in it, apart from those that may be longer; over TLS a
/// connection has two of them.
const OUTPUT_BUFFER: usize = 8 * 1024;

/// As many as ureq keeps in all, since there is one host.
const MAX_IDLE_CONNECTIONS: usize = 10;

/// What a transport is made of; every value but the certificates has been checked.
pub(crate) struct Settings {
    pub(crate) uri: Uri,
    /// A loopback host never goes through a proxy.
    pub(crate) is_loopback: bool,
    pub(crate) authorization: HeaderValue,
    pub(crate) user_agent: HeaderValue,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) root_certificates: Option<Vec<u8>>,
}

/// Sends requests to one URL over connections that are kept alive.
pub(crate) struct Transport {
    agent: Agent,
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
    connect_timeout: Duration,
    has_proxy: bool,
}

/// What is sent, and how many bytes a success's body may have.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) body: &'a [u8],
    pub(crate) limit: usize,
}

/// Which connection an exchange may use.
#[derive(Clone, Copy)]
pub(crate) enum Connection {
    Any,
    /// None of those that are kept alive: each of them may have been closed by the server.
    New,
}

impl Transport {
    /// Builds a transport, or says what is wrong with the certificates.
    pub(crate) fn new(settings: Settings) -> Result<Self, &'static str> {
        let uri = settings.uri;
        // A line of the head that does not fit in the output buffer would fail late, and without a
        // clear error.
        let longest_line = settings
            .authorization
            .len()
            .max(settings.user_agent.len())
            .max(uri.path().len());
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(settings.timeout))
            .timeout_resolve(Some(settings.connect_timeout))
            .timeout_connect(Some(settings.connect_timeout))
            .max_response_header_size(MAX_HEADER_SIZE)
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER + longest_line)
            .max_idle_connections_per_host(MAX_IDLE_CONNECTIONS);
        config = tls::configure(config, settings.root_certificates.as_deref())?;
        if settings.is_loopback {
            config = config.proxy(None);
        }
        let agent: Agent = config.build().into();
        let has_proxy = agent
            .config()
            .proxy()
            .is_some_and(|proxy| !proxy.is_no_proxy(&uri));
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, settings.authorization),
            (USER_AGENT, settings.user_agent),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json")),
            (ACCEPT_ENCODING, HeaderValue::from_static("identity")),
        ]);
        Ok(Self {
            agent,
            uri,
            headers,
            timeout: settings.timeout,
            connect_timeout: settings.connect_timeout,
            has_proxy,
        })
    }

    /// The host, with its port unless that is the scheme's own.
    pub(crate) fn host(&self) -> &str {
        self.uri
            .authority()
            .map_or("", |authority| authority.as_str())
    }

    /// Sends one request, once, and reads its response, in at most `left` and the attempt's own
    /// timeout.
    pub(crate) fn exchange(
        &self,
        request: &Request<'_>,
        connection: Connection,
        left: Duration,
    ) -> Result<HttpResponse, NoResponse> {
        let time = self.timeout.min(left);
        let response = if self.has_proxy {
            self.exchange_on_a_thread(request, connection, time)
        } else {
            let http = self.http_request(request.method, request.body, connection, time);
            run(&self.agent, http, request.limit)
        };
        response.map_err(|error| NoResponse::new(error, self.connect_timeout.min(time), time))
    }

    /// ureq gives every read of a proxy's reply the whole time anew, so a proxy that drips it would
    /// never run into a timeout. The thread that is left behind when the time is over ends
    /// without a request: ureq looks at its clock again before it sends one, and that clock began with
    /// the thread.
    fn exchange_on_a_thread(
        &self,
        request: &Request<'_>,
        connection: Connection,
        time: Duration,
    ) -> Result<HttpResponse, ureq::Error> {
        let done = Arc::new((Mutex::new(None), Condvar::new()));
        let for_thread = Arc::clone(&done);
        let agent = self.agent.clone();
        let limit = request.limit;
        let http = self.http_request(request.method, request.body.to_vec(), connection, time);
        thread::Builder::new().spawn(move || {
            let response = run(&agent, http, limit);
            let (slot, changed) = &*for_thread;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
            changed.notify_one();
        })?;
        let (slot, changed) = &*done;
        let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut slot, _) = changed
            .wait_timeout_while(slot, time, |response| response.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        slot.take()
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
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        // Settings of a single request cost a new TLS configuration, so they are for the
        // exceptions.
        if let (Connection::Any, true) = (connection, time == self.timeout) {
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

fn run(
    agent: &Agent,
    request: http::Request<impl AsSendBody>,
    limit: usize,
) -> Result<HttpResponse, ureq::Error> {
    HttpResponse::read(agent.run(request)?, limit)
}

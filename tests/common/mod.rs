//! What several test files need: a server that misbehaves as told, clients for it, and child
//! processes.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

use std::error::Error as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use gong_call_access::{
    ApiError, CallAccessList, Client, ClientBuilder, Credentials, Error, Receipt, Response,
    RetryPolicy,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

pub const PATH: &str = "/v2/calls/users-access";
pub const CALL: &str = "7782342274025937895";
pub const USER: &str = "234599484848423";

/// Limits that are documented, as the tests hold them.
pub const MEBIBYTE: usize = 1024 * 1024;
pub const RECEIPT_LIMIT: usize = MEBIBYTE;
pub const LISTING_LIMIT: usize = 64 * MEBIBYTE;
pub const SERVER_TEXT_LIMIT: usize = 2048;
pub const EXTRA_REQUESTS: usize = 1000;
pub const EXTRA_REQUESTS_FOR_ONE_OF_100: usize = 14;
pub const BYTES_OF_A_PAIR: usize = 100;
pub const RETRIED_STATUSES: [u16; 14] = [
    408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526,
];
pub const LONGEST_DURATION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The three calls of the resource.
#[derive(Debug, Clone, Copy)]
pub enum Verb {
    Grant,
    Revoke,
    List,
}

pub const VERBS: [Verb; 3] = [Verb::Grant, Verb::Revoke, Verb::List];

/// Runs the same test for the three calls, side by side.
pub fn for_each_verb(test: impl Fn(Verb) + Sync) {
    thread::scope(|scope| {
        for verb in VERBS {
            thread::Builder::new()
                .name(format!("{verb:?}"))
                .spawn_scoped(scope, {
                    let test = &test;
                    move || test(verb)
                })
                .unwrap();
        }
    });
}

impl Verb {
    pub fn method(self) -> &'static str {
        match self {
            Self::Grant => "PUT",
            Self::Revoke => "DELETE",
            Self::List => "POST",
        }
    }

    /// Sends the example; of a listing only the receipt is kept.
    pub fn send(self, client: &Client) -> Result<Response, Error> {
        match self {
            Self::Grant => client.grant(&one_pair()),
            Self::Revoke => client.revoke(&one_pair()),
            Self::List => client
                .list(one_pair().calls())
                .map(|response| match response {
                    Response::Success(listing) => Response::Success(listing.receipt().clone()),
                    Response::BadRequest(error) => Response::BadRequest(error),
                    Response::Unauthorized(error) => Response::Unauthorized(error),
                    Response::RateLimited(error) => Response::RateLimited(error),
                    Response::ServerError(error) => Response::ServerError(error),
                    Response::Unexpected(error) => Response::Unexpected(error),
                    _ => panic!("a response that the tests do not know"),
                }),
        }
    }

    /// Sends the example, which must be acknowledged.
    #[track_caller]
    pub fn receipt(self, client: &Client) -> Receipt {
        self.send(client).unwrap().into_result().unwrap()
    }

    /// Sends the example, which must be refused.
    #[track_caller]
    pub fn refusal(self, client: &Client) -> ApiError {
        self.send(client).unwrap().into_result().unwrap_err()
    }

    /// Sends the example, which must fail before there is an answer.
    #[track_caller]
    pub fn failure(self, client: &Client) -> Error {
        match self.send(client) {
            Err(error @ Error::Transport(_)) => error,
            other => panic!("expected a transport error, got {other:?}"),
        }
    }
}

/// Distinctive enough to be searched for in everything that is shown.
/// With a `:` it fills whole groups of Base64, so that the secret's own Base64 is found in the
/// pair's.
pub const KEY: &str = "KEY-4f9a1c7";
pub const SECRET: &str = "SECRET-e07b5d2a";
pub const TOKEN: &str = "TOKEN-91d3b6f8";

pub fn credentials() -> Credentials {
    Credentials::access_key(KEY, SECRET).unwrap()
}

pub fn builder(base_url: &str) -> ClientBuilder {
    Client::builder(credentials()).base_url(base_url)
}

/// Four attempts, with next to no wait in between.
pub fn quick() -> RetryPolicy {
    RetryPolicy::default()
        .base_delay(Duration::from_millis(1))
        .max_delay(Duration::from_millis(4))
}

/// A client that tries again quickly, at any rate.
pub fn client(base_url: &str) -> Client {
    let builder = builder(base_url).retry(quick()).requests_per_second(None);
    builder.build().unwrap()
}

/// A client that sends each request once.
pub fn once(base_url: &str) -> Client {
    let builder = builder(base_url).retry(RetryPolicy::none());
    builder.requests_per_second(None).build().unwrap()
}

/// The example of Gong's page.
pub fn one_pair() -> CallAccessList {
    [(CALL.parse().unwrap(), USER.parse().unwrap())]
        .into_iter()
        .collect()
}

pub fn variant<T>(response: &Response<T>) -> &'static str {
    match response {
        Response::Success(_) => "Success",
        Response::BadRequest(_) => "BadRequest",
        Response::Unauthorized(_) => "Unauthorized",
        Response::RateLimited(_) => "RateLimited",
        Response::ServerError(_) => "ServerError",
        Response::Unexpected(_) => "Unexpected",
        _ => "unknown to the tests",
    }
}

pub const SHORT: Duration = Duration::from_millis(150);

pub fn impatient(url: &str) -> Client {
    let builder = builder(url).timeout(SHORT).retry(RetryPolicy::none());
    builder.requests_per_second(None).build().unwrap()
}

#[track_caller]
pub fn assert_is(error: &Error, predicates: &[&str], row: &str) {
    let found: Vec<_> = [
        ("timeout", error.is_timeout()),
        ("connect", error.is_connect()),
        ("tls", error.is_tls()),
        ("config", error.is_config()),
    ]
    .into_iter()
    .filter_map(|(name, holds)| holds.then_some(name))
    .collect();
    assert_eq!(found, predicates, "row {row}: {error}, {error:?}");
    assert_eq!(error.attempts(), 1, "row {row}");
    assert!(error.source().is_some(), "row {row}: {error}");
}

/// A port whose queue of connections is full, so that the next one waits for ever.
#[cfg(target_os = "linux")]
pub fn full_listener() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, SHORT) {
        queue.push(stream);
    }
    (socket, address, queue)
}

/// A certificate authority of the test's own.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate that is named as its issuer for a self-signed one.
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn server(&self, name: &str, last_year: i32) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        server_config(certificate.der().clone(), &key)
    }
}

pub fn server_config(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap()
}

/// A well-formed response with a length.
pub fn http(status: u16, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Status\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub fn ok() -> String {
    http(200, "", r#"{"requestId":"4al018gzaztcr8nbukw"}"#)
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    pub at: Instant,
    pub connection: usize,
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Vec<&str> {
        self.head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }
}

/// What the server does with a connection after a handler has answered.
#[derive(Clone, Copy)]
pub enum Then {
    KeepAlive,
    Close,
    Reset,
    /// Says nothing more until the client gives up or the server is dropped.
    Hang,
    /// Says over TLS that nothing more will come, and leaves the connection open.
    CloseNotify,
}

trait Stream: Read + Write {
    /// Says over TLS that nothing more will come.
    fn close_notify(&mut self) {}
}

impl Stream for TcpStream {}

impl Stream for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn close_notify(&mut self) {
        self.conn.send_close_notify();
        let _ = self.flush();
    }
}

/// One request, to be answered.
pub struct Exchange<'a> {
    /// The number of the request, over all connections, from 0.
    pub nth: usize,
    pub request: Request,
    stream: &'a mut dyn Stream,
}

impl Exchange<'_> {
    /// Returns whether the client still took it.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok() && self.stream.flush().is_ok()
    }

    /// Sends a byte at a time until the client has had enough.
    pub fn drip(&mut self, bytes: impl IntoIterator<Item = u8>, every: Duration) {
        for byte in bytes {
            if !self.send([byte]) {
                return;
            }
            thread::sleep(every);
        }
    }
}

type Handler = dyn Fn(&mut Exchange<'_>) -> Then + Send + Sync;

/// A server on a loopback socket that does what its handler says, and counts.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    handler: Box<Handler>,
    tls: Option<Arc<rustls::ServerConfig>>,
    is_stopping: AtomicBool,
    connections: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    streams: Mutex<Vec<TcpStream>>,
}

impl Server {
    pub fn start(handler: impl Fn(&mut Exchange<'_>) -> Then + Send + Sync + 'static) -> Self {
        Self::listen(None, Box::new(handler))
    }

    pub fn start_tls(
        config: rustls::ServerConfig,
        handler: impl Fn(&mut Exchange<'_>) -> Then + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Some(Arc::new(config)), Box::new(handler))
    }

    /// Sends the same bytes to every request.
    pub fn sends(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let bytes = bytes.into();
        Self::start(move |exchange| {
            exchange.send(&bytes);
            then
        })
    }

    /// Begins a response and goes on with its head for ever, a byte at a time.
    pub fn drips_head(every: Duration) -> Self {
        Self::start(move |exchange| {
            let head = "HTTP/1.1 200 OK\r\nx: ".bytes();
            exchange.drip(head.chain(std::iter::repeat(b'x')), every);
            Then::Close
        })
    }

    fn listen(tls: Option<Arc<rustls::ServerConfig>>, handler: Box<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            handler,
            tls,
            is_stopping: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            requests: Mutex::default(),
            streams: Mutex::default(),
        });
        let for_acceptor = Arc::clone(&shared);
        let acceptor = thread::spawn(move || for_acceptor.accept(&listener));
        Self {
            address,
            scheme,
            shared,
            acceptor: Some(acceptor),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests there were once those arrived that are expected: a client that gives up at
    /// once may be faster than the server's reading.
    #[track_caller]
    pub fn arrived(&self, expected: usize) -> usize {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.requests().len() < expected && Instant::now() < deadline {
            thread::yield_now();
        }
        self.requests().len()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        for stream in self.shared.streams.lock().unwrap().iter() {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.join().unwrap();
        }
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        let mut threads = Vec::new();
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let mut streams = self.streams.lock().unwrap();
            if self.is_stopping.load(Ordering::SeqCst) {
                break;
            }
            let connection = self.connections.fetch_add(1, Ordering::SeqCst);
            streams.push(stream.try_clone().unwrap());
            drop(streams);
            let shared = Arc::clone(&self);
            threads.push(thread::spawn(move || shared.serve(stream, connection)));
        }
        for thread in threads {
            thread.join().unwrap();
        }
    }

    fn serve(&self, socket: TcpStream, connection: usize) {
        socket.set_nodelay(true).unwrap();
        let mut stream: Box<dyn Stream> = match &self.tls {
            None => Box::new(socket.try_clone().unwrap()),
            Some(config) => {
                let tls = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                Box::new(rustls::StreamOwned::new(tls, socket.try_clone().unwrap()))
            }
        };
        let then = loop {
            let Ok(Some((head, body))) = read_request(&mut *stream) else {
                break Then::Close;
            };
            let request = Request {
                at: Instant::now(),
                connection,
                head,
                body,
            };
            let nth = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.len() - 1
            };
            let mut exchange = Exchange {
                nth,
                request,
                stream: &mut *stream,
            };
            match (self.handler)(&mut exchange) {
                Then::KeepAlive => {}
                then => break then,
            }
        };
        if let Then::CloseNotify = then {
            stream.close_notify();
        }
        if let Then::Hang | Then::CloseNotify = then {
            let _ = io::copy(&mut stream, &mut io::sink());
        }
        if let Then::Reset = then {
            // A socket that does not linger is reset when its last handle is closed.
            socket2::SockRef::from(&socket)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
            self.forget(&socket);
        } else {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Drops the handle that is kept for the end of the server.
    fn forget(&self, socket: &TcpStream) {
        let peer = socket.peer_addr().unwrap();
        self.streams
            .lock()
            .unwrap()
            .retain(|stream| stream.peer_addr().is_ok_and(|other| other != peer));
    }
}

fn read_request(stream: &mut dyn Stream) -> io::Result<Option<(String, String)>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16 * 1024];
    let end_of_head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            n => bytes.extend_from_slice(&chunk[..n]),
        }
    };
    let mut body = bytes.split_off(end_of_head);
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.parse().unwrap());
    while body.len() < length {
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            n => body.extend_from_slice(&chunk[..n]),
        }
    }
    Ok(Some((head, String::from_utf8(body).unwrap())))
}

const CHILD: &str = "GONG_CALL_ACCESS_TEST_CHILD";

const AMBIENT: [&str; 14] = [
    "ALL_PROXY",
    "all_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
    "GONG_ACCESS_KEY",
    "GONG_ACCESS_KEY_SECRET",
    "GONG_ACCESS_SECRET",
    "GONG_ACCESS_TOKEN",
    "GONG_BASE_URL",
    "RUST_LOG",
];

/// The program of an example, which `cargo test` has built beside the tests.
#[track_caller]
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let target = tests.parent().and_then(Path::parent).unwrap();
    let example = target.join("examples").join(name);
    assert!(
        example.exists(),
        "{} is not built: run cargo build --examples",
        example.display()
    );
    example
}

/// A command that sees no proxy and no credential of the environment.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in AMBIENT {
        command.env_remove(name);
    }
    command
}

/// Whether this process was started by [`run_in_child`].
pub fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this file again, in a process of its own with these variables in its
/// environment.
#[track_caller]
pub fn run_in_child(test: &str, variables: &[(&str, &str)]) {
    let output = command(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    print!("{stdout}");
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{test} with {variables:?}:\n{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

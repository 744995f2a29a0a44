//! A scripted server that misbehaves and counts requests.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

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

/// A server on a loopback socket that does what its handler says and counts requests.
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
    /// A handle of each connection, by its number, for the end of the server.
    streams: Mutex<Vec<(usize, TcpStream)>>,
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

    /// How many requests arrived, after waiting for the expected ones: a client that gives up at
    /// once may be faster than the server reads.
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
        for (_, stream) in self.shared.streams.lock().unwrap().iter() {
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
            streams.push((connection, stream.try_clone().unwrap()));
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
            self.forget(connection);
        } else {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// Drops the handle that is kept for the end of the server. It cannot be found by its peer, who may be
    /// gone already.
    fn forget(&self, connection: usize) {
        let mut streams = self.streams.lock().unwrap();
        streams.retain(|(number, _)| *number != connection);
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

/// A port whose queue of connections is full, so that the next one waits for ever.
#[cfg(target_os = "linux")]
pub fn full_listener() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.listen(0).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, super::SHORT) {
        queue.push(stream);
    }
    (socket, address, queue)
}

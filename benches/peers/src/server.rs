//! A small server on loopback that acknowledges every request, over plain HTTP and over TLS.
//!
//! Prints both URLs, writes the certificate of the second to the file in its argument, and serves until
//! it is killed.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use rcgen::CertifiedKey;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args().nth(1).ok_or("expected FILE")?;
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    std::fs::write(file, cert.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let tls = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)?;
    let (plain, secure) = (
        TcpListener::bind("127.0.0.1:0")?,
        TcpListener::bind("127.0.0.1:0")?,
    );
    println!(
        "http://{} https://{}",
        plain.local_addr()?,
        secure.local_addr()?
    );
    thread::spawn(move || accept(&plain, None));
    Ok(accept(&secure, Some(Arc::new(tls)))?)
}

fn accept(listener: &TcpListener, tls: Option<Arc<ServerConfig>>) -> io::Result<()> {
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let tls = tls.clone().map(ServerConnection::new);
        // A client that disconnects is not an error.
        thread::spawn(move || match tls {
            Some(Ok(tls)) => serve(StreamOwned::new(tls, stream)),
            Some(Err(error)) => Err(io::Error::other(error)),
            None => serve(stream),
        });
    }
    Ok(())
}

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    x-traceid: 4al018gzaztcr8nbukw\r\ncontent-length: 35\r\n\r\n{\"requestId\":\"4al018gzaztcr8nbukw\"}";

fn serve(mut stream: impl Read + Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let request = loop {
            match request_length(&bytes) {
                Some(length) if bytes.len() >= length => break length,
                _ => match stream.read(&mut chunk)? {
                    0 => return Ok(()),
                    n => bytes.extend_from_slice(&chunk[..n]),
                },
            }
        };
        bytes.drain(..request);
        stream.write_all(RESPONSE)?;
        stream.flush()?;
    }
}

/// Returns the length of head and body, once the head is complete.
fn request_length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&bytes[..head])
        .ok()?
        .to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    Some(head + 4 + length.map_or(Some(0), |length| length.trim().parse().ok())?)
}

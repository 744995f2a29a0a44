//! A light server on loopback that acknowledges every request; it prints its URL and serves until it is killed.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("http://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // A client that goes away ends its connection, and nothing else.
        std::thread::spawn(move || serve(stream));
    }
    Ok(())
}

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
    x-traceid: 4al018gzaztcr8nbukw\r\ncontent-length: 35\r\n\r\n{\"requestId\":\"4al018gzaztcr8nbukw\"}";

fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
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
    }
}

/// The length of head and body, once the head is there.
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

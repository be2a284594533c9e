//! A proxy between us and AWS that fails: throttles, errors of the server, resets, delays, half answers, answers that are lost.
//!
//! In: a port and a seed. Out: another port. Always: what it does follows from the seed and the order of calls; one call for each connection.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A proxy; it ends with the process.
pub struct Proxy {
    pub port: u16,
    faults: Arc<AtomicU64>,
}

impl Proxy {
    /// Listens on loopback.
    pub fn start(behind: u16, seed: u64) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let faults = Arc::new(AtomicU64::new(0));
        let (count, chance) =
            (faults.clone(), Arc::new(AtomicU64::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (count, chance) = (count.clone(), chance.clone());
                std::thread::spawn(move || {
                    let step = |old: u64| {
                        Some(
                            old.wrapping_mul(6_364_136_223_846_793_005)
                                .wrapping_add(1_442_695_040_888_963_407),
                        )
                    };
                    let old = chance.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(0);
                    let _ = pass(stream, behind, (old >> 40) % 40, &count);
                });
            }
        });
        Ok(Self { port, faults })
    }

    /// How often it failed.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }
}

const THROTTLED: &str = "<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>";
const PAGE: &str = "<!doctype html><html><title>502 Bad Gateway</title><h1>Bad Gateway</h1></html>";

fn pass(mut stream: TcpStream, behind: u16, roll: u64, count: &AtomicU64) -> std::io::Result<()> {
    let request = message(&mut stream)?;
    if roll < 6 {
        count.fetch_add(1, Ordering::Relaxed);
    }
    match roll {
        0 => return answer(&mut stream, "400 Bad Request", THROTTLED),
        1 => return answer(&mut stream, "502 Bad Gateway", PAGE),
        // Reset before anything was done.
        2 => return Ok(()),
        3 => std::thread::sleep(Duration::from_millis(300)),
        _ => {}
    }
    let mut server = TcpStream::connect(("127.0.0.1", behind))?;
    server.write_all(&closing(&request))?;
    let mut reply = Vec::new();
    server.read_to_end(&mut reply)?;
    match roll {
        // It was done, and nobody hears of it.
        4 => Ok(()),
        5 => stream.write_all(reply.get(..reply.len() / 2).unwrap_or_default()),
        _ => stream.write_all(&reply),
    }
}

fn answer(stream: &mut TcpStream, status: &str, body: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A whole request: its head, and as many bytes as it says.
fn message(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut part = [0_u8; 65_536];
    loop {
        let end = out.windows(4).position(|it| it == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(out.get(..end).unwrap_or_default()).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            if out.len() >= end + 4 + length.unwrap_or(0) {
                return Ok(out);
            }
        }
        match stream.read(&mut part)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => out.extend_from_slice(part.get(..read).unwrap_or_default()),
        }
    }
}

/// The request with `connection: close`, so that the server's answer ends.
fn closing(request: &[u8]) -> Vec<u8> {
    let line = request.windows(2).position(|it| it == b"\r\n").unwrap_or(0);
    let (first, rest) = request.split_at(line);
    [first, b"\r\nconnection: close", rest].concat()
}

/// Asks a server on loopback for a page.
pub fn get(port: u16, path: &str) -> Result<String, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    write!(stream, "GET {path} HTTP/1.0\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or_else(|| "no answer".to_owned())
}

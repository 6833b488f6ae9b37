//! The API behind a front: remembers what reached it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

/// A request as it arrived.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// Method and target of the request line.
    pub(super) line: String,
    /// Header fields in their order, names in lower case.
    fields: Vec<(String, String)>,
    /// The body.
    pub(super) body: Vec<u8>,
}

impl Seen {
    /// All values of a field.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// Without values: they may be tokens.
impl std::fmt::Debug for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} with", self.line)?;
        self.fields.iter().try_for_each(|(name, _)| write!(formatter, " {name}"))
    }
}

/// A listener on loopback; ends with the process.
pub(super) struct Upstream {
    /// Where it listens.
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// Starts it.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let all = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                // A front that breaks a connection off has sent no request.
                std::thread::spawn(move || exchange(&stream, &all));
            }
        });
        Ok(Self { address, seen })
    }

    /// What arrived since the last call.
    pub(super) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// With a nonce of its own, which belongs to nobody who calls the gateway.
const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDPoP-Nonce: of-the-api\r\nConnection: close\r\n\r\nhello";

/// Reads one request, remembers it and only then answers: whoever has the answer finds it.
fn exchange(mut stream: &TcpStream, all: &Mutex<Vec<Seen>>) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut lines = lines.into_iter();
    let Some(line) = lines.next() else { return Ok(()) };
    let line = line.rsplit_once(' ').context("request line")?.0.to_owned();
    let mut seen = Seen { line, ..Seen::default() };
    for line in lines {
        let (name, value) = line.split_once(':').context("header field")?;
        seen.fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    seen.body = body(&seen, &mut reader)?;
    all.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    Ok(stream.write_all(ANSWER.as_bytes())?)
}

fn body(seen: &Seen, reader: &mut BufReader<&TcpStream>) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    if seen.values("transfer-encoding") == ["chunked"] {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16)?;
            reader.by_ref().take(size).read_to_end(&mut body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = seen.values("content-length").first().map_or(Ok(0), |length| length.parse())?;
    reader.take(length).read_to_end(&mut body)?;
    Ok(body)
}

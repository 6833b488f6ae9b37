//! HTTP/2 frames as bytes (RFC 9113 §4, RFC 7541): for what no client would send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

pub fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", settings().as_slice()].concat()
}

pub fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[])
}

pub fn data(flags: u8, bytes: &[u8]) -> Vec<u8> {
    frame(DATA, flags, 1, bytes)
}

pub fn continuation(bytes: &[u8]) -> Vec<u8> {
    frame(CONTINUATION, 0, 1, bytes)
}

/// A HEADERS frame on stream 1 with literal fields.
pub fn headers(flags: u8, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            push_length(&mut block, text.len());
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(HEADERS, flags, 1, &block)
}

/// An integer with a prefix of seven bits (RFC 7541 §5.1).
fn push_length(block: &mut Vec<u8>, length: usize) {
    if length < 127 {
        return block.push(length as u8);
    }
    block.push(127);
    let mut rest = length - 127;
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}

/// What became of stream 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Status(u16),
    Reset,
    Closed,
}

/// Sends bytes behind the preface and waits for the end of stream 1 or of the connection.
pub async fn outcome_of(mut stream: TlsStream<TcpStream>, bytes: &[u8]) -> Outcome {
    let sent = [preface().as_slice(), bytes].concat();
    // The other side may have had enough before everything was sent.
    let _ = stream.write_all(&sent).await;
    let reading = read_outcome(&mut stream);
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an outcome in time")
}

async fn read_outcome(stream: &mut TlsStream<TcpStream>) -> Outcome {
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).await.is_err() {
            return Outcome::Closed;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        if stream.read_exact(&mut payload).await.is_err() {
            return Outcome::Closed;
        }
        match (head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]])) {
            (HEADERS, 1) => return Outcome::Status(status(&payload)),
            (RST_STREAM, 1) => return Outcome::Reset,
            (GOAWAY, _) => return Outcome::Closed,
            _ => {}
        }
    }
}

/// `:status`, which comes first: an entry of the static table, or a literal with digits, in Huffman code or plain.
fn status(block: &[u8]) -> u16 {
    let block = match block[0] {
        update if update & 0xe0 == 0x20 => &block[1..],
        _ => block,
    };
    if let Some(position) = block[0].checked_sub(0x88).filter(|position| *position < 7) {
        return [200, 204, 206, 304, 400, 404, 500][usize::from(position)];
    }
    assert!([0x48, 0x08, 0x18].contains(&block[0]), "{:x?}", &block[..4]);
    let length = usize::from(block[1] & 0x7f);
    let text = &block[2..2 + length];
    if block[1] & 0x80 == 0 {
        return std::str::from_utf8(text).unwrap().parse().unwrap();
    }
    let mut bits = text.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
    let mut take = |count: u8| (0..count).fold(0, |value, _| value << 1 | bits.next().unwrap());
    (0..3).fold(0, |status, _| {
        let digit = match take(5) {
            short @ 0..=2 => short,
            long => (long << 1 | take(1)) - 22,
        };
        status * 10 + digit
    })
}

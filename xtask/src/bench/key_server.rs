//! The issuer's public key over HTTP, for gateways that start.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Result;
use serde_json::Value;

/// Serves `keys` at any path for as long as the process lives.
pub(crate) fn start(keys: &Value) -> Result<SocketAddr> {
    let body = keys.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A gateway that goes away meanwhile needs no keys.
            drop(answer_one(connection, &answer));
        }
    });
    Ok(address)
}

fn answer_one(mut connection: TcpStream, answer: &str) -> std::io::Result<()> {
    let mut head: Vec<u8> = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = connection.read(&mut piece)?;
        if count == 0 {
            return Ok(());
        }
        head.extend(piece.iter().take(count));
    }
    connection.write_all(answer.as_bytes())
}

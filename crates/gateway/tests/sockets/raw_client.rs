//! A client that sends bytes as given and reads one answer after the other.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

// The rows of hostile requests have it too, and are used from other crates.
#[path = "../hostile/rows/answer.rs"]
mod answer;

pub use answer::{Answer, seen_header};

/// A connection.
pub struct RawClient {
    pub stream: TcpStream,
    pub unread: Vec<u8>,
}

impl RawClient {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may have closed already: then the answer, or its absence, tells.
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// One more read; false at the end of the stream.
    pub async fn read_some(&mut self) -> bool {
        let mut buffer = [0; 8192];
        let wait = std::time::Duration::from_secs(20);
        let read =
            tokio::time::timeout(wait, self.stream.read(&mut buffer)).await.expect("an answer in time");
        match read {
            Ok(count) if count > 0 => {
                self.unread.extend_from_slice(&buffer[..count]);
                true
            }
            _ => false,
        }
    }

    /// Reads until a text appears, and takes everything up to its end.
    pub async fn read_until(&mut self, text: &str) -> Option<Vec<u8>> {
        loop {
            let found = self.unread.windows(text.len()).position(|window| window == text.as_bytes());
            if let Some(position) = found {
                return Some(self.unread.drain(..position + text.len()).collect());
            }
            if !self.read_some().await {
                return None;
            }
        }
    }

    async fn read_exact(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.read_some().await, "the connection ended within a body");
        }
        self.unread.drain(..count).collect()
    }

    /// The head of an answer, `None` if the connection ended without one.
    pub async fn read_head(&mut self) -> Option<Answer> {
        let head = String::from_utf8(self.read_until("\r\n\r\n").await?).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Answer { status, headers, body: Vec::new() })
    }

    /// A whole answer, `None` if the connection ended without one. Interim answers are skipped.
    pub async fn read_answer(&mut self) -> Option<Answer> {
        let mut answer = self.read_head().await?;
        while answer.status == 100 {
            answer = self.read_head().await?;
        }
        if answer.header("transfer-encoding").is_some() {
            loop {
                let line = self.read_until("\r\n").await?;
                let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
                let piece = self.read_exact(size + 2).await;
                if size == 0 {
                    break;
                }
                answer.body.extend_from_slice(&piece[..size]);
            }
        } else if let Some(length) = answer.header("content-length") {
            answer.body = self.read_exact(length.parse().unwrap()).await;
        } else if answer.status >= 200 && answer.status != 204 && answer.status != 304 {
            while self.read_some().await {}
            answer.body = std::mem::take(&mut self.unread);
        }
        Some(answer)
    }
}

/// Sends a request on a connection of its own and reads the answer.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> Option<Answer> {
    let mut client = RawClient::connect(address).await;
    client.send(request).await;
    client.read_answer().await
}

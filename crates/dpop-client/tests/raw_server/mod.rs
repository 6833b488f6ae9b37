//! A server that answers with bytes as they are given, and keeps what it got.

#![allow(dead_code, reason = "each test program uses a part")]

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

pub(crate) struct RawServer {
    address: std::net::SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    /// Answers each request with the next of `answers`, on as many connections as it takes. After the last one, and
    /// after one that is cut short, connections stay open and silent.
    pub(crate) async fn answering<A: Into<Vec<u8>>>(answers: impl IntoIterator<Item = A>) -> Self {
        Self::on(std::net::TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    /// As [`RawServer::answering`], on a socket that listens already.
    pub(crate) fn on<A: Into<Vec<u8>>>(
        listener: std::net::TcpListener,
        answers: impl IntoIterator<Item = A>,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let answers: Arc<Mutex<std::collections::VecDeque<Vec<u8>>>> =
            Arc::new(Mutex::new(answers.into_iter().map(Into::into).collect()));
        let kept = received.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, kept.clone(), answers.clone()));
            }
        });
        Self { address, received }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    received: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<std::collections::VecDeque<Vec<u8>>>>,
) {
    while let Some(request) = read_request(&mut stream).await {
        received.lock().unwrap().push(request);
        let answer = answers.lock().unwrap().pop_front();
        match answer {
            // The client may have gone away: that is what some tests want.
            Some(answer) => drop(stream.write_all(&answer).await),
            None => std::future::pending().await,
        }
    }
}

/// One request with the body that its `content-length` tells.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        bytes.extend_from_slice(&piece[..length]);
    }
}

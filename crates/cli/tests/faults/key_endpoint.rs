//! A key endpoint with faults.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What the endpoint does with a call.
#[derive(Debug, Clone)]
pub enum KeyAnswer {
    /// Answers with these keys.
    Keys(Vec<Value>),
    /// Answers with these keys and this status.
    Status(&'static str, Vec<Value>),
    /// An HTML page, with status 200.
    Html,
    /// These keys, followed by 50 MB of another member; whether the length is announced.
    Huge(Vec<Value>, bool),
    /// Half of the keys.
    Half(Vec<Value>),
    /// Resets the connection.
    Reset,
    /// Never answers.
    Silence,
    /// The head, then a byte now and then.
    Drip,
}

/// An endpoint whose answer can be changed.
pub struct KeyEndpoint {
    pub address: SocketAddr,
    answer: Arc<Mutex<KeyAnswer>>,
    asked: Arc<AtomicUsize>,
    accepting: Option<JoinHandle<()>>,
}

impl KeyEndpoint {
    pub async fn start(answer: KeyAnswer) -> Self {
        let mut endpoint = Self {
            address: ([127, 0, 0, 1], 0).into(),
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
            accepting: None,
        };
        endpoint.come_up().await;
        endpoint
    }

    /// Listens, at the address it had before.
    pub async fn come_up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let (answer, asked) = (Arc::clone(&self.answer), Arc::clone(&self.asked));
        self.accepting = Some(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answer.lock().unwrap().clone();
                tokio::spawn(play(stream, answer, Arc::clone(&asked)));
            }
        }));
    }

    /// Refuses connections from now on.
    pub async fn go_down(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            let _ = accepting.await;
        }
    }

    /// Answers like this from now on.
    pub fn answers(&self, answer: KeyAnswer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How many calls arrived.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn play(mut stream: TcpStream, answer: KeyAnswer, asked: Arc<AtomicUsize>) {
    let _ = stream.read(&mut [0; 4096]).await;
    asked.fetch_add(1, Ordering::SeqCst);
    let (status, text) = match answer {
        KeyAnswer::Keys(keys) => ("200 OK", set(&keys)),
        KeyAnswer::Status(status, keys) => (status, set(&keys)),
        KeyAnswer::Html => {
            return send(&mut stream, "200 OK", "text/html", "<html>We are sorry</html>").await;
        }
        KeyAnswer::Half(keys) => {
            let text = set(&keys);
            let _ = stream.write_all(head("200 OK", "application/json", Some(text.len())).as_bytes()).await;
            let _ = stream.write_all(&text.as_bytes()[..text.len() / 2]).await;
            return;
        }
        KeyAnswer::Huge(keys, announced) => return send_huge(&mut stream, &keys, announced).await,
        KeyAnswer::Reset => {
            // Unsent bytes are thrown away with the connection, which the peer is told by RST.
            stream.set_zero_linger().unwrap();
            return;
        }
        KeyAnswer::Silence => {
            let _ = stream.read(&mut [0; 4096]).await;
            return;
        }
        KeyAnswer::Drip => {
            let _ = stream.write_all(head("200 OK", "application/json", Some(1000)).as_bytes()).await;
            while stream.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            return;
        }
    };
    send(&mut stream, status, "application/json", &text).await;
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn head(status: &str, content_type: &str, length: Option<usize>) -> String {
    let length = length.map(|length| format!("content-length: {length}\r\n")).unwrap_or_default();
    format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nconnection: close\r\n{length}\r\n")
}

async fn send(stream: &mut TcpStream, status: &str, content_type: &str, text: &str) {
    let answer = head(status, content_type, Some(text.len())) + text;
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn send_huge(stream: &mut TcpStream, keys: &[Value], announced: bool) {
    const REST: usize = 50 << 20;
    let set = set(keys);
    let begin = set.strip_suffix('}').unwrap().to_owned() + ",\"rest\":\"";
    let length = announced.then_some(begin.len() + REST + 2);
    let _ = stream.write_all((head("200 OK", "application/json", length) + &begin).as_bytes()).await;
    for _ in 0..REST / 65_536 {
        if stream.write_all(&[b'x'; 65_536]).await.is_err() {
            return;
        }
    }
    let _ = stream.write_all(b"\"}").await;
}

//! [`Canned`]: a server that answers as it was told, and remembers what it was asked.

use std::sync::Arc;
use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What a server does with each request.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Answers with a status and a body.
    Answers(u16, Vec<u8>),
    /// Reads it and says nothing.
    Silent,
    /// Begins an answer and never ends it.
    Drips,
    /// Hangs up.
    HangsUp,
}

/// A server on a free port.
pub(crate) struct Canned {
    /// Its address.
    pub(crate) address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// Starts one.
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let (manner, heard) = (manner.clone(), Arc::clone(&heard));
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut part = [0; 4_096];
                    while !is_whole(&request) {
                        match socket.read(&mut part).await {
                            Ok(length) if length > 0 => request.extend(&part[..length]),
                            _ => return,
                        }
                    }
                    heard.lock().unwrap().push(String::from_utf8(request).unwrap());
                    let head = |status: u16, length: usize| {
                        format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
                    };
                    match manner {
                        Manner::Answers(status, body) => {
                            let _ = socket.write_all(head(status, body.len()).as_bytes()).await;
                            let _ = socket.write_all(&body).await;
                            let _ = socket.shutdown().await;
                        }
                        Manner::Drips => {
                            let _ = socket.write_all(head(200, 100).as_bytes()).await;
                            std::future::pending::<()>().await;
                        }
                        Manner::Silent => std::future::pending().await,
                        Manner::HangsUp => {}
                    }
                });
            }
        });
        Self { address, asked }
    }

    /// The requests so far, whole.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Whether a request is there with all of its body.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}

//! A loopback server that stands for STS or for the metadata service of ECS.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// One request: its first line, and its body.
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: String,
}

pub(crate) struct Issuer {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Issuer {
    /// `answer` gives the body of each reply.
    pub(crate) fn new(answer: impl Fn(&Asked) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let book = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let body = answer(&request);
                book.lock().unwrap().push(request);
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = (&stream).write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { url, asked }
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.line.clone()).collect()
    }

    pub(crate) fn bodies(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|asked| asked.body.clone()).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (mut length, mut header) = (0, String::new());
    while reader.read_line(&mut header).ok()? > 2 {
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line, body: String::from_utf8(body).ok()? })
}

/// The JSON of temporary credentials, as both services write it.
pub(crate) fn keys(id: &str, secret: &str, token: &str) -> String {
    format!(
        r#"{{"AccessKeyId": "{id}", "AccessKeySecret": "{secret}", "SecurityToken": "{token}",
        "Expiration": "2099-01-01T00:00:00Z", "Code": "Success"}}"#
    )
}

//! The sink as a process of its own, seen from the program that started it.

use super::Far;
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What the sink is to know, and how it is to speak.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProcessOptions {
    pub(crate) file: Option<PathBuf>,
    pub(crate) zeros: Option<u64>,
    pub(crate) part_size: Option<u64>,
    pub(crate) check: bool,
    /// The file its certificate goes to.
    pub(crate) tls: Option<PathBuf>,
    pub(crate) hold_after: Option<u64>,
    pub(crate) keep_held: bool,
    pub(crate) far: Far,
}

/// A running sink; ended with this value.
#[derive(Debug)]
pub(crate) struct Process {
    process: Child,
    pub(crate) port: u16,
    /// Its certificate, where it speaks TLS.
    pub(crate) tls: Option<PathBuf>,
}

impl Process {
    pub(crate) fn start(me: &Path, options: &ProcessOptions) -> io::Result<Self> {
        let mut command = Command::new(me);
        command.arg("sink").stdout(Stdio::piped());
        if let Some(file) = &options.file {
            command.arg("--file").arg(file);
        }
        if let Some(path) = &options.tls {
            command.arg("--tls").arg(path);
        }
        let numbers = [
            ("--zeros", options.zeros),
            ("--part-size", options.part_size),
            ("--hold-after", options.hold_after),
            ("--connection-bandwidth", options.far.connection_bandwidth),
            ("--bandwidth", options.far.bandwidth),
            ("--latency", Some(options.far.latency)),
        ];
        for (name, value) in numbers {
            command.args(value.map(|value| [name.to_owned(), value.to_string()]).into_iter().flatten());
        }
        command.args(options.check.then_some("--check"));
        command.args(options.keep_held.then_some("--keep-held"));
        let mut process = command.spawn()?;
        let mut line = String::new();
        let said = BufReader::new(process.stdout.take().expect("piped above")).read_line(&mut line);
        // Made before anything can fail, so that the process is ended in any case.
        let mut sink = Self { process, port: 0, tls: options.tls.clone() };
        said?;
        sink.port = line.trim().parse().map_err(io::Error::other)?;
        Ok(sink)
    }

    pub(crate) fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// What was asked of it so far.
    pub(crate) fn ledger(&self) -> io::Result<Value> {
        Ok(serde_json::from_str(&self.ask("GET")?)?)
    }

    /// Answers the parts it holds, and all later ones.
    pub(crate) fn release(&self) -> io::Result<()> {
        self.ask("POST").map(drop)
    }

    fn ask(&self, method: &str) -> io::Result<String> {
        if self.tls.is_some() {
            return Err(io::Error::other("a sink that speaks TLS is not asked"));
        }
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(socket, "{method} /-/ledger HTTP/1.1\r\nHost: sink\r\n\r\n")?;
        let mut reader = BufReader::new(socket);
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        String::from_utf8(body).map_err(io::Error::other)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It keeps nothing: it has ended already, or is ended here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

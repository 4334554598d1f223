//! One connection: head, body, reply, again.

use super::Shared;
use super::answer::{self, Asked};
use super::chunked::Chunked;
use super::pace::Way;
use oss_proto::{Crc64, Crc64Hasher};
use rustix::net::{RecvFlags, recv};
use rustls::{ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// Longest head of a request.
const MAX_HEAD: usize = 64 * 1024;
/// Bytes discarded at once.
const GULP: usize = 1024 * 1024;

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    /// Reads up to `buffer.len()` bytes without looking at them.
    fn discard(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            // The kernel drops them without a copy.
            Self::Plain(socket) => Ok(recv(socket, buffer, RecvFlags::TRUNC).map(|(_, len)| len)?),
            Self::Tls(stream) => stream.read(buffer),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }
}

pub(super) struct Connection {
    stream: Stream,
    shared: Arc<Shared>,
    /// Read, and not yet used.
    ahead: Vec<u8>,
    buffer: Vec<u8>,
    way: Way,
}

impl Connection {
    pub(super) fn new(stream: Stream, shared: Arc<Shared>) -> Self {
        let way = Way::new(shared.far, Arc::clone(&shared.pace));
        Self { stream, shared, ahead: Vec::new(), buffer: vec![0; GULP], way }
    }

    pub(super) fn serve(mut self) {
        self.shared.ledger.opened();
        self.shared.far.round_trip();
        while let Ok(true) = self.exchange() {}
        self.shared.ledger.closed();
    }

    /// One request and its reply; `false` at the end of the connection.
    fn exchange(&mut self) -> io::Result<bool> {
        let Some(head) = self.read_head()? else { return Ok(false) };
        let mut asked = Asked::parse(&head).ok_or(io::ErrorKind::InvalidData)?;
        if asked.expects_continue {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if asked.part_number.is_some() {
            self.shared.ledger.part_begins();
        }
        let crc64 = if asked.chunked { self.read_chunks(&mut asked)? } else { self.read_body(&asked)? };
        let reply = answer::answer(&self.shared, &asked, crc64);
        self.shared.far.round_trip();
        self.stream.write_all(&reply)?;
        if asked.part_number.is_some() {
            self.shared.ledger.part_answered();
        }
        Ok(true)
    }

    fn read_head(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = self.ahead.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = self.ahead.drain(..end + 4).collect();
                return String::from_utf8(head).map(Some).map_err(io::Error::other);
            }
            if self.ahead.len() > MAX_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            // Little beyond the head, so that the body can be discarded where it is.
            let read = self.stream.read(&mut self.buffer[..8 * 1024])?;
            if read == 0 {
                return Ok(None);
            }
            self.ahead.extend_from_slice(&self.buffer[..read]);
        }
    }

    /// Takes the body; its CRC-64 where it must be looked at: it is checked, or small and not known beforehand.
    fn read_body(&mut self, asked: &Asked) -> io::Result<Option<Crc64>> {
        let looks = self.looks(asked);
        let mut hasher = looks.then(Crc64Hasher::new);
        let mut left = asked.length;
        let ahead = self.ahead.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let first: Vec<u8> = self.ahead.drain(..ahead).collect();
        left -= first.len() as u64;
        if let Some(hasher) = &mut hasher {
            hasher.update(&first);
        }
        while left > 0 {
            let gulp = self.way.gulp(GULP);
            let most = usize::try_from(left).map_or(gulp, |left| left.min(gulp));
            let buffer = &mut self.buffer[..most];
            let read = if looks { self.stream.read(buffer)? } else { self.stream.discard(buffer)? };
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(hasher) = &mut hasher {
                hasher.update(&self.buffer[..read]);
            }
            left -= read as u64;
            self.passed(read);
        }
        Ok(hasher.map(|hasher| hasher.finish()))
    }

    /// As [`Self::read_body`], where the length is told chunk by chunk.
    fn read_chunks(&mut self, asked: &mut Asked) -> io::Result<Option<Crc64>> {
        let mut hasher = self.looks(asked).then(Crc64Hasher::new);
        let mut chunked = Chunked::default();
        let mut hash = |bytes: &[u8]| {
            if let Some(hasher) = &mut hasher {
                hasher.update(bytes);
            }
        };
        let used = chunked.decode(&self.ahead, &mut hash)?;
        self.ahead.drain(..used);
        while !chunked.is_whole() {
            let gulp = self.way.gulp(GULP);
            let read = self.stream.read(&mut self.buffer[..gulp])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let used = chunked.decode(&self.buffer[..read], &mut hash)?;
            self.ahead.extend_from_slice(&self.buffer[used..read]);
            self.passed(read);
        }
        asked.length = chunked.length;
        Ok(hasher.map(|hasher| hasher.finish()))
    }

    fn looks(&self, asked: &Asked) -> bool {
        self.shared.check || asked.part_number.is_none()
    }

    fn passed(&mut self, read: usize) {
        self.way.pass(read);
        if self.shared.far.is_far() {
            self.shared.ledger.received(read as u64);
        }
    }
}

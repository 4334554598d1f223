//! A body of chunks (RFC 9112, 7.1), for clients that do not say its length.

use std::io;

/// Longest line between chunks.
const MAX_LINE: usize = 1024;

/// Decodes as bytes come.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    step: Step,
    line: Vec<u8>,
    /// Bytes of all chunks so far.
    pub(super) length: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Step {
    #[default]
    Size,
    /// So many more bytes of this chunk.
    Bytes(u64),
    /// The line's end after a chunk.
    End,
    Trailer,
    Done,
}

impl Chunked {
    /// Hands on what of `bytes` belongs to the body; returns how many belong to its chunks.
    pub(super) fn decode(&mut self, bytes: &[u8], mut body: impl FnMut(&[u8])) -> io::Result<usize> {
        let mut used = 0;
        while used < bytes.len() && !self.is_whole() {
            if let Step::Bytes(left) = self.step {
                let len = usize::try_from(left).map_or(bytes.len() - used, |left| left.min(bytes.len() - used));
                body(&bytes[used..used + len]);
                used += len;
                self.length += len as u64;
                self.step = if left == len as u64 { Step::End } else { Step::Bytes(left - len as u64) };
                continue;
            }
            self.line.push(bytes[used]);
            used += 1;
            if self.line.ends_with(b"\r\n") {
                self.step = self.after_line()?;
                self.line.clear();
            } else if self.line.len() > MAX_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        Ok(used)
    }

    pub(super) fn is_whole(&self) -> bool {
        self.step == Step::Done
    }

    fn after_line(&self) -> io::Result<Step> {
        let line = &self.line[..self.line.len() - 2];
        match self.step {
            Step::Size => {
                let size = std::str::from_utf8(line).ok().and_then(|line| line.split(';').next());
                match size.and_then(|size| u64::from_str_radix(size.trim(), 16).ok()) {
                    Some(0) => Ok(Step::Trailer),
                    Some(size) => Ok(Step::Bytes(size)),
                    None => Err(io::ErrorKind::InvalidData.into()),
                }
            }
            Step::End if line.is_empty() => Ok(Step::Size),
            Step::End => Err(io::ErrorKind::InvalidData.into()),
            _ if line.is_empty() => Ok(Step::Done),
            step => Ok(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Chunked;

    const SENT: &[u8] = b"5;note=1\r\nhello\r\nA\r\n, chunks!!\r\n0\r\nTrailer: x\r\n\r\nGET /";

    #[test]
    fn chunks_are_one_body_wherever_the_bytes_are_cut() {
        for cut in 0..SENT.len() {
            let (mut chunked, mut body) = (Chunked::default(), Vec::new());
            let mut used = chunked.decode(&SENT[..cut], |bytes| body.extend_from_slice(bytes)).expect("chunks");
            used += chunked.decode(&SENT[used..], |bytes| body.extend_from_slice(bytes)).expect("chunks");
            assert!(chunked.is_whole());
            assert_eq!((&body[..], chunked.length, &SENT[used..]), (&b"hello, chunks!!"[..], 15, &b"GET /"[..]));
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for sent in [&b"hello\r\n"[..], b"2\r\nabc\r\n"] {
            assert!(Chunked::default().decode(sent, |_| ()).is_err());
        }
    }
}

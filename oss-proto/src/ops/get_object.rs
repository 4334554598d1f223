use super::ObjectHead;
use crate::fields::HeaderFields;
use crate::{Bucket, Key, Operation, Reply, ReplyError, Request};
use http::{Method, StatusCode};
use std::ops::RangeInclusive;

/// Reads an object or a range of it: `GET /KEY`. The body is streamed after [`parse`](Operation::parse) accepts the head.
///
/// A range is sent with `x-oss-range-behavior: standard`, and the reply must be a 206 whose Content-Range is exactly
/// the range asked for: everything else is [`ReplyError::Malformed`], because the service's default answer to a range
/// it does not like is the whole object. So ask within the object's size; past its end OSS says `InvalidRange`.
#[derive(Debug, Clone)]
pub struct GetObject {
    /// Where from.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// First and last byte, both included.
    pub range: Option<RangeInclusive<u64>>,
    /// A version other than the current one.
    pub version_id: Option<String>,
}

impl Operation for GetObject {
    type Output = ObjectHead;
    const NAME: &'static str = "GetObject";
    const MOVES_DATA: bool = true;

    fn request(&self) -> Request {
        let request =
            Request::new(Method::GET, &self.bucket, Some(&self.key)).optional("versionId", self.version_id.as_deref());
        match &self.range {
            Some(range) => request
                .header("range", &format!("bytes={}-{}", range.start(), range.end()))
                .header("x-oss-range-behavior", "standard"),
            None => request,
        }
    }

    fn parse(&self, reply: &Reply) -> Result<ObjectHead, ReplyError> {
        match &self.range {
            None => {
                reply.accept(Self::NAME, StatusCode::OK)?;
                reply.read_headers(Self::NAME, |headers| {
                    let size = headers.number("content-length")?.ok_or("the header content-length is missing")?;
                    ObjectHead::read(headers, size)
                })
            }
            Some(range) => {
                reply.accept(Self::NAME, StatusCode::PARTIAL_CONTENT)?;
                reply.read_headers(Self::NAME, |headers| ObjectHead::read(headers, check_range(headers, range)?))
            }
        }
    }
}

/// The reply is the range that was asked for; gives the size of the whole object.
fn check_range(headers: &HeaderFields<'_>, range: &RangeInclusive<u64>) -> Result<u64, String> {
    let came = headers.text("content-range")?.ok_or("the header content-range is missing")?;
    let asked = format!("bytes {}-{}/", range.start(), range.end());
    let size = came.strip_prefix(&asked).filter(|size| size.bytes().all(|b| b.is_ascii_digit()));
    let size = size.and_then(|size| size.parse().ok()).filter(|size| !range.is_empty() && range.end() < size);
    let size = size.ok_or_else(|| format!("the header content-range is {came:?}, {asked:?} and the size was due"))?;
    let length = range.end() - range.start() + 1;
    match headers.number("content-length")? {
        Some(other) if other != length => Err(format!("the header content-length is {other} for {length} bytes")),
        _ => Ok(size),
    }
}

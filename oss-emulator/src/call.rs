//! One request, understood: operation, names, parameters.

use crate::refusal::Refusal;
use crate::{Fault, Operation};
use http::{HeaderMap, Method};

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, Option<String>)>,
    pub(crate) headers: HeaderMap,
    pub(crate) authority: String,
    /// The request is signed, and truly.
    pub(crate) signed: bool,
    /// Falsifies the checksums of the reply.
    pub(crate) fault: Option<Fault>,
}

impl Call {
    /// The bucket of an operation that has one.
    pub(crate) fn bucket(&self) -> &str {
        self.bucket.as_deref().unwrap_or_default()
    }

    /// The key of an operation that has one.
    pub(crate) fn key(&self) -> &str {
        self.key.as_deref().unwrap_or_default()
    }

    /// A query parameter's value; a bare name and an empty one are none.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let pair = self.query.iter().find(|(n, _)| n == name)?;
        pair.1.as_deref().filter(|value| !value.is_empty())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.headers.get(name)?.as_bytes()).ok().map(str::trim)
    }

    pub(crate) fn upload_id(&self) -> Option<&str> {
        self.parameter("uploadId")
    }

    pub(crate) fn part_number(&self) -> Option<u32> {
        self.parameter("partNumber")?.parse().ok()
    }

    /// A number parameter within `range`, else `default` when it is not there.
    pub(crate) fn number(
        &self,
        name: &'static str,
        range: std::ops::RangeInclusive<u32>,
        default: u32,
    ) -> Result<u32, Refusal> {
        let Some(text) = self.parameter(name) else { return Ok(default) };
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| {
            let message = format!("Argument {name} must be an integer between {} and {}.", range.start(), range.end());
            Refusal::argument(name, text, message)
        })
    }

    /// `x-oss-forbid-overwrite: true`
    pub(crate) fn forbids_overwrite(&self) -> bool {
        self.header("x-oss-forbid-overwrite").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// `encoding-type=url` was asked for.
    pub(crate) fn encodes(&self) -> Result<bool, Refusal> {
        match self.parameter("encoding-type") {
            None => Ok(false),
            Some("url") => Ok(true),
            Some(other) => {
                Err(Refusal::argument("encoding-type", other, "Invalid Encoding Method specified in Request."))
            }
        }
    }

    /// A CRC-64 as the reply has it.
    pub(crate) fn crc64(&self, crc64: u64) -> Option<String> {
        match self.fault {
            Some(Fault::NoCrc) => None,
            Some(Fault::WrongCrc) => Some((crc64 ^ 1).to_string()),
            _ => Some(crc64.to_string()),
        }
    }

    /// An ETag as the reply has it, quoted.
    pub(crate) fn etag(&self, etag: &str) -> Option<String> {
        match self.fault {
            Some(Fault::NoETag) => None,
            Some(Fault::WrongETag) => {
                let first = if etag.starts_with('0') { '1' } else { '0' };
                Some(format!("\"{first}{}\"", etag.get(1..).unwrap_or_default()))
            }
            _ => Some(format!("\"{etag}\"")),
        }
    }
}

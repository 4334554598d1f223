//! What every operation demands of a reply before it reads its own fields.

use crate::fields::{Fields, HeaderFields, header};
use crate::{ErrorCode, Reply, ReplyError, ServiceError, xml};
use http::StatusCode;

impl Reply {
    /// The status that means success for this operation, and no error hidden in the body.
    pub(crate) fn accept(&self, operation: &'static str, expected: StatusCode) -> Result<(), ReplyError> {
        if let Some(error) = ServiceError::from_reply(self) {
            return Err(error.into());
        }
        if self.status == expected {
            return Ok(());
        }
        let (came, expected) = (self.status.as_u16(), expected.as_u16());
        Err(self.malformed(operation, format!("its status is {came}, where OSS sends {expected}")))
    }

    /// A success that says everything in its headers has no body: a page here is a proxy's.
    pub(crate) fn accept_without_body(&self, operation: &'static str, expected: StatusCode) -> Result<(), ReplyError> {
        self.accept(operation, expected)?;
        if self.body.is_empty() {
            return Ok(());
        }
        Err(self.malformed(operation, format!("OSS sends no body here, but {}", describe_body(&self.body))))
    }

    /// With a callback the success carries the callback server's reply, which OSS wants to be JSON, and a failed
    /// callback is a 203 that must be known as one even if its body is lost: the object *was* stored.
    pub(crate) fn accept_callback(&self, operation: &'static str) -> Result<(), ReplyError> {
        if let Some(mut error) = ServiceError::from_reply(self) {
            let unnamed = error.code == ErrorCode::BAD_ERROR_RESPONSE;
            if unnamed && self.status == StatusCode::NON_AUTHORITATIVE_INFORMATION {
                error.code = ErrorCode::CALLBACK_FAILED;
            }
            return Err(error.into());
        }
        self.accept(operation, StatusCode::OK)?;
        if self.body.is_empty() || is_html(&self.body) {
            return Err(self.malformed(operation, describe_body(&self.body)));
        }
        Ok(())
    }

    pub(crate) fn begins_with_tag(&self) -> bool {
        without_bom(&self.body).trim_ascii_start().starts_with(b"<")
    }

    /// Reads the headers of a success; what `read` misses becomes [`ReplyError::Malformed`].
    pub(crate) fn read_headers<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&HeaderFields<'_>) -> Result<T, String>,
    ) -> Result<T, ReplyError> {
        read(&HeaderFields(&self.headers)).map_err(|reason| self.malformed(operation, reason))
    }

    /// Reads the XML of a success; what `read` misses becomes [`ReplyError::Malformed`].
    pub(crate) fn read_xml<T>(
        &self,
        operation: &'static str,
        root: &'static str,
        read: impl FnOnce(&Fields<'_>) -> Result<T, String>,
    ) -> Result<T, ReplyError> {
        let output = match xml::parse(&self.body) {
            Ok(element) if element.name == root => Fields::of_root(&element).and_then(|fields| read(&fields)),
            Ok(element) if !is_html(&self.body) => {
                Err(format!("its XML is <{}>, where OSS sends <{root}>", element.name))
            }
            Err(error) if looks_like_xml(&self.body) => Err(error.to_string()),
            _ => Err(describe_body(&self.body)),
        };
        output.map_err(|reason| self.malformed(operation, reason))
    }

    pub(crate) fn malformed(&self, operation: &'static str, reason: String) -> ReplyError {
        let request_id = header(&self.headers, "x-oss-request-id").map(str::to_owned);
        ReplyError::Malformed { operation, reason, request_id }
    }
}

/// In words, what came where XML was due. Nothing of the body is repeated: it may be anybody's.
pub(crate) fn describe_body(body: &[u8]) -> String {
    let start = without_bom(body).trim_ascii_start();
    if body.is_empty() {
        "the reply has no body".to_owned()
    } else if is_html(body) {
        "an HTML page came: a proxy, gateway or captive portal answered in place of OSS".to_owned()
    } else if body.starts_with(b"\x1f\x8b") {
        "gzip came, which was not asked for: a proxy compresses what OSS answers".to_owned()
    } else if start.starts_with(b"{") || start.starts_with(b"[") {
        "JSON came where OSS sends XML".to_owned()
    } else if looks_like_xml(body) {
        "the XML that came is not complete, or not what OSS sends".to_owned()
    } else {
        format!("{} bytes came that are not XML", body.len())
    }
}

fn is_html(body: &[u8]) -> bool {
    let start = without_bom(body).trim_ascii_start();
    let begins = |text: &str| start.get(..text.len()).is_some_and(|head| head.eq_ignore_ascii_case(text.as_bytes()));
    begins("<!doctype html") || begins("<html")
}

fn looks_like_xml(body: &[u8]) -> bool {
    without_bom(body).trim_ascii_start().starts_with(b"<?xml") || (!is_html(body) && xml::root_name(body).is_some())
}

fn without_bom(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

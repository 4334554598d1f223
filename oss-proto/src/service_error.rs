use crate::fields::header;
use crate::reply::describe_body;
use crate::xml::{self, Element};
use crate::{ErrorCode, Reply, parse_iso8601};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

/// Longest message that is kept, in characters; the other texts are kept to [`MAX_TEXT`].
const MAX_MESSAGE: usize = 4096;
const MAX_TEXT: usize = 1024;
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// OSS said no, in a body, in `x-oss-err`, or by the status alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceError {
    /// The HTTP status (203 for a failed callback, 200 for an error inside a success).
    pub status: StatusCode,
    /// The code, [`ErrorCode::BAD_ERROR_RESPONSE`] when none came.
    pub code: ErrorCode,
    /// The message; of an HTML or empty body, what it looked like.
    pub message: String,
    /// `x-oss-request-id`, or the body's.
    pub request_id: Option<String>,
    /// The host that answered.
    pub host_id: Option<String>,
    /// The fine-grained code; for people and support, never to decide by.
    pub ec: Option<String>,
    /// Where OSS explains the error.
    pub recommend_doc: Option<String>,
    /// The endpoint the bucket must be addressed by (wrong region).
    pub endpoint: Option<String>,
    /// InvalidPart: the part the server named.
    pub part_number: Option<u32>,
    /// The server's clock, Unix seconds: `<ServerTime>`, else the `Date` header.
    pub server_time: Option<u64>,
    /// How long to wait, in whole seconds, at most a day: `Retry-After`, else `x-oss-qos-delay-time` (milliseconds,
    /// rounded up).
    pub retry_after: Option<Duration>,
}

impl ServiceError {
    /// An error of which nothing but this is known; the other fields are `None`.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            request_id: None,
            host_id: None,
            ec: None,
            recommend_doc: None,
            endpoint: None,
            part_number: None,
            server_time: None,
            retry_after: None,
        }
    }

    /// The error a reply stands for: always one outside 2xx and for 203, and one for a 200 whose body is an `<Error>`
    /// (OSS finds some only after it has sent the status). `None` for every other 2xx.
    ///
    /// The details come from the body, or for HEAD from the base64 XML in `x-oss-err`; request id, EC and times also
    /// from the headers, which win. Without readable details the code is [`ErrorCode::BAD_ERROR_RESPONSE`] and the
    /// message says what came instead (nothing, a proxy's HTML page, JSON).
    pub fn from_reply(reply: &Reply) -> Option<Self> {
        let success = reply.status.is_success() && reply.status != StatusCode::NON_AUTHORITATIVE_INFORMATION;
        if success && xml::root_name(&reply.body) != Some("Error") {
            return None;
        }
        let header = error_header(&reply.headers);
        let root = error_element(&reply.body).or_else(|| error_element(header.as_deref()?));
        let mut error = match root {
            Some(root) => Self::from_xml(reply.status, &root),
            // A success that ends inside <Error>: not readable as either.
            None if success => return None,
            None => Self::new(reply.status, ErrorCode::BAD_ERROR_RESPONSE, describe_body(&reply.body)),
        };
        error.add_headers(&reply.headers);
        Some(error)
    }

    /// The body OSS would send for this error; what is `None` is left out, and status and waiting time are not in it.
    pub fn to_xml(&self) -> String {
        let mut writer = xml::Writer::new("Error");
        writer.text("Code", &self.code);
        writer.text("Message", &self.message);
        let texts = [
            ("RequestId", &self.request_id),
            ("HostId", &self.host_id),
            ("EC", &self.ec),
            ("RecommendDoc", &self.recommend_doc),
            ("Endpoint", &self.endpoint),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                writer.text(name, text);
            }
        }
        if let Some(number) = self.part_number {
            writer.text("PartNumber", number);
        }
        if let Some(seconds) = self.server_time {
            writer.text("ServerTime", crate::format_iso8601(seconds));
        }
        writer.finish()
    }

    fn from_xml(status: StatusCode, root: &Element<'_>) -> Self {
        let text = |name| root.text_of(name).filter(|text| !text.is_empty()).map(|text| printable(text, MAX_TEXT));
        let code = text("Code").map_or(ErrorCode::BAD_ERROR_RESPONSE, ErrorCode::new);
        let message = root.text_of("Message").map(|message| printable(message, MAX_MESSAGE));
        Self {
            request_id: text("RequestId"),
            host_id: text("HostId"),
            ec: text("EC"),
            recommend_doc: text("RecommendDoc"),
            endpoint: text("Endpoint"),
            part_number: root.text_of("PartNumber").and_then(|number| number.parse().ok()),
            server_time: root.text_of("ServerTime").and_then(parse_iso8601),
            ..Self::new(status, code, message.unwrap_or_default())
        }
    }

    fn add_headers(&mut self, headers: &HeaderMap) {
        let text = |name| header(headers, name).filter(|text| !text.is_empty()).map(|text| printable(text, MAX_TEXT));
        self.request_id = text("x-oss-request-id").or(self.request_id.take());
        self.ec = text("x-oss-ec").or(self.ec.take());
        let date = header(headers, "date").and_then(unix_seconds);
        self.server_time = self.server_time.or(date);
        self.retry_after = retry_after(headers, date).map(|wait| wait.min(MAX_RETRY_AFTER));
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OSS answered {} {}: {}", self.status.as_u16(), self.code, self.message)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request id {id}")?;
            if let Some(ec) = &self.ec {
                write!(f, ", EC {ec}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for ServiceError {}

fn error_element(document: &[u8]) -> Option<Element<'_>> {
    xml::parse(document).ok().filter(|root| root.name == "Error")
}

fn error_header(headers: &HeaderMap) -> Option<Vec<u8>> {
    STANDARD.decode(header(headers, "x-oss-err")?.trim()).ok()
}

/// The text as it may be printed: a server must not move the cursor of somebody's terminal.
fn printable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Of a date as HTTP writes it.
pub(crate) fn unix_seconds(date: &str) -> Option<u64> {
    let since = httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_secs())
}

fn retry_after(headers: &HeaderMap, now: Option<u64>) -> Option<Duration> {
    if let Some(text) = header(headers, "retry-after") {
        let wait = text.parse().ok().or_else(|| Some(unix_seconds(text)?.saturating_sub(now?)));
        if let Some(seconds) = wait {
            return Some(Duration::from_secs(seconds));
        }
    }
    let milliseconds: u64 = header(headers, "x-oss-qos-delay-time")?.parse().ok()?;
    Some(Duration::from_secs(milliseconds.div_ceil(1000)))
}

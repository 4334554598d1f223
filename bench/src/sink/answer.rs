//! What each request is answered with.

use super::Shared;
use oss_proto::Crc64;
use std::fmt::Write as _;

const UPLOAD_ID: &str = "0004B9894A22E5B1888A1E29F8236E2D";
/// Of a reply from a clock that never moves: nothing is signed here.
const HEADERS: &str = "x-oss-request-id: 5C06A3B67B8B5A3DA422299D\r\nServer: sink\r\n";

/// A request as far as the sink cares.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Asked {
    method: String,
    bucket: String,
    key: String,
    uploads: bool,
    upload_id: bool,
    pub(super) part_number: Option<u64>,
    marker: u64,
    most: usize,
    pub(super) length: u64,
    pub(super) chunked: bool,
    pub(super) expects_continue: bool,
}

impl Asked {
    pub(super) fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (bucket, key) = path.strip_prefix('/')?.split_once('/').unwrap_or((&path[1..], ""));
        let mut asked = Self { method, bucket: bucket.to_owned(), key: key.to_owned(), most: 1000, ..Self::default() };
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "uploads" => asked.uploads = true,
                "uploadId" => asked.upload_id = true,
                "partNumber" => asked.part_number = Some(value.parse().ok()?),
                "part-number-marker" => asked.marker = value.parse().ok()?,
                "max-parts" => asked.most = value.parse().ok()?,
                _ => {}
            }
        }
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => asked.length = value.trim().parse().ok()?,
                "transfer-encoding" => asked.chunked = value.trim().eq_ignore_ascii_case("chunked"),
                "expect" => asked.expects_continue = true,
                _ => {}
            }
        }
        Some(asked)
    }
}

/// The reply's bytes. `crc64` is that of the body where it was looked at.
pub(super) fn answer(shared: &Shared, asked: &Asked, crc64: Option<Crc64>) -> Vec<u8> {
    let ledger = &shared.ledger;
    let count = |operation, differs| ledger.count(operation, asked.length, differs);
    match (asked.method.as_str(), asked.part_number) {
        ("GET", _) if asked.bucket == "-" => reply(200, "", &ledger.to_json().to_string()),
        ("POST", _) if asked.bucket == "-" => {
            ledger.release();
            reply(200, "", "")
        }
        ("PUT", Some(number)) => {
            let known = shared.known.part(number);
            ledger.part_ended(number);
            count("UploadPart", crc64.is_some() && crc64 != known);
            let crc64 = crc64.or(known).unwrap_or(Crc64::EMPTY);
            reply(200, &format!("ETag: {}\r\nx-oss-hash-crc64ecma: {crc64}\r\n", etag(crc64)), "")
        }
        ("POST", None) if asked.uploads => {
            count("InitiateMultipartUpload", false);
            let upload = format!("<UploadId>{UPLOAD_ID}</UploadId>");
            reply(200, "", &xml("InitiateMultipartUploadResult", asked, &upload))
        }
        ("POST", None) if asked.upload_id => {
            count("CompleteMultipartUpload", false);
            let whole = shared.known.whole;
            let body = xml("CompleteMultipartUploadResult", asked, &format!("<ETag>{}</ETag>", etag(whole)));
            reply(200, &format!("ETag: {}\r\nx-oss-hash-crc64ecma: {whole}\r\n", etag(whole)), &body)
        }
        ("GET", None) if asked.upload_id => {
            count("ListParts", false);
            reply(200, "", &xml("ListPartsResult", asked, &parts(shared, asked)))
        }
        ("GET", None) if asked.uploads => {
            count("ListMultipartUploads", false);
            reply(200, "", &xml("ListMultipartUploadsResult", asked, "<IsTruncated>false</IsTruncated>"))
        }
        ("PUT", None) => {
            count("PutObject", false);
            let crc64 = crc64.unwrap_or(Crc64::EMPTY);
            reply(200, &format!("ETag: {}\r\nx-oss-hash-crc64ecma: {crc64}\r\n", etag(crc64)), "")
        }
        ("DELETE", _) => {
            count("Abort", false);
            reply(204, "", "")
        }
        ("HEAD", _) => {
            count("HeadObject", false);
            reply(404, "", "")
        }
        _ => {
            count("other", false);
            reply(404, "", "<Error><Code>NoSuchKey</Code><Message>a sink keeps nothing</Message></Error>")
        }
    }
}

fn parts(shared: &Shared, asked: &Asked) -> String {
    let (numbers, truncated) = shared.ledger.list(asked.marker, asked.most);
    let mut body = format!(
        "<UploadId>{UPLOAD_ID}</UploadId><PartNumberMarker>{}</PartNumberMarker>\
         <NextPartNumberMarker>{}</NextPartNumberMarker><MaxParts>{}</MaxParts><IsTruncated>{truncated}</IsTruncated>",
        asked.marker,
        numbers.last().copied().unwrap_or(asked.marker),
        asked.most
    );
    for number in numbers {
        let (crc64, len) = (shared.known.part(number).unwrap_or(Crc64::EMPTY), shared.known.len(number));
        let _ = write!(
            body,
            "<Part><PartNumber>{number}</PartNumber><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
             <ETag>{}</ETag><Size>{len}</Size><HashCrc64ecma>{crc64}</HashCrc64ecma></Part>",
            etag(crc64)
        );
    }
    body
}

fn xml(root: &str, asked: &Asked, inner: &str) -> String {
    let (bucket, key) = (&asked.bucket, &asked.key);
    format!("<?xml version=\"1.0\"?><{root}><Bucket>{bucket}</Bucket><Key>{key}</Key>{inner}</{root}>")
}

/// Made of the CRC-64: an ETag is opaque, and a client that got a CRC-64 asks no more of it.
fn etag(crc64: Crc64) -> String {
    format!("\"{:032X}\"", crc64.get())
}

fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = if status == 204 { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status} Said\r\n{HEADERS}{headers}{length}\r\n{body}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn a_part_is_told_by_its_query() {
        let head = "PUT /b/k?partNumber=7&uploadId=x HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\n";
        let asked = Asked::parse(head).expect("a request line");
        assert_eq!(
            (asked.bucket.as_str(), asked.key.as_str(), asked.part_number, asked.length),
            ("b", "k", Some(7), 12)
        );
        assert_eq!(Asked::parse("GET\r\n\r\n"), None);
    }
}

use crate::fields::Fields;
use crate::{Bucket, Crc64, ETag, Key, Operation, PartNumber, Reply, ReplyError, Request, UploadId};
use http::{Method, StatusCode};

/// Lists the parts the server has of an upload, a page at a time: `GET /KEY?uploadId=ID`.
#[derive(Debug, Clone)]
pub struct ListParts {
    /// Where.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// The upload.
    pub upload_id: UploadId,
    /// Only parts with a number above this: the previous page's `next_part_number_marker`.
    pub part_number_marker: Option<u32>,
    /// Parts a page, 1 to 1,000 (the server's default).
    pub max_parts: Option<u32>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPartsOutput {
    /// The parts, their numbers ascending and all above the marker asked for.
    pub parts: Vec<ListedPart>,
    /// More pages follow.
    pub is_truncated: bool,
    /// Where the next page starts: there, and above the marker asked for, whenever `is_truncated`.
    pub next_part_number_marker: Option<u32>,
}

/// A part as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub part_number: PartNumber,
    /// Its ETag.
    pub etag: Option<ETag>,
    /// Its bytes.
    pub size: u64,
    /// Its CRC-64 (`HashCrc64ecma`), which the API reference does not promise.
    pub crc64: Option<Crc64>,
    /// When it was stored, `2012-02-23T07:01:34.000Z`; see [`crate::parse_iso8601`].
    pub last_modified: Option<String>,
}

impl Operation for ListParts {
    type Output = ListPartsOutput;
    const NAME: &'static str = "ListParts";

    fn request(&self) -> Request {
        Request::new(Method::GET, &self.bucket, Some(&self.key))
            .pair("uploadId", self.upload_id.as_str())
            .pair("encoding-type", "url")
            .optional("max-parts", self.max_parts)
            .optional("part-number-marker", self.part_number_marker)
    }

    fn parse(&self, reply: &Reply) -> Result<ListPartsOutput, ReplyError> {
        reply.accept(Self::NAME, StatusCode::OK)?;
        reply.read_xml(Self::NAME, "ListPartsResult", |fields| {
            fields.check_bucket("Bucket", &self.bucket)?;
            fields.check_key(&self.key)?;
            if fields.upload_id("UploadId")? != self.upload_id {
                return Err("<UploadId> is another upload's".to_owned());
            }
            self.read_page(fields)
        })
    }
}

impl ListParts {
    fn read_page(&self, fields: &Fields<'_>) -> Result<ListPartsOutput, String> {
        let marker = self.part_number_marker.unwrap_or(0);
        let mut last = marker;
        let mut parts = Vec::new();
        for part in fields.each("Part") {
            let part = read_part(&part)?;
            let number = part.part_number.get();
            if number <= last {
                return Err(format!("<PartNumber> {number} follows {last}"));
            }
            last = number;
            parts.push(part);
        }
        let is_truncated = fields.flag("IsTruncated")?;
        let next_part_number_marker = fields.number("NextPartNumberMarker")?;
        match next_part_number_marker {
            None if is_truncated => {
                return Err("<NextPartNumberMarker> is missing from a truncated page".to_owned());
            }
            // The same page again, for ever, or parts that would be skipped.
            Some(next) if is_truncated && (next <= marker || next < last) => {
                return Err(format!("<NextPartNumberMarker> {next} leads back"));
            }
            _ => {}
        }
        Ok(ListPartsOutput { parts, is_truncated, next_part_number_marker })
    }
}

fn read_part(part: &Fields<'_>) -> Result<ListedPart, String> {
    let number = part.required_number("PartNumber")?;
    Ok(ListedPart {
        part_number: PartNumber::new(number).map_err(|error| format!("<PartNumber>: {error}"))?,
        etag: part.etag("ETag")?,
        size: part.required_number("Size")?,
        crc64: part.crc64("HashCrc64ecma")?,
        last_modified: part.text("LastModified")?,
    })
}

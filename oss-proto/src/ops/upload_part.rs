use crate::{Bucket, Crc64, ETag, Key, Operation, PartNumber, Reply, ReplyError, Request, UploadId};
use http::{Method, StatusCode};

/// Sends one part: `PUT /KEY?partNumber=N&uploadId=ID`. The same number again replaces the part: safe to repeat.
///
/// The part's bytes are the body given beside the operation.
#[derive(Debug, Clone)]
pub struct UploadPart {
    /// Where to.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// The upload.
    pub upload_id: UploadId,
    /// Which part.
    pub part_number: PartNumber,
    /// The MD5 of the bytes, checked by the server.
    pub content_md5: Option<[u8; 16]>,
}

/// What the server stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPartOutput {
    /// The part's ETag, which Complete must name.
    pub etag: Option<ETag>,
    /// CRC-64 of the part as the server computed it.
    pub crc64: Option<Crc64>,
}

impl Operation for UploadPart {
    type Output = UploadPartOutput;
    const NAME: &'static str = "UploadPart";
    const MOVES_DATA: bool = true;

    fn request(&self) -> Request {
        Request::new(Method::PUT, &self.bucket, Some(&self.key))
            .pair("partNumber", self.part_number)
            .pair("uploadId", self.upload_id.as_str())
            .content_md5(self.content_md5)
    }

    fn parse(&self, reply: &Reply) -> Result<UploadPartOutput, ReplyError> {
        reply.accept_without_body(Self::NAME, StatusCode::OK)?;
        reply
            .read_headers(Self::NAME, |headers| Ok(UploadPartOutput { etag: headers.etag()?, crc64: headers.crc64()? }))
    }
}

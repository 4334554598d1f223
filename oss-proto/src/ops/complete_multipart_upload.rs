use crate::fields::Fields;
use crate::xml::Writer;
use crate::{Bucket, Crc64, ETag, Key, ObjectHeaders, Operation, PartNumber, Reply, ReplyError, Request, UploadId};
use bytes::Bytes;
use http::{Method, StatusCode};
use md5::{Digest, Md5};

/// Makes the object out of its parts: `POST /KEY?uploadId=ID`. Parts that are not named are dropped.
///
/// The server goes on when the client is gone: after a lost reply ask again, and on `NoSuchUpload` look at the object.
#[derive(Debug, Clone)]
pub struct CompleteMultipartUpload {
    /// Where to.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// The upload.
    pub upload_id: UploadId,
    /// The parts, ascending by number, with the ETags the server gave.
    pub parts: Vec<(PartNumber, ETag)>,
    /// The upload's headers; those that belong on Complete are sent.
    pub headers: ObjectHeaders,
}

/// The object that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteMultipartUploadOutput {
    /// Its ETag.
    pub etag: Option<ETag>,
    /// CRC-64 of the whole object as the server computed it.
    pub crc64: Option<Crc64>,
    /// The version, in a bucket that keeps versions.
    pub version_id: Option<String>,
    /// What the callback server answered (JSON), when a callback was asked for and its reply came in place of OSS's.
    pub callback_body: Option<Bytes>,
}

impl Operation for CompleteMultipartUpload {
    type Output = CompleteMultipartUploadOutput;
    const NAME: &'static str = "CompleteMultipartUpload";

    fn request(&self) -> Request {
        let body = self.body();
        let mut request = Request::new(Method::POST, &self.bucket, Some(&self.key));
        request.headers = self.headers.for_complete();
        request = request
            .pair("uploadId", self.upload_id.as_str())
            .pair("encoding-type", "url")
            .header("content-type", "application/xml")
            .content_md5(Some(Md5::digest(&body).into()));
        request.body = body.into();
        request
    }

    fn parse(&self, reply: &Reply) -> Result<CompleteMultipartUploadOutput, ReplyError> {
        let has_callback = self.headers.has_callback();
        if has_callback {
            reply.accept_callback(Self::NAME)?;
        } else {
            reply.accept(Self::NAME, StatusCode::OK)?;
        }
        let (body_etag, callback_body) = match has_callback && !reply.begins_with_tag() {
            // The callback server's own words came instead of XML.
            true => (None, Some(reply.body.clone())),
            false => {
                let read = |fields: &Fields<'_>| self.read_etag(fields);
                (Some(reply.read_xml(Self::NAME, "CompleteMultipartUploadResult", read)?), None)
            }
        };
        reply.read_headers(Self::NAME, |headers| {
            let header_etag = headers.etag()?;
            if let (Some(header), Some(body)) = (&header_etag, &body_etag)
                && header != body
            {
                return Err(format!("its header says ETag {header}, its body {body}"));
            }
            let (crc64, version_id) = (headers.crc64()?, headers.version_id()?);
            Ok(CompleteMultipartUploadOutput { etag: body_etag.or(header_etag), crc64, version_id, callback_body })
        })
    }
}

impl CompleteMultipartUpload {
    fn body(&self) -> String {
        let mut writer = Writer::new("CompleteMultipartUpload");
        for (number, etag) in &self.parts {
            writer.element("Part", |part| {
                part.text("PartNumber", number);
                part.text("ETag", etag.quoted());
            });
        }
        writer.finish()
    }

    fn read_etag(&self, fields: &Fields<'_>) -> Result<ETag, String> {
        fields.check_bucket("Bucket", &self.bucket)?;
        fields.check_key(&self.key)?;
        fields.required("ETag")?;
        fields.etag("ETag")?.ok_or_else(|| "<ETag> is missing".to_owned())
    }
}

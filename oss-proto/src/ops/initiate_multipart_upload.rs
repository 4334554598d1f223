use crate::{Bucket, Key, ObjectHeaders, Operation, Reply, ReplyError, Request, UploadId};
use http::{Method, StatusCode};

/// Opens a multipart upload: `POST /KEY?uploads`. Nothing is visible until it is completed.
///
/// Not idempotent: a repeat after a lost reply leaves an upload behind whose id nobody knows.
#[derive(Debug, Clone)]
pub struct InitiateMultipartUpload {
    /// Where to.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// Headers that become part of the object; those that belong on Complete are left for it.
    pub headers: ObjectHeaders,
}

/// The upload that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitiateMultipartUploadOutput {
    /// Its id: the only way to it.
    pub upload_id: UploadId,
}

impl Operation for InitiateMultipartUpload {
    type Output = InitiateMultipartUploadOutput;
    const NAME: &'static str = "InitiateMultipartUpload";

    fn request(&self) -> Request {
        let mut request = Request::new(Method::POST, &self.bucket, Some(&self.key));
        request.headers = self.headers.for_initiate();
        request.flag("uploads").pair("encoding-type", "url")
    }

    fn parse(&self, reply: &Reply) -> Result<InitiateMultipartUploadOutput, ReplyError> {
        reply.accept(Self::NAME, StatusCode::OK)?;
        reply.read_xml(Self::NAME, "InitiateMultipartUploadResult", |fields| {
            fields.check_bucket("Bucket", &self.bucket)?;
            fields.check_key(&self.key)?;
            Ok(InitiateMultipartUploadOutput { upload_id: fields.upload_id("UploadId")? })
        })
    }
}

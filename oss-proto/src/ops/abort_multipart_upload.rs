use crate::{Bucket, Key, Operation, Reply, ReplyError, Request, UploadId};
use http::{Method, StatusCode};

/// Deletes an upload and its parts: `DELETE /KEY?uploadId=ID`.
///
/// `NoSuchUpload` means that it is gone already (or was completed). Parts in flight meanwhile may survive: abort again
/// after they have ended.
#[derive(Debug, Clone)]
pub struct AbortMultipartUpload {
    /// Where.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// The upload.
    pub upload_id: UploadId,
}

impl Operation for AbortMultipartUpload {
    type Output = ();
    const NAME: &'static str = "AbortMultipartUpload";

    fn request(&self) -> Request {
        Request::new(Method::DELETE, &self.bucket, Some(&self.key)).pair("uploadId", self.upload_id.as_str())
    }

    fn parse(&self, reply: &Reply) -> Result<(), ReplyError> {
        reply.accept_without_body(Self::NAME, StatusCode::NO_CONTENT)
    }
}

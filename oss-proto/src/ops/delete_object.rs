use crate::{Bucket, Key, Operation, Reply, ReplyError, Request};
use http::{Method, StatusCode};

/// Deletes an object: `DELETE /KEY`. It succeeds also when there is none.
#[derive(Debug, Clone)]
pub struct DeleteObject {
    /// Where.
    pub bucket: Bucket,
    /// The object.
    pub key: Key,
    /// Deletes this version for good; without it, a bucket that keeps versions puts a delete marker on top.
    pub version_id: Option<String>,
}

/// What was deleted or put in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteObjectOutput {
    /// A delete marker was created, or was the version deleted.
    pub delete_marker: bool,
    /// The version of the marker, or the one deleted.
    pub version_id: Option<String>,
}

impl Operation for DeleteObject {
    type Output = DeleteObjectOutput;
    const NAME: &'static str = "DeleteObject";

    fn request(&self) -> Request {
        Request::new(Method::DELETE, &self.bucket, Some(&self.key)).optional("versionId", self.version_id.as_deref())
    }

    fn parse(&self, reply: &Reply) -> Result<DeleteObjectOutput, ReplyError> {
        reply.accept_without_body(Self::NAME, StatusCode::NO_CONTENT)?;
        reply.read_headers(Self::NAME, |headers| {
            let delete_marker = headers.text("x-oss-delete-marker")? == Some("true");
            Ok(DeleteObjectOutput { delete_marker, version_id: headers.version_id()? })
        })
    }
}

use crate::{ClientBuilder, Error};
use bytes::Bytes;
use http::Method;
use oss_http::proto::ops::{
    AbortMultipartUpload, CompleteMultipartUpload, CompleteMultipartUploadOutput, DeleteObject, DeleteObjectOutput,
    GetObject, HeadObject, InitiateMultipartUpload, InitiateMultipartUploadOutput, ListMultipartUploads,
    ListMultipartUploadsOutput, ListObjectsV2, ListObjectsV2Output, ListParts, ListPartsOutput, ObjectHead, PutObject,
    PutObjectOutput, UploadPart, UploadPartOutput,
};
use oss_http::proto::{Bucket, Key};
use oss_http::{Answered, Caller, Chosen, CredentialsError, DefaultCredentials, Endpoint, HyperTransport, ReplyBody};
use oss_multipart::{Completed, Directories, Memory, UploadObjectRequest};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Asks one OSS endpoint. A clone is the same client: they share connections, credentials and what is known of the
/// server's clock.
///
/// Every call signs with the credentials and the time of its moment, and repeats what may be repeated
/// ([`Fault`](crate::Fault) has the table): Initiate and Complete are not sent again when the first may have worked.
///
/// ```no_run
/// use oss_client::{Bucket, Client, Key, ops};
///
/// # async fn example() -> Result<(), oss_client::Error> {
/// let client = Client::builder().region("cn-hangzhou").build()?;
/// let (bucket, key) = (Bucket::new("my-bucket")?, Key::new("notes.txt")?);
/// let head = client.head_object(&ops::HeadObject { bucket, key, version_id: None }).await?;
/// println!("{} bytes, crc64 {:?}, request {:?}", head.output.size, head.output.crc64, head.request_id);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    caller: Caller,
    default_credentials: Option<Arc<DefaultCredentials>>,
    /// Empty when V1 signs and nobody said it.
    region: Arc<str>,
    memory: Memory,
    directories: Directories,
    /// `None` behind another transport.
    sockets: Option<Arc<HyperTransport>>,
}

impl Client {
    /// A client to be made.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(
        caller: Caller,
        default_credentials: Option<Arc<DefaultCredentials>>,
        region: String,
        memory: Memory,
        sockets: Option<Arc<HyperTransport>>,
    ) -> Self {
        let directories = Directories::default();
        Self { caller, default_credentials, region: region.into(), memory, directories, sockets }
    }

    /// The server this client asks.
    pub fn endpoint(&self) -> &Endpoint {
        self.caller.endpoint()
    }

    /// The region it signs for; empty when it signs with V1 and none is known.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The budget of the buffers of all its uploads.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Where the credentials are from that nobody gave: chosen now, if no call was made yet. `None`: they were given.
    ///
    /// # Errors
    /// [`CredentialsError`]: nothing is configured, or what is configured is broken; its words say which.
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn chosen_credentials(&self) -> Result<Option<&Chosen>, CredentialsError> {
        match &self.default_credentials {
            Some(default) => default.chosen().await.map(Some),
            None => Ok(None),
        }
    }

    /// Connections it has opened so far; `None` when it sends by another transport.
    pub fn connections_opened(&self) -> Option<u64> {
        self.sockets.as_ref().map(|sockets| sockets.connections_opened())
    }

    /// The layer below, for operations this client has no method for.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Uploads a file as an object: goes on where an earlier call was stopped, and succeeds only with an object that is
    /// proven to be the file. See [`UploadObjectRequest`] for what may be chosen.
    ///
    /// Durable on return: the object. Its checkpoint is then gone.
    ///
    /// # Errors
    /// [`Error::Upload`]. Where [`Error::is_resumable`], the same call goes on; what it has is kept.
    ///
    /// # Cancel safety
    /// A dropped future leaves an upload that the next call continues, perhaps without the last second's record. To stop
    /// in order, cancel the request's token and await the end.
    #[doc(alias = "ResumableUploadObject")]
    #[doc(alias = "uploadFile")]
    pub async fn resumable_upload_object(&self, request: UploadObjectRequest) -> Result<Completed, Error> {
        let request = request.memory_unless_given(&self.memory).directories(&self.directories);
        Ok(oss_multipart::upload(&self.caller, &self.region, request).await?)
    }

    /// Writes a whole object, at most 5 GiB, from memory. After a lost reply it is sent again, and a callback made twice.
    ///
    /// # Errors
    /// [`Error::Call`]. [`ErrorCode::CALLBACK_FAILED`](crate::ErrorCode::CALLBACK_FAILED) says that the object *is* stored.
    ///
    /// # Cancel safety
    /// Dropped, the object may or may not have been written; never a part of it.
    pub async fn put_object(
        &self,
        put: &PutObject,
        body: impl Into<Bytes>,
    ) -> Result<Answered<PutObjectOutput>, Error> {
        Ok(self.caller.call(put, body.into()).await?)
    }

    /// Opens an object, or a range of it, for reading: its head, and its data as it comes
    /// ([`ReplyBody::chunk`], [`ReplyBody::read_whole`]).
    ///
    /// The head's CRC-64 is of the whole object: comparing it with the data is up to the reader.
    ///
    /// # Errors
    /// [`Error::Call`]. The body's own errors are not retried: read the rest with a range.
    ///
    /// # Cancel safety
    /// Dropping the future or the body closes the connection.
    pub async fn get_object(&self, get: &GetObject) -> Result<(Answered<ObjectHead>, ReplyBody), Error> {
        Ok(self.caller.open(get).await?)
    }

    /// Asks for an object's size, checksums and headers.
    ///
    /// # Errors
    /// [`Error::Call`]; [`ErrorCode::NO_SUCH_KEY`](crate::ErrorCode::NO_SUCH_KEY) where there is none.
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn head_object(&self, head: &HeadObject) -> Result<Answered<ObjectHead>, Error> {
        Ok(self.caller.call(head, Bytes::new()).await?)
    }

    /// Deletes an object. It succeeds also when there is none.
    ///
    /// # Errors
    /// [`Error::Call`].
    ///
    /// # Cancel safety
    /// Dropped, the object may or may not be gone.
    pub async fn delete_object(&self, delete: &DeleteObject) -> Result<Answered<DeleteObjectOutput>, Error> {
        Ok(self.caller.call(delete, Bytes::new()).await?)
    }

    /// Lists a bucket's objects, one page.
    ///
    /// # Errors
    /// [`Error::Call`].
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn list_objects_v2(&self, list: &ListObjectsV2) -> Result<Answered<ListObjectsV2Output>, Error> {
        Ok(self.caller.call(list, Bytes::new()).await?)
    }

    /// Opens a multipart upload by hand; [`resumable_upload_object`](Self::resumable_upload_object) does all of it.
    ///
    /// # Errors
    /// [`Error::Call`]. When the reply was lost, an upload may stand that nobody knows of: list the uploads.
    ///
    /// # Cancel safety
    /// As when the reply was lost.
    pub async fn initiate_multipart_upload(
        &self,
        initiate: &InitiateMultipartUpload,
    ) -> Result<Answered<InitiateMultipartUploadOutput>, Error> {
        Ok(self.caller.call(initiate, Bytes::new()).await?)
    }

    /// Sends one part of an upload, at most 5 GiB, from memory. Sending it again replaces it.
    ///
    /// # Errors
    /// [`Error::Call`].
    ///
    /// # Cancel safety
    /// Dropped, the part may or may not be stored: send it again.
    pub async fn upload_part(
        &self,
        part: &UploadPart,
        body: impl Into<Bytes>,
    ) -> Result<Answered<UploadPartOutput>, Error> {
        Ok(self.caller.call(part, body.into()).await?)
    }

    /// Lists the parts the server has of an upload, one page.
    ///
    /// # Errors
    /// [`Error::Call`].
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn list_parts(&self, list: &ListParts) -> Result<Answered<ListPartsOutput>, Error> {
        Ok(self.caller.call(list, Bytes::new()).await?)
    }

    /// Lists a bucket's open multipart uploads, one page.
    ///
    /// # Errors
    /// [`Error::Call`].
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn list_multipart_uploads(
        &self,
        list: &ListMultipartUploads,
    ) -> Result<Answered<ListMultipartUploadsOutput>, Error> {
        Ok(self.caller.call(list, Bytes::new()).await?)
    }

    /// Publishes an upload's parts as the object.
    ///
    /// # Errors
    /// [`Error::Call`]. After [`Fault::OutcomeUnknown`](crate::Fault::OutcomeUnknown) look at the object before asking
    /// again: the server goes on without its client.
    ///
    /// # Cancel safety
    /// As after a lost reply.
    pub async fn complete_multipart_upload(
        &self,
        complete: &CompleteMultipartUpload,
    ) -> Result<Answered<CompleteMultipartUploadOutput>, Error> {
        Ok(self.caller.call(complete, Bytes::new()).await?)
    }

    /// Deletes an upload and the parts it has.
    ///
    /// # Errors
    /// [`Error::Call`]; [`ErrorCode::NO_SUCH_UPLOAD`](crate::ErrorCode::NO_SUCH_UPLOAD) when it is gone already.
    ///
    /// # Cancel safety
    /// Dropped, the upload may or may not be gone: ask again.
    pub async fn abort_multipart_upload(&self, abort: &AbortMultipartUpload) -> Result<Answered<()>, Error> {
        Ok(self.caller.call(abort, Bytes::new()).await?)
    }

    /// A URL with which anyone may do `method` (GET or PUT, say) on an object, for `expires` from now. No request is
    /// made. Temporary credentials end it with their own life.
    ///
    /// # Errors
    /// [`Error::Call`] without credentials, or when V4 does not allow so long a life (1 second to 7 days).
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn presign(
        &self,
        method: Method,
        bucket: &Bucket,
        key: &Key,
        expires: Duration,
    ) -> Result<String, Error> {
        Ok(self.caller.presign(method, bucket, key, expires).await?)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint().to_string()).field("region", &self.region).finish()
    }
}

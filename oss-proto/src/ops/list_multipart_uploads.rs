use crate::fields::Fields;
use crate::{Bucket, Operation, Reply, ReplyError, Request, UploadId};
use http::{Method, StatusCode};

/// Lists the open multipart uploads of a bucket, a page at a time: `GET /?uploads`.
#[derive(Debug, Clone)]
pub struct ListMultipartUploads {
    /// Of which bucket.
    pub bucket: Bucket,
    /// Only keys that start with this.
    pub prefix: Option<String>,
    /// Groups keys that share the text up to this into `common_prefixes`.
    pub delimiter: Option<String>,
    /// The previous page's `next_key_marker`. Alone it means keys after this one.
    pub key_marker: Option<String>,
    /// The previous page's `next_upload_id_marker`; it means something only beside a key marker.
    pub upload_id_marker: Option<String>,
    /// Uploads a page, 1 to 1,000 (the server's default).
    pub max_uploads: Option<u32>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListMultipartUploadsOutput {
    /// The uploads, by key, then by id.
    pub uploads: Vec<ListedUpload>,
    /// What the delimiter grouped.
    pub common_prefixes: Vec<String>,
    /// More pages follow.
    pub is_truncated: bool,
    /// Where the next page starts: there whenever `is_truncated`. Send both markers.
    pub next_key_marker: Option<String>,
    /// The upload id of that place.
    pub next_upload_id_marker: Option<String>,
}

/// An open upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// The object's key, decoded.
    pub key: String,
    /// The upload's id.
    pub upload_id: UploadId,
    /// When it was opened, in Unix seconds.
    pub initiated: Option<u64>,
    /// `Standard`, `IA`, …
    pub storage_class: Option<String>,
}

impl Operation for ListMultipartUploads {
    type Output = ListMultipartUploadsOutput;
    const NAME: &'static str = "ListMultipartUploads";

    fn request(&self) -> Request {
        Request::new(Method::GET, &self.bucket, None)
            .flag("uploads")
            .pair("encoding-type", "url")
            .optional("prefix", self.prefix.as_deref())
            .optional("delimiter", self.delimiter.as_deref())
            .optional("key-marker", self.key_marker.as_deref())
            .optional("upload-id-marker", self.upload_id_marker.as_deref())
            .optional("max-uploads", self.max_uploads)
    }

    fn parse(&self, reply: &Reply) -> Result<ListMultipartUploadsOutput, ReplyError> {
        reply.accept(Self::NAME, StatusCode::OK)?;
        reply.read_xml(Self::NAME, "ListMultipartUploadsResult", |fields| {
            fields.check_bucket("Bucket", &self.bucket)?;
            let page = ListMultipartUploadsOutput {
                uploads: fields.each("Upload").map(|upload| read_upload(&upload)).collect::<Result<_, _>>()?,
                common_prefixes: fields.common_prefixes()?,
                is_truncated: fields.flag("IsTruncated")?,
                next_key_marker: fields.name("NextKeyMarker")?,
                next_upload_id_marker: fields.text("NextUploadIdMarker")?,
            };
            self.check_next(&page)?;
            Ok(page)
        })
    }
}

impl ListMultipartUploads {
    /// A page that leads nowhere would be asked for again for ever.
    fn check_next(&self, page: &ListMultipartUploadsOutput) -> Result<(), String> {
        if !page.is_truncated {
            return Ok(());
        }
        let next_key = page.next_key_marker.as_ref().ok_or("<NextKeyMarker> is missing from a truncated page")?;
        let same_key = Some(next_key) == self.key_marker.as_ref();
        if same_key && page.next_upload_id_marker == self.upload_id_marker {
            return Err("<NextKeyMarker> and <NextUploadIdMarker> lead to the same page".to_owned());
        }
        Ok(())
    }
}

fn read_upload(upload: &Fields<'_>) -> Result<ListedUpload, String> {
    Ok(ListedUpload {
        key: upload.required_name("Key")?,
        upload_id: upload.upload_id("UploadId")?,
        initiated: upload.date("Initiated")?,
        storage_class: upload.text("StorageClass")?,
    })
}

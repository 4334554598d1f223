use crate::fields::Fields;
use crate::{Bucket, ETag, Operation, Reply, ReplyError, Request};
use http::{Method, StatusCode};

/// Lists the objects of a bucket, a page at a time: `GET /?list-type=2`.
///
/// A page may be short, even of `max_keys`, and still be truncated: go on while `is_truncated`.
#[derive(Debug, Clone)]
pub struct ListObjectsV2 {
    /// Of which bucket.
    pub bucket: Bucket,
    /// Only keys that start with this.
    pub prefix: Option<String>,
    /// Groups keys that share the text up to this (usually `/`) into `common_prefixes`.
    pub delimiter: Option<String>,
    /// Only keys after this one; ignored by the server when a token is given.
    pub start_after: Option<String>,
    /// The previous page's `next_continuation_token`.
    pub continuation_token: Option<String>,
    /// Keys a page, 1 to 1,000; the server's default is 100.
    pub max_keys: Option<u32>,
    /// Asks for each object's owner.
    pub fetch_owner: bool,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjectsV2Output {
    /// The bucket.
    pub name: String,
    /// The prefix asked for.
    pub prefix: Option<String>,
    /// The objects, in the order of their keys' bytes.
    pub objects: Vec<ObjectSummary>,
    /// What the delimiter grouped, each with the delimiter at its end.
    pub common_prefixes: Vec<String>,
    /// More pages follow.
    pub is_truncated: bool,
    /// Where the next page starts: there whenever `is_truncated`, and never the token that asked for this page.
    pub next_continuation_token: Option<String>,
    /// Objects and common prefixes of this page.
    pub key_count: u32,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Its key, decoded. A text, because a bucket may hold keys that could not be created today.
    pub key: String,
    /// When it was last written, `2012-02-23T07:01:34.000Z`; see [`crate::parse_iso8601`].
    pub last_modified: String,
    /// Its ETag.
    pub etag: Option<ETag>,
    /// Its bytes.
    pub size: u64,
    /// `Normal`, `Multipart`, `Appendable` or `Symlink`.
    pub object_type: Option<String>,
    /// `Standard`, `IA`, …
    pub storage_class: Option<String>,
}

impl Operation for ListObjectsV2 {
    type Output = ListObjectsV2Output;
    const NAME: &'static str = "ListObjectsV2";

    fn request(&self) -> Request {
        Request::new(Method::GET, &self.bucket, None)
            .pair("list-type", 2)
            .pair("encoding-type", "url")
            .optional("prefix", self.prefix.as_deref())
            .optional("delimiter", self.delimiter.as_deref())
            .optional("start-after", self.start_after.as_deref())
            .optional("continuation-token", self.continuation_token.as_deref())
            .optional("max-keys", self.max_keys)
            .optional("fetch-owner", self.fetch_owner.then_some("true"))
    }

    fn parse(&self, reply: &Reply) -> Result<ListObjectsV2Output, ReplyError> {
        reply.accept(Self::NAME, StatusCode::OK)?;
        reply.read_xml(Self::NAME, "ListBucketResult", |fields| {
            fields.check_bucket("Name", &self.bucket)?;
            let page = ListObjectsV2Output {
                name: self.bucket.to_string(),
                prefix: fields.name("Prefix")?,
                objects: fields.each("Contents").map(|object| read_object(&object)).collect::<Result<_, _>>()?,
                common_prefixes: fields.common_prefixes()?,
                is_truncated: fields.flag("IsTruncated")?,
                next_continuation_token: fields.name("NextContinuationToken")?,
                key_count: fields.required_number("KeyCount")?,
            };
            self.check_next(&page)?;
            Ok(page)
        })
    }
}

impl ListObjectsV2 {
    /// A page that leads nowhere would be asked for again for ever.
    fn check_next(&self, page: &ListObjectsV2Output) -> Result<(), String> {
        match &page.next_continuation_token {
            None if page.is_truncated => Err("<NextContinuationToken> is missing from a truncated page".to_owned()),
            next @ Some(_) if page.is_truncated && *next == self.continuation_token => {
                Err("<NextContinuationToken> leads to the same page".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn read_object(object: &Fields<'_>) -> Result<ObjectSummary, String> {
    Ok(ObjectSummary {
        key: object.required_name("Key")?,
        last_modified: object.required("LastModified")?.to_owned(),
        etag: object.etag("ETag")?,
        size: object.required_number("Size")?,
        object_type: object.text("Type")?,
        storage_class: object.text("StorageClass")?,
    })
}

use http::Method;
use std::fmt;

/// What a request asks for, named as in the OSS API reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is named after the operation it is")]
pub enum Operation {
    ListBuckets,
    PutBucket,
    DeleteBucket,
    GetBucketInfo,
    GetBucketLocation,
    GetBucketAcl,
    PutBucketVersioning,
    GetBucketVersioning,
    ListObjects,
    ListObjectsV2,
    ListObjectVersions,
    ListMultipartUploads,
    PutObject,
    GetObject,
    HeadObject,
    GetObjectMeta,
    DeleteObject,
    PutObjectAcl,
    GetObjectAcl,
    PutObjectTagging,
    GetObjectTagging,
    DeleteObjectTagging,
    InitiateMultipartUpload,
    UploadPart,
    ListParts,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    /// Anything else: answered with `NotImplemented`.
    Other,
}

impl Operation {
    /// `UploadPart`
    pub fn name(self) -> &'static str {
        match self {
            Self::ListBuckets => "ListBuckets",
            Self::PutBucket => "PutBucket",
            Self::DeleteBucket => "DeleteBucket",
            Self::GetBucketInfo => "GetBucketInfo",
            Self::GetBucketLocation => "GetBucketLocation",
            Self::GetBucketAcl => "GetBucketAcl",
            Self::PutBucketVersioning => "PutBucketVersioning",
            Self::GetBucketVersioning => "GetBucketVersioning",
            Self::ListObjects => "ListObjects",
            Self::ListObjectsV2 => "ListObjectsV2",
            Self::ListObjectVersions => "ListObjectVersions",
            Self::ListMultipartUploads => "ListMultipartUploads",
            Self::PutObject => "PutObject",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::GetObjectMeta => "GetObjectMeta",
            Self::DeleteObject => "DeleteObject",
            Self::PutObjectAcl => "PutObjectACL",
            Self::GetObjectAcl => "GetObjectACL",
            Self::PutObjectTagging => "PutObjectTagging",
            Self::GetObjectTagging => "GetObjectTagging",
            Self::DeleteObjectTagging => "DeleteObjectTagging",
            Self::InitiateMultipartUpload => "InitiateMultipartUpload",
            Self::UploadPart => "UploadPart",
            Self::ListParts => "ListParts",
            Self::CompleteMultipartUpload => "CompleteMultipartUpload",
            Self::AbortMultipartUpload => "AbortMultipartUpload",
            Self::Other => "Other",
        }
    }

    /// Whether an object appears.
    pub(crate) fn publishes(self) -> bool {
        matches!(self, Self::PutObject | Self::CompleteMultipartUpload)
    }

    /// Whether the body is the object's or a part's bytes, of any length.
    pub(crate) fn takes_data(self) -> bool {
        matches!(self, Self::PutObject | Self::UploadPart)
    }

    /// Reads the operation from method, level and sub-resources.
    pub(crate) fn recognise(
        method: &Method,
        has_bucket: bool,
        has_key: bool,
        query: &[(String, Option<String>)],
        copies: bool,
    ) -> Self {
        let has = |name: &str| query.iter().any(|(n, _)| n == name);
        if query.iter().any(|(name, _)| UNSUPPORTED.contains(&name.as_str())) || copies {
            return Self::Other;
        }
        match (has_bucket, has_key) {
            (false, _) if method == Method::GET => Self::ListBuckets,
            (true, false) => Self::on_bucket(method, has, query),
            (true, true) => Self::on_object(method, has),
            _ => Self::Other,
        }
    }

    fn on_bucket(method: &Method, has: impl Fn(&str) -> bool, query: &[(String, Option<String>)]) -> Self {
        let version_two = query.iter().any(|(name, value)| name == "list-type" && value.as_deref() == Some("2"));
        match *method {
            // Of buckets only the objects' tags are known.
            _ if has("tagging") => Self::Other,
            Method::PUT if has("versioning") => Self::PutBucketVersioning,
            Method::GET if has("versioning") => Self::GetBucketVersioning,
            _ if has("versioning") => Self::Other,
            Method::PUT if !has("acl") => Self::PutBucket,
            Method::DELETE => Self::DeleteBucket,
            Method::GET if has("bucketInfo") => Self::GetBucketInfo,
            Method::GET if has("location") => Self::GetBucketLocation,
            Method::GET if has("acl") => Self::GetBucketAcl,
            Method::GET if has("uploads") => Self::ListMultipartUploads,
            Method::GET if has("versions") => Self::ListObjectVersions,
            _ if has("versions") => Self::Other,
            Method::GET if version_two => Self::ListObjectsV2,
            Method::GET => Self::ListObjects,
            _ => Self::Other,
        }
    }

    fn on_object(method: &Method, has: impl Fn(&str) -> bool) -> Self {
        match *method {
            Method::PUT if has("acl") => Self::PutObjectAcl,
            Method::GET if has("acl") => Self::GetObjectAcl,
            Method::PUT if has("tagging") => Self::PutObjectTagging,
            Method::GET if has("tagging") => Self::GetObjectTagging,
            Method::DELETE if has("tagging") => Self::DeleteObjectTagging,
            _ if ["acl", "tagging", "versioning"].into_iter().any(&has) => Self::Other,
            Method::PUT if has("partNumber") || has("uploadId") => Self::UploadPart,
            Method::PUT => Self::PutObject,
            Method::GET if has("uploadId") => Self::ListParts,
            Method::GET if has("objectMeta") => Self::GetObjectMeta,
            Method::GET => Self::GetObject,
            Method::HEAD if has("objectMeta") => Self::GetObjectMeta,
            Method::HEAD => Self::HeadObject,
            Method::POST if has("uploads") => Self::InitiateMultipartUpload,
            Method::POST if has("uploadId") => Self::CompleteMultipartUpload,
            Method::DELETE if has("uploadId") => Self::AbortMultipartUpload,
            Method::DELETE => Self::DeleteObject,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Sub-resources OSS has and the emulator has not: refused rather than taken for the plain operation.
const UNSUPPORTED: &[&str] = &[
    "accessPoint",
    "append",
    "asyncFetch",
    "cname",
    "comp",
    "cors",
    "delete",
    "encryption",
    "img",
    "inventory",
    "lifecycle",
    "live",
    "logging",
    "metaQuery",
    "policy",
    "qos",
    "referer",
    "replication",
    "requestPayment",
    "restore",
    "sequential",
    "stat",
    "status",
    "style",
    "symlink",
    "transferAcceleration",
    "vod",
    "website",
    "worm",
    "x-oss-async-process",
    "x-oss-process",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_resources_choose_the_operation() {
        let recognise = |method: Method, names: &[&str]| {
            let query: Vec<_> = names.iter().map(|name| ((*name).to_owned(), None)).collect();
            Operation::recognise(&method, true, true, &query, false)
        };
        assert_eq!(recognise(Method::POST, &["uploads"]), Operation::InitiateMultipartUpload);
        assert_eq!(recognise(Method::POST, &["uploadId"]), Operation::CompleteMultipartUpload);
        assert_eq!(recognise(Method::PUT, &["partNumber", "uploadId"]), Operation::UploadPart);
        assert_eq!(recognise(Method::PUT, &[]), Operation::PutObject);
        assert_eq!(recognise(Method::PUT, &["tagging"]), Operation::PutObjectTagging);
        assert_eq!(recognise(Method::POST, &["tagging"]), Operation::Other);
        assert_eq!(recognise(Method::GET, &["acl", "versionId"]), Operation::GetObjectAcl);
        assert_eq!(recognise(Method::GET, &["uploadId"]), Operation::ListParts);
        assert_eq!(recognise(Method::DELETE, &["uploadId"]), Operation::AbortMultipartUpload);
        assert_eq!(recognise(Method::HEAD, &["objectMeta"]), Operation::GetObjectMeta);
    }

    #[test]
    fn a_copy_is_not_taken_for_a_put() {
        assert_eq!(Operation::recognise(&Method::PUT, true, true, &[], true), Operation::Other);
    }
}

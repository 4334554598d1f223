use crate::NameError;
use http::HeaderMap;

/// Headers that become part of the object, each sent on the call where OSS wants it.
///
/// On Initiate (or PutObject): Content-Type, Cache-Control, Content-Disposition, Content-Encoding, Expires,
/// `x-oss-meta-*`, `x-oss-storage-class`, `x-oss-tagging`, `x-oss-server-side-encryption*`, `x-oss-forbid-overwrite`.
/// On Complete (or PutObject): `x-oss-object-acl`, `x-oss-callback*`, `x-oss-forbid-overwrite`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectHeaders(std::collections::BTreeMap<String, String>);

impl ObjectHeaders {
    /// None.
    pub fn new() -> Self { Self::default() }
    /// Sets one, by its lower-case name; refuses a name that is not an object header and values that cannot be sent.
    pub fn set(&mut self, _name: &str, _value: &str) -> Result<(), NameError> { todo!() }
    /// Sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> { self.0.iter().map(|(n, v)| (n.as_str(), v.as_str())) }
    /// `x-oss-forbid-overwrite: true` is set.
    pub fn forbids_overwrite(&self) -> bool { todo!() }
    /// Those of PutObject.
    pub fn for_put(&self) -> HeaderMap { todo!() }
    /// Those of InitiateMultipartUpload.
    pub fn for_initiate(&self) -> HeaderMap { todo!() }
    /// Those of CompleteMultipartUpload.
    pub fn for_complete(&self) -> HeaderMap { todo!() }
}

use crate::NameError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::BTreeMap;

/// Most user metadata an object may have, names and values together: 8 KiB (OSS: "Manage object metadata").
const MAX_META: usize = 8 * 1024;
const MAX_VALUE: usize = 8 * 1024;

/// Headers that become part of the object, each sent on the call where OSS wants it.
///
/// On Initiate (or PutObject): Content-Type, Cache-Control, Content-Disposition, Content-Encoding, Content-Language,
/// Expires, `x-oss-meta-*`, `x-oss-storage-class`, `x-oss-tagging`, `x-oss-server-side-encryption*`,
/// `x-oss-forbid-overwrite`.
/// On Complete (or PutObject): `x-oss-object-acl`, `x-oss-callback`, `x-oss-callback-var`, `x-oss-forbid-overwrite`.
///
/// What belongs to a request and not to the object (`x-oss-request-payer`, `x-oss-traffic-limit`) is not among them.
///
/// ```
/// use oss_proto::ObjectHeaders;
///
/// let mut headers = ObjectHeaders::new();
/// headers.set("content-type", "text/plain")?;
/// headers.set("x-oss-object-acl", "private")?;
/// assert_eq!(headers.for_initiate().len(), 1, "the ACL waits for Complete");
/// assert!(headers.set("x-oss-meta-a", "line\r\nx-oss-object-acl: public-read").is_err());
/// # Ok::<(), oss_proto::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectHeaders(BTreeMap<String, String>);

impl ObjectHeaders {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one, replacing what it was. The name is taken in any case and kept in lower case; the value is sent as it
    /// is, in UTF-8.
    ///
    /// Values that OSS would refuse only at Complete, after everything is uploaded, are refused here.
    ///
    /// # Errors
    /// [`NameError::Header`] for a name that is not an object header, a value with control characters or white space
    /// at an end (it could become another header, or another value), and metadata over 8 KiB.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), NameError> {
        let name = name.to_ascii_lowercase();
        let checked = check_name(&name).and_then(|()| check_value(&name, value)).and_then(|()| {
            let fits = self.meta_len_without(&name) + name.len() + value.len() <= MAX_META;
            if fits || !name.starts_with(META) { Ok(()) } else { Err("user metadata is over 8 KiB together") }
        });
        match checked {
            Ok(()) => {
                self.0.insert(name, value.to_owned());
                Ok(())
            }
            Err(reason) => Err(NameError::Header { name, reason }),
        }
    }

    /// Sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// None is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `x-oss-forbid-overwrite: true` is set.
    pub fn forbids_overwrite(&self) -> bool {
        self.0.get(FORBID_OVERWRITE).is_some_and(|value| value == "true")
    }

    /// `x-oss-callback` is set: OSS answers with the callback server's reply, and a failed callback is a 203.
    pub fn has_callback(&self) -> bool {
        self.0.contains_key(CALLBACK)
    }

    /// Those of PutObject: all.
    pub fn for_put(&self) -> HeaderMap {
        self.select(|_| true)
    }

    /// Those of InitiateMultipartUpload.
    pub fn for_initiate(&self) -> HeaderMap {
        self.select(|name| name == FORBID_OVERWRITE || !ON_COMPLETE.contains(&name))
    }

    /// Those of CompleteMultipartUpload.
    pub fn for_complete(&self) -> HeaderMap {
        self.select(|name| ON_COMPLETE.contains(&name))
    }

    fn select(&self, wanted: impl Fn(&str) -> bool) -> HeaderMap {
        let wanted = self.iter().filter(|(name, _)| wanted(name));
        wanted
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("set() takes only header names");
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("set() refuses control characters");
                (name, value)
            })
            .collect()
    }

    fn meta_len_without(&self, name: &str) -> usize {
        let others = self.iter().filter(|(other, _)| other.starts_with(META) && *other != name);
        others.map(|(name, value)| name.len() + value.len()).sum()
    }
}

const META: &str = "x-oss-meta-";
const CALLBACK: &str = "x-oss-callback";
const CALLBACK_VAR: &str = "x-oss-callback-var";
const FORBID_OVERWRITE: &str = "x-oss-forbid-overwrite";
const OBJECT_ACL: &str = "x-oss-object-acl";
const ON_COMPLETE: [&str; 4] = [CALLBACK, CALLBACK_VAR, FORBID_OVERWRITE, OBJECT_ACL];
const ON_INITIATE: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-oss-storage-class",
    "x-oss-tagging",
];
const ENCRYPTION: &str = "x-oss-server-side-encryption";

fn check_name(name: &str) -> Result<(), &'static str> {
    let is_word = |text: &str| text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if ON_INITIATE.contains(&name) || ON_COMPLETE.contains(&name) {
        return Ok(());
    }
    if let Some(meta) = name.strip_prefix(META) {
        let good = !meta.is_empty() && is_word(meta);
        return if good { Ok(()) } else { Err("a metadata name may hold only a-z, 0-9 and -") };
    }
    match name.strip_prefix(ENCRYPTION) {
        Some("") => Ok(()),
        Some(more) if more.len() > 1 && more.starts_with('-') && is_word(more) => Ok(()),
        _ if matches!(name, "x-oss-request-payer" | "x-oss-traffic-limit") => {
            Err("belongs to a single request, not to the object")
        }
        _ => Err("is not a header that becomes part of an object"),
    }
}

fn check_value(name: &str, value: &str) -> Result<(), &'static str> {
    if value.chars().any(char::is_control) {
        return Err("the value holds a control character");
    }
    if value != value.trim() {
        return Err("the value starts or ends with white space, which would be lost on the way");
    }
    if value.len() > MAX_VALUE {
        return Err("the value is over 8 KiB");
    }
    match name {
        _ if name.starts_with(META) => Ok(()),
        _ if value.is_empty() => Err("the value is empty"),
        FORBID_OVERWRITE if !matches!(value, "true" | "false") => Err("the value must be true or false"),
        OBJECT_ACL if !matches!(value, "default" | "private" | "public-read" | "public-read-write") => {
            Err("the value must be default, private, public-read or public-read-write")
        }
        CALLBACK | CALLBACK_VAR if STANDARD.decode(value).is_err() => Err("the value must be base64"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn each_header_is_sent_on_the_call_that_wants_it() {
        let mut headers = ObjectHeaders::new();
        for (name, value) in [
            ("Content-Type", "text/plain"),
            ("content-language", "zh-CN"),
            ("x-oss-meta-Who", "你好"),
            ("x-oss-server-side-encryption", "KMS"),
            ("x-oss-server-side-encryption-key-id", "9468da86-3509-4f8d-a61e-6eab1eac"),
            ("x-oss-forbid-overwrite", "true"),
            ("x-oss-object-acl", "private"),
            ("x-oss-callback", "eyJjYWxsYmFja1VybCI6IiJ9"),
            ("x-oss-callback-var", "e30="),
        ] {
            headers.set(name, value).unwrap();
        }
        assert_eq!(
            names(&headers.for_initiate()),
            [
                "content-language",
                "content-type",
                "x-oss-forbid-overwrite",
                "x-oss-meta-who",
                "x-oss-server-side-encryption",
                "x-oss-server-side-encryption-key-id"
            ]
        );
        assert_eq!(
            names(&headers.for_complete()),
            ["x-oss-callback", "x-oss-callback-var", "x-oss-forbid-overwrite", "x-oss-object-acl"]
        );
        assert_eq!(headers.for_put().len(), 9);
        assert_eq!(headers.for_put()["x-oss-meta-who"].as_bytes(), "你好".as_bytes());
        assert!(headers.forbids_overwrite() && headers.has_callback());
        headers.set("x-oss-forbid-overwrite", "false").unwrap();
        assert!(!headers.forbids_overwrite());
    }

    #[test]
    fn names_that_are_not_the_objects_are_refused() {
        for name in [
            "",
            "host",
            "authorization",
            "content-length",
            "content-md5",
            "x-oss-date",
            "x-oss-security-token",
            "x-oss-request-payer",
            "x-oss-traffic-limit",
            "x-oss-meta-",
            "x-oss-meta-a_b",
            "x-oss-meta-a:b",
            "x-oss-meta-a\r\nb",
            "x-oss-server-side-encryptionx",
            "x-oss-server-side-encryption-",
            "x-oss-server-side-encryption-a b",
            "content-type ",
        ] {
            let error = ObjectHeaders::new().set(name, "v").unwrap_err();
            assert!(matches!(error, NameError::Header { .. }), "{name:?}");
        }
    }

    #[test]
    fn values_that_cannot_be_sent_or_would_fail_late_are_refused() {
        for (name, value) in [
            ("content-type", ""),
            ("content-type", "a\r\nHost: x"),
            ("content-type", "a\tb"),
            ("content-type", "a\u{0}"),
            ("x-oss-meta-a", "a\u{85}b"),
            ("x-oss-meta-a", " a"),
            ("x-oss-meta-a", "a\u{3000}"),
            ("x-oss-forbid-overwrite", "TRUE"),
            ("x-oss-object-acl", "public"),
            ("x-oss-callback", "{}"),
        ] {
            assert!(ObjectHeaders::new().set(name, value).is_err(), "{name}: {value:?}");
        }
        ObjectHeaders::new().set("x-oss-meta-empty", "").unwrap();
    }

    #[test]
    fn metadata_counts_together_and_a_replaced_value_counts_once() {
        let mut headers = ObjectHeaders::new();
        headers.set("x-oss-meta-a", &"v".repeat(5000)).unwrap();
        headers.set("x-oss-meta-a", &"w".repeat(5000)).unwrap();
        assert!(headers.set("x-oss-meta-b", &"v".repeat(5000)).is_err());
        headers.set("x-oss-meta-b", &"v".repeat(MAX_META - 5000 - 24)).unwrap();
        headers.set("cache-control", "no-cache").unwrap();
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_can_be_sent(name in "x-oss-meta-[a-z\\-]{1,8}|\\PC{0,20}|[ -~]{0,20}", value in any::<String>()) {
            let mut headers = ObjectHeaders::new();
            if headers.set(&name, &value).is_ok() {
                let sent = headers.for_put();
                prop_assert_eq!(sent.len(), 1);
                prop_assert_eq!(sent.values().next().unwrap().as_bytes(), value.as_bytes());
            }
        }
    }
}

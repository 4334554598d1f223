mod callback;
mod check;
mod tagging;

use crate::NameError;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};

/// Most user metadata an object may have, names and values together: 8 KiB (OSS: "Manage object metadata").
const MAX_META: usize = 8 * 1024;

/// Headers that become part of the object, each sent on the call where OSS wants it.
///
/// On Initiate (or PutObject): Content-Type, Cache-Control, Content-Disposition, Content-Encoding, Content-Language,
/// Expires, `x-oss-meta-*`, `x-oss-storage-class`, `x-oss-tagging`, `x-oss-server-side-encryption`, its `-key-id`,
/// `x-oss-server-side-data-encryption`, `x-oss-forbid-overwrite`.
/// On Complete (or PutObject): `x-oss-object-acl`, `x-oss-callback`, `x-oss-callback-var`, `x-oss-forbid-overwrite`.
///
/// What belongs to a request and not to the object (`x-oss-request-payer`, [`x-oss-traffic-limit`](crate::TrafficLimit))
/// is not among them.
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
        let checked = check::name(&name).and_then(|()| check::value(&name, value)).and_then(|()| {
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

    /// Adds a tag, percent-encoded into `x-oss-tagging`. At most 10, no key twice; a key has 1 to 128 characters, a value
    /// at most 256, of letters, digits, spaces and `+ - = . _ : /`.
    ///
    /// # Errors
    /// [`NameError::Header`] with the rule that is broken.
    pub fn add_tag(&mut self, key: &str, value: &str) -> Result<(), NameError> {
        let pair = tagging::pair(key, value);
        let tags = self.get(TAGGING).map_or_else(|| pair.clone(), |tags| format!("{tags}&{pair}"));
        self.set(TAGGING, &tags)
    }

    /// Sets `x-oss-callback`: what OSS posts to whom once the object is stored. `callback` is the JSON object of the API
    /// reference (`callbackUrl`, `callbackBody`, …), or that in base64.
    ///
    /// # Errors
    /// [`NameError::Header`] when OSS would refuse it, which it does only after everything is uploaded.
    pub fn set_callback(&mut self, callback: &str) -> Result<(), NameError> {
        self.set(CALLBACK, &callback::encoded(callback))
    }

    /// Sets `x-oss-callback-var`: the callback's own variables, a JSON object of `x:name` to text, or that in base64.
    ///
    /// # Errors
    /// [`NameError::Header`], as [`set_callback`](Self::set_callback).
    pub fn set_callback_var(&mut self, variables: &str) -> Result<(), NameError> {
        self.set(CALLBACK_VAR, &callback::encoded(variables))
    }

    /// The headers fit each other; [`set`](Self::set) looks at one alone.
    ///
    /// # Errors
    /// [`NameError::Header`]: a key id or a data encryption without KMS, callback variables without a callback.
    pub fn check_together(&self) -> Result<(), NameError> {
        let without_kms = self.get(ENCRYPTION) != Some("KMS");
        for (name, wrong, reason) in [
            (ENCRYPTION_KEY, without_kms, "needs x-oss-server-side-encryption: KMS"),
            (DATA_ENCRYPTION, without_kms, "needs x-oss-server-side-encryption: KMS"),
            (CALLBACK_VAR, !self.has_callback(), "needs x-oss-callback"),
        ] {
            if wrong && self.get(name).is_some() {
                return Err(NameError::Header { name: name.to_owned(), reason });
            }
        }
        Ok(())
    }

    /// The value of one, by its lower-case name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets `x-oss-forbid-overwrite: true`, or takes it out.
    pub fn set_forbid_overwrite(&mut self, forbid: bool) {
        match forbid {
            true => self.0.insert(FORBID_OVERWRITE.to_owned(), "true".to_owned()),
            false => self.0.remove(FORBID_OVERWRITE),
        };
    }

    /// The names of those by which the two make different objects: one has it and the other has not, or with another
    /// value. Sorted. `x-oss-forbid-overwrite` makes no other object, and is left out.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let names: BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let differs = |name: &&String| *name != FORBID_OVERWRITE && self.0.get(*name) != other.0.get(*name);
        names.into_iter().filter(differs).cloned().collect()
    }

    /// The headers of an object, as HeadObject tells them, are these: every one that is shown there is as it is here, and
    /// no other metadata, Cache-Control, … is there. Tags, ACL and callback are not shown, a content type that was not
    /// given is the server's choice.
    pub fn shown_by(&self, reply: &HeaderMap) -> bool {
        let hidden = |name: &str| matches!(name, TAGGING | FORBID_OVERWRITE);
        let asked = self.for_initiate();
        let all_there = asked.iter().all(|(name, value)| hidden(name.as_str()) || reply.get(name) == Some(value));
        let optional = |name: &str| name.starts_with(META) || SHOWN_WHEN_SET.contains(&name);
        let no_more = reply.keys().all(|name| !optional(name.as_str()) || asked.contains_key(name));
        all_there && no_more
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
const DATA_ENCRYPTION: &str = "x-oss-server-side-data-encryption";
const ENCRYPTION: &str = "x-oss-server-side-encryption";
const ENCRYPTION_KEY: &str = "x-oss-server-side-encryption-key-id";
const FORBID_OVERWRITE: &str = "x-oss-forbid-overwrite";
const OBJECT_ACL: &str = "x-oss-object-acl";
const STORAGE_CLASS: &str = "x-oss-storage-class";
const TAGGING: &str = "x-oss-tagging";
const ON_COMPLETE: [&str; 4] = [CALLBACK, CALLBACK_VAR, FORBID_OVERWRITE, OBJECT_ACL];
const ON_INITIATE: [&str; 11] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    STORAGE_CLASS,
    TAGGING,
    ENCRYPTION,
    ENCRYPTION_KEY,
    DATA_ENCRYPTION,
];

/// A reply has them only where they were set.
const SHOWN_WHEN_SET: [&str; 5] =
    ["cache-control", "content-disposition", "content-encoding", "content-language", "expires"];

#[cfg(test)]
mod tests;

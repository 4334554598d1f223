//! Reads single fields of a reply, strictly. An error is the reason in words, naming the field.

use crate::service_error::unix_seconds;
use crate::xml::Element;
use crate::{Bucket, Crc64, ETag, Key, UploadId, parse_iso8601};
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use std::str::FromStr;

/// The children of an element as fields: each at most once, white space around values dropped.
pub(crate) struct Fields<'a> {
    element: &'a Element<'a>,
    /// Keys, prefixes, delimiters and markers of this reply are percent-encoded.
    encoded: bool,
}

impl<'a> Fields<'a> {
    pub(crate) fn of_root(element: &'a Element<'a>) -> Result<Self, String> {
        let plain = Self { element, encoded: false };
        match plain.optional("EncodingType")? {
            None | Some("") => Ok(plain),
            Some("url") => Ok(Self { element, encoded: true }),
            Some(_) => Err("its EncodingType is not url".to_owned()),
        }
    }

    pub(crate) fn each(&self, name: &str) -> impl Iterator<Item = Fields<'a>> {
        let encoded = self.encoded;
        self.element.children_named(name).map(move |element| Fields { element, encoded })
    }

    pub(crate) fn optional(&self, name: &str) -> Result<Option<&'a str>, String> {
        Ok(self.only(name)?.map(Element::trimmed))
    }

    /// Absent or empty are the same.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.optional(name)?.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    pub(crate) fn required(&self, name: &str) -> Result<&'a str, String> {
        match self.optional(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            Some(_) => Err(format!("<{name}> is empty")),
            None => Err(format!("<{name}> is missing")),
        }
    }

    /// A field that `encoding-type=url` encodes; absent or empty are the same. White space may belong to it.
    pub(crate) fn name(&self, name: &str) -> Result<Option<String>, String> {
        let Some(element) = self.only(name)?.filter(|element| !element.text.is_empty()) else {
            return Ok(None);
        };
        if !self.encoded {
            return Ok(Some(element.text.clone().into_owned()));
        }
        percent_decoded(element.trimmed()).map(Some).ok_or_else(|| format!("<{name}> is not percent-encoded UTF-8"))
    }

    pub(crate) fn required_name(&self, name: &str) -> Result<String, String> {
        self.name(name)?.ok_or_else(|| format!("<{name}> is missing or empty"))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, String> {
        match self.required(name)? {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("<{name}> is neither true nor false")),
        }
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(text) = self.optional(name)?.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        decimal(text).map(Some).ok_or_else(|| format!("<{name}> is not a number in range"))
    }

    pub(crate) fn required_number<T: FromStr>(&self, name: &str) -> Result<T, String> {
        self.number(name)?.ok_or_else(|| format!("<{name}> is missing or empty"))
    }

    pub(crate) fn etag(&self, name: &str) -> Result<Option<ETag>, String> {
        let text = self.text(name)?;
        text.map(|text| ETag::new(&text)).transpose().map_err(|_| format!("<{name}> is not an ETag"))
    }

    pub(crate) fn crc64(&self, name: &str) -> Result<Option<Crc64>, String> {
        Ok(self.number(name)?.map(Crc64::new))
    }

    pub(crate) fn upload_id(&self, name: &str) -> Result<UploadId, String> {
        UploadId::new(self.required(name)?).map_err(|_| format!("<{name}> is not an upload id"))
    }

    pub(crate) fn date(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        parse_iso8601(&text).map(Some).ok_or_else(|| format!("<{name}> is not a date"))
    }

    /// The reply answers for this bucket.
    pub(crate) fn check_bucket(&self, name: &str, bucket: &Bucket) -> Result<(), String> {
        check_same(name, self.required(name)?, bucket.as_str())
    }

    /// The reply answers for this key.
    pub(crate) fn check_key(&self, key: &Key) -> Result<(), String> {
        check_same("Key", &self.required_name("Key")?, key.as_str())
    }

    /// The prefixes that a delimiter grouped.
    pub(crate) fn common_prefixes(&self) -> Result<Vec<String>, String> {
        self.each("CommonPrefixes").map(|group| group.required_name("Prefix")).collect()
    }

    fn only(&self, name: &str) -> Result<Option<&'a Element<'a>>, String> {
        let mut found = self.element.children_named(name);
        let first = found.next();
        match first {
            _ if found.next().is_some() => Err(format!("<{name}> is there twice")),
            Some(element) if !element.children.is_empty() => Err(format!("<{name}> has elements inside")),
            first => Ok(first),
        }
    }
}

fn check_same(name: &str, came: &str, asked: &str) -> Result<(), String> {
    if came == asked {
        return Ok(());
    }
    Err(format!("<{name}> is {came:?}, the question was about {asked:?}"))
}

/// Strict: every `%` leads two hex digits. A `+` is a plus: OSS writes a space as `%20`.
fn percent_decoded(text: &str) -> Option<String> {
    let pair = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !text.split('%').skip(1).all(pair) {
        return None;
    }
    percent_decode_str(text).decode_utf8().ok().map(|decoded| decoded.into_owned())
}

/// Digits only: `FromStr` would take a sign.
fn decimal<T: FromStr>(text: &str) -> Option<T> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// The first value of a header, when it is visible ASCII.
pub(crate) fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// The headers of a reply as fields.
pub(crate) struct HeaderFields<'a>(pub(crate) &'a HeaderMap);

impl HeaderFields<'_> {
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        let mut values = self.0.get_all(name).iter();
        let Some(first) = values.next() else {
            return Ok(None);
        };
        if values.any(|value| value != first) {
            return Err(format!("the header {name} is there twice, with different values"));
        }
        let text = first.to_str().map_err(|_| format!("the header {name} is not visible ASCII"))?.trim();
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    pub(crate) fn owned(&self, name: &str) -> Result<Option<String>, String> {
        Ok(self.text(name)?.map(str::to_owned))
    }

    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        decimal(text).map(Some).ok_or_else(|| format!("the header {name} is not a number in range"))
    }

    pub(crate) fn etag(&self) -> Result<Option<ETag>, String> {
        self.text("etag")?.map(ETag::new).transpose().map_err(|_| "the header etag is not an ETag".to_owned())
    }

    pub(crate) fn crc64(&self) -> Result<Option<Crc64>, String> {
        Ok(self.number("x-oss-hash-crc64ecma")?.map(Crc64::new))
    }

    pub(crate) fn version_id(&self) -> Result<Option<String>, String> {
        self.owned("x-oss-version-id")
    }

    pub(crate) fn date(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        unix_seconds(text).map(Some).ok_or_else(|| format!("the header {name} is not a date"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_is_strict_and_leaves_the_plus() {
        for (text, decoded) in [
            ("a%20b+c", Some("a b+c")),
            ("%E4%BD%A0%e5%a5%bd", Some("你好")),
            ("", Some("")),
            ("%2", None),
            ("%", None),
            ("%zz", None),
            ("a%%20", None),
            ("%FF", None),
            ("%é", None),
        ] {
            assert_eq!(percent_decoded(text).as_deref(), decoded, "{text:?}");
        }
    }
}

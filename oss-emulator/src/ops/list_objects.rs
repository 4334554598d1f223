//! ListObjects and ListObjectsV2: one listing, two ways to go on.

use super::bucket::owner;
use super::listing::{Found, Page, page, written};
use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, document};
use crate::store::Object;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oss_proto::format_iso8601;
use oss_proto::xml::Writer;
use std::sync::Arc;

/// What both versions ask for.
struct Question<'c> {
    call: &'c Call,
    prefix: &'c str,
    delimiter: &'c str,
    max: u32,
    encode: bool,
}

impl<'c> Question<'c> {
    fn read(call: &'c Call) -> Result<Self, Refusal> {
        Ok(Self {
            call,
            prefix: call.parameter("prefix").unwrap_or_default(),
            delimiter: call.parameter("delimiter").unwrap_or_default(),
            max: call.number("max-keys", 1..=1000, 100)?,
            encode: call.encodes()?,
        })
    }

    fn name(&self, xml: &mut Writer, element: &'static str, name: &str) {
        xml.text(element, written(name, self.encode));
    }

    /// What both versions say first.
    fn head(&self, xml: &mut Writer) {
        xml.text("Name", self.call.bucket());
        self.name(xml, "Prefix", self.prefix);
        xml.text("MaxKeys", self.max);
        self.name(xml, "Delimiter", self.delimiter);
        if self.encode {
            xml.text("EncodingType", "url");
        }
    }

    fn entries(&self, xml: &mut Writer, page: &Page<'_, &Arc<Object>>, with_owner: bool) {
        for found in &page.found {
            match found {
                Found::Item(key, object) => xml.element("Contents", |xml| self.object(xml, key, object, with_owner)),
                Found::Prefix(prefix) => xml.element("CommonPrefixes", |xml| self.name(xml, "Prefix", prefix)),
            }
        }
    }

    fn object(&self, xml: &mut Writer, key: &str, object: &Object, with_owner: bool) {
        let record = &object.record;
        self.name(xml, "Key", key);
        xml.text("LastModified", format_iso8601(record.modified));
        if let Some(etag) = self.call.etag(&record.etag) {
            xml.text("ETag", etag);
        }
        xml.text("Type", record.object_type());
        xml.text("Size", record.size);
        xml.text("StorageClass", record.storage_class());
        if with_owner {
            owner(xml);
        }
    }
}

pub(super) fn version_one(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let question = Question::read(call)?;
    let marker = call.parameter("marker").unwrap_or_default();
    shared.shelf.read(call.bucket(), |bucket| {
        let objects = bucket.objects.iter().map(|(key, object)| (key.as_str(), object));
        let page = page(objects, question.prefix, question.delimiter, marker, question.max);
        let body = document("ListBucketResult", |xml| {
            question.head(xml);
            question.name(xml, "Marker", marker);
            xml.text("IsTruncated", page.truncated);
            if page.truncated {
                question.name(xml, "NextMarker", page.last);
            }
            question.entries(xml, &page, true);
        });
        Ok(Reply::ok().with_xml(body))
    })
}

pub(super) fn version_two(shared: &Shared, call: &Call) -> Result<Reply, Refusal> {
    let question = Question::read(call)?;
    let token = call.parameter("continuation-token");
    let marker = match token {
        Some(token) => read_token(token)?,
        None => call.parameter("start-after").unwrap_or_default().to_owned(),
    };
    let with_owner = call.parameter("fetch-owner") == Some("true");
    shared.shelf.read(call.bucket(), |bucket| {
        let objects = bucket.objects.iter().map(|(key, object)| (key.as_str(), object));
        let page = page(objects, question.prefix, question.delimiter, &marker, question.max);
        let body = document("ListBucketResult", |xml| {
            question.head(xml);
            question.name(xml, "StartAfter", call.parameter("start-after").unwrap_or_default());
            if let Some(token) = token {
                question.name(xml, "ContinuationToken", token);
            }
            xml.text("IsTruncated", page.truncated);
            if page.truncated {
                question.name(xml, "NextContinuationToken", &URL_SAFE_NO_PAD.encode(page.last));
            }
            xml.text("KeyCount", page.found.len());
            question.entries(xml, &page, with_owner);
        });
        Ok(Reply::ok().with_xml(body))
    })
}

/// A token is the last name on the page before, wrapped so that nobody takes it for one.
fn read_token(token: &str) -> Result<String, Refusal> {
    let name = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| Refusal::argument("continuation-token", token, "The specified continuation-token is invalid."))
}

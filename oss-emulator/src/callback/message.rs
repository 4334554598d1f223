//! `x-oss-callback` and `x-oss-callback-var`, and the body made of them.

use super::{About, CallbackRequest};
use crate::refusal::Refusal;
use crate::store::ObjectRecord;
use oss_proto::ObjectHeaders;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

const FORM: &str = "application/x-www-form-urlencoded";

#[derive(Debug)]
pub(super) struct Message {
    urls: Vec<String>,
    body: String,
    content_type: String,
    variables: Map<String, Value>,
}

impl Message {
    /// Both in base64.
    pub(super) fn read(callback: &str, variables: Option<&str>) -> Result<Self, Refusal> {
        let mut headers = ObjectHeaders::new();
        let refused = |name, value: &str| Refusal::argument(name, value, "The callback configuration is not valid.");
        headers.set("x-oss-callback", callback).map_err(|_| refused("callback", callback))?;
        if let Some(variables) = variables {
            headers.set("x-oss-callback-var", variables).map_err(|_| refused("callback-var", variables))?;
        }
        let callback = object(callback);
        let text = |name: &str| callback.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            urls: text("callbackUrl").unwrap_or_default().split(';').map(|url| url.trim().to_owned()).collect(),
            body: text("callbackBody").unwrap_or_default(),
            content_type: text("callbackBodyType").unwrap_or_else(|| FORM.to_owned()),
            variables: variables.map(object).unwrap_or_default(),
        })
    }

    /// One for every URL, in the order they are to be tried.
    pub(super) fn requests(&self, about: &About, record: &ObjectRecord) -> Vec<CallbackRequest> {
        let body = self.filled(about, record);
        let request = |url: &String| CallbackRequest {
            url: url.clone(),
            content_type: self.content_type.clone(),
            body: body.clone(),
        };
        self.urls.iter().map(request).collect()
    }

    /// Every `${name}` is replaced; a name nobody knows by nothing.
    fn filled(&self, about: &About, record: &ObjectRecord) -> String {
        let (mut filled, mut rest) = (String::new(), self.body.as_str());
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((name, after)) = after.split_once('}') else {
                filled.push_str("${");
                rest = after;
                break;
            };
            filled.push_str(&self.written(&self.value(name, about, record)));
            rest = after;
        }
        filled + rest
    }

    fn value(&self, name: &str, about: &About, record: &ObjectRecord) -> Value {
        match name {
            "bucket" => about.bucket.as_str().into(),
            "object" => about.key.as_str().into(),
            "etag" => record.etag.as_str().into(),
            "size" => record.size.into(),
            "mimeType" => record.headers.get("content-type").cloned().unwrap_or_default().into(),
            "crc64" => record.crc64.to_string().into(),
            "contentMd5" => record.content_md5.clone().unwrap_or_default().into(),
            "reqId" => about.request_id.as_str().into(),
            "operation" => about.operation.into(),
            other => self.variables.get(other).cloned().unwrap_or_else(|| "".into()),
        }
    }

    /// As its type has it: JSON, or a form's percent-encoding.
    fn written(&self, value: &Value) -> String {
        match value {
            value if self.content_type != FORM => value.to_string(),
            Value::String(text) => utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
            value => value.to_string(),
        }
    }
}

/// A header that was checked.
fn object(base64: &str) -> Map<String, Value> {
    use base64::Engine as _;
    let json = base64::engine::general_purpose::STANDARD.decode(base64).unwrap_or_default();
    serde_json::from_slice(&json).unwrap_or_default()
}

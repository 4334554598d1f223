//! `x-oss-callback` and `x-oss-callback-var`: JSON in base64. OSS looks at them once everything is uploaded, so they are
//! checked here, before anything is sent.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// OSS posts to the first of so many URLs that answers.
const MAX_URLS: usize = 5;
const BODY_TYPES: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];

/// JSON is put into base64; anything else is taken for base64 already.
pub(super) fn encoded(given: &str) -> String {
    let given = given.trim();
    if given.starts_with('{') { STANDARD.encode(given) } else { given.to_owned() }
}

pub(super) fn check(value: &str) -> Result<(), &'static str> {
    let fields = object(value)?;
    let text = |name: &str| match fields.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err("callbackUrl, callbackHost, callbackBody and callbackBodyType are strings"),
    };
    let urls = text("callbackUrl")?.filter(|urls| !urls.is_empty()).ok_or("callbackUrl is missing")?;
    if urls.split(';').count() > MAX_URLS {
        return Err("callbackUrl names more than 5 URLs");
    }
    text("callbackBody")?.filter(|body| !body.is_empty()).ok_or("callbackBody is missing")?;
    text("callbackHost")?;
    if text("callbackBodyType")?.is_some_and(|kind| !BODY_TYPES.contains(&kind)) {
        return Err("callbackBodyType must be application/x-www-form-urlencoded or application/json");
    }
    match fields.get("callbackSNI") {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(_) => Err("callbackSNI must be true or false"),
    }
}

pub(super) fn check_variables(value: &str) -> Result<(), &'static str> {
    for (name, value) in object(value)? {
        let good = name.strip_prefix("x:").is_some_and(|rest| !rest.is_empty());
        if !good || name.chars().any(char::is_uppercase) {
            return Err("the names of callback variables start with x: and are lower case");
        }
        if !value.is_string() {
            return Err("the values of callback variables are strings");
        }
    }
    Ok(())
}

fn object(value: &str) -> Result<Map<String, Value>, &'static str> {
    let json = STANDARD.decode(value).map_err(|_| "the value must be a JSON object, or one in base64")?;
    serde_json::from_slice(&json).map_err(|_| "the value in base64 is not a JSON object")
}

use super::*;
use proptest::prelude::*;

/// `{"callbackUrl":"http://127.0.0.1/","callbackBody":"bucket=${bucket}"}`
const CALLBACK_JSON: &str =
    "eyJjYWxsYmFja1VybCI6Imh0dHA6Ly8xMjcuMC4wLjEvIiwiY2FsbGJhY2tCb2R5IjoiYnVja2V0PSR7YnVja2V0fSJ9";

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
        ("x-oss-callback", CALLBACK_JSON),
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
        "x-oss-server-side-encryption-context",
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
        ("x-oss-callback", "e30="),
        ("x-oss-storage-class", "standard"),
        ("x-oss-server-side-encryption", "aes256"),
        ("x-oss-server-side-data-encryption", "AES256"),
        ("x-oss-server-side-encryption-key-id", "a b"),
        ("x-oss-tagging", "a=b=c"),
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

#[test]
fn every_header_refuses_what_could_end_it_or_begin_another() {
    let names = ON_INITIATE.into_iter().chain(ON_COMPLETE).chain(["x-oss-meta-a"]);
    for name in names {
        let hostile = (0..=0x1f).chain([0x7f, 0x85, 0x9b]).filter_map(char::from_u32);
        for control in hostile {
            for value in [format!("a{control}b"), format!("{control}a"), format!("a{control}")] {
                assert!(ObjectHeaders::new().set(name, &value).is_err(), "{name}: {value:?}");
            }
            assert!(ObjectHeaders::new().set(&format!("{name}{control}"), "a").is_err(), "{name}{control:?}");
        }
    }
}

#[test]
fn tags_are_encoded_for_the_user_and_keep_their_limits() {
    let mut headers = ObjectHeaders::new();
    headers.add_tag("project name", "a+b=c/d:e").unwrap();
    headers.add_tag("日期", "").unwrap();
    assert_eq!(headers.get("x-oss-tagging"), Some("project%20name=a%2Bb%3Dc%2Fd%3Ae&%E6%97%A5%E6%9C%9F="));
    let refused = |key: &str, value: &str| ObjectHeaders::new().add_tag(key, value).is_err();
    assert!(refused("", "v") && refused(&"k".repeat(129), "v") && refused("k", &"v".repeat(257)));
    assert!(refused("a&b", "v") && refused("k", "a,b") && refused("k", "a\r\nb") && refused("k\0", "v"));
    assert!(!refused(&"é".repeat(128), &"é".repeat(256)));
    assert!(headers.add_tag("日期", "again").is_err(), "a key twice");
    (2..10).for_each(|n| headers.add_tag(&format!("k{n}"), "v").unwrap());
    let full = headers.clone();
    assert!(headers.add_tag("k10", "v").is_err());
    assert_eq!(headers, full, "what was refused changed nothing");
    for raw in ["a=1&b", "a=%41", "a=x+y"] {
        ObjectHeaders::new().set("x-oss-tagging", raw).unwrap();
    }
    for raw in ["=v", "a=1&a=2", "a=1&", "a=%FF"] {
        assert!(ObjectHeaders::new().set("x-oss-tagging", raw).is_err(), "{raw}");
    }
}

#[test]
fn a_callback_is_given_as_json_or_as_base64_and_checked() {
    let json = r#"{"callbackUrl":"http://127.0.0.1/","callbackBody":"bucket=${bucket}"}"#;
    for given in [json, CALLBACK_JSON, &format!("  {json}\n")] {
        let mut headers = ObjectHeaders::new();
        headers.set_callback(given).unwrap();
        assert_eq!(headers.get("x-oss-callback"), Some(CALLBACK_JSON), "{given}");
    }
    for (json, reason) in [
        ("{", "not a JSON object"),
        ("[]", "must be a JSON object"),
        ("{}", "callbackUrl is missing"),
        (r#"{"callbackUrl": "u"}"#, "callbackBody is missing"),
        (r#"{"callbackUrl": 1, "callbackBody": "b"}"#, "are strings"),
        (r#"{"callbackUrl": "a;b;c;d;e;f", "callbackBody": "b"}"#, "5 URLs"),
        (r#"{"callbackUrl": "u", "callbackBody": "b", "callbackBodyType": "text/plain"}"#, "callbackBodyType"),
        (r#"{"callbackUrl": "u", "callbackBody": "b", "callbackSNI": "yes"}"#, "callbackSNI"),
    ] {
        let error = ObjectHeaders::new().set_callback(json).unwrap_err().to_string();
        assert!(error.contains(reason), "{json}: {error}");
    }
    ObjectHeaders::new().set_callback_var(r#"{"x:order": "17"}"#).unwrap();
    for json in [r#"{"order": "17"}"#, r#"{"x:": "17"}"#, r#"{"x:Order": "17"}"#, r#"{"x:order": 17}"#] {
        assert!(ObjectHeaders::new().set_callback_var(json).is_err(), "{json}");
    }
}

#[test]
fn headers_that_need_another_are_refused_without_it() {
    let mut headers = ObjectHeaders::new();
    headers.set("x-oss-server-side-encryption-key-id", "9468da86").unwrap();
    assert!(headers.check_together().is_err());
    headers.set("x-oss-server-side-encryption", "AES256").unwrap();
    assert!(headers.check_together().unwrap_err().to_string().contains("KMS"));
    headers.set("x-oss-server-side-encryption", "KMS").unwrap();
    headers.set("x-oss-server-side-data-encryption", "SM4").unwrap();
    headers.check_together().unwrap();
    headers.set_callback_var(r#"{"x:a": "b"}"#).unwrap();
    assert!(headers.check_together().is_err());
    headers.set("x-oss-callback", CALLBACK_JSON).unwrap();
    headers.check_together().unwrap();
}

#[test]
fn what_differs_is_named_and_only_that() {
    let (mut one, mut other) = (ObjectHeaders::new(), ObjectHeaders::new());
    for headers in [&mut one, &mut other] {
        headers.set("x-oss-meta-same", "v").unwrap();
    }
    one.set("x-oss-meta-only", "v").unwrap();
    one.set("cache-control", "a").unwrap();
    other.set("cache-control", "b").unwrap();
    assert_eq!(one.differing(&other), ["cache-control", "x-oss-meta-only"]);
    assert_eq!(one.differing(&other), other.differing(&one));
    assert!(one.differing(&one.clone()).is_empty());
    other = one.clone();
    other.set_forbid_overwrite(true);
    assert!(other.forbids_overwrite() && other.differing(&one).is_empty(), "it makes no other object");
    other.set_forbid_overwrite(false);
    assert_eq!(other, one);
}

#[test]
fn an_objects_headers_are_told_from_those_of_another() {
    let mut headers = ObjectHeaders::new();
    for (name, value) in [
        ("content-type", "text/plain"),
        ("x-oss-meta-a", "你"),
        ("x-oss-storage-class", "IA"),
        ("x-oss-tagging", "a=b"),
    ] {
        headers.set(name, value).unwrap();
    }
    headers.set_forbid_overwrite(true);
    let mut reply = headers.for_initiate();
    reply.remove("x-oss-tagging");
    reply.remove("x-oss-forbid-overwrite");
    reply.insert("etag", HeaderValue::from_static("x"));
    assert!(headers.shown_by(&reply));
    for (name, value) in [("content-type", "text/html"), ("x-oss-meta-b", "c"), ("cache-control", "no-cache")] {
        let mut other = reply.clone();
        other.insert(name, HeaderValue::from_static(value));
        assert!(!headers.shown_by(&other), "{name}");
    }
    reply.remove("x-oss-meta-a");
    assert!(!headers.shown_by(&reply));
    assert!(ObjectHeaders::new().shown_by(&ObjectHeaders::new().for_put()));
}

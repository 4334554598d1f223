//! Initiate and Complete.

use super::*;
use oss_proto::ops::*;
use oss_proto::{Crc64, ETag, ObjectHeaders, PartNumber};

const INITIATED: &str = "<InitiateMultipartUploadResult><EncodingType>url</EncodingType><Bucket>oss-example</Bucket>\
    <Key>dir%2Fmultipart%20%E4%BD%A0.data</Key><UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId></InitiateMultipartUploadResult>";

const COMPLETED: &str = "<CompleteMultipartUploadResult><EncodingType>url</EncodingType>\
    <Location>http://oss-example.oss-cn-hangzhou.aliyuncs.com/dir/multipart%20%E4%BD%A0.data</Location><Bucket>oss-example</Bucket>\
    <Key>dir/multipart%20%E4%BD%A0.data</Key><ETag>&quot;B864DB6A936D376F9F8D3ED3BBE540DD-3&quot;</ETag></CompleteMultipartUploadResult>";

const HEADERS: [(&str, &str); 3] =
    [("x-oss-request-id", "51C2"), ("x-oss-hash-crc64ecma", "5981764153023615706"), ("x-oss-version-id", "CAEQ")];

fn initiate() -> InitiateMultipartUpload {
    InitiateMultipartUpload { bucket: bucket(), key: key(), headers: ObjectHeaders::new() }
}

fn complete(headers: ObjectHeaders) -> CompleteMultipartUpload {
    let part = (PartNumber::new(1).expect("valid"), ETag::new("A").expect("valid"));
    CompleteMultipartUpload { bucket: bucket(), key: key(), upload_id: upload_id(), parts: vec![part], headers }
}

fn etag() -> Option<ETag> {
    ETag::new("B864DB6A936D376F9F8D3ED3BBE540DD-3").ok()
}

#[test]
fn initiate_gives_the_id_of_our_upload_only() {
    check_document(&initiate(), &HEADERS, INITIATED, &["Bucket", "Key", "UploadId"]);
    let parse = |document: &str| initiate().parse(&reply(200, &HEADERS, document));
    assert_eq!(parse(INITIATED).unwrap().upload_id, upload_id());
    for (from, to, named) in [
        ("oss-example", "oss-examplf", "<Bucket>"),
        ("multipart", "multipaRt", "<Key>"),
        ("%20", "+", "<Key>"),
        ("%20", "%2", "<Key>"),
        ("%BD", "", "<Key>"),
        ("<EncodingType>url</EncodingType>", "", "<Key>"),
        ("url", "base64", "EncodingType"),
        (">0004", ">0 04", "<UploadId>"),
        ("<UploadId>0004", "<UploadId><b/>0004", "<UploadId>"),
    ] {
        let reason = reason(parse(&INITIATED.replace(from, to)));
        assert!(reason.contains(named), "{from} -> {to}: {reason}");
    }
}

#[test]
fn names_are_decoded_exactly_when_the_reply_says_they_are_encoded() {
    let plain = "<InitiateMultipartUploadResult><Bucket>oss-example</Bucket><Key>100%25 + %zz</Key><UploadId>U</UploadId></InitiateMultipartUploadResult>";
    let mut operation = initiate();
    operation.key = Key::new("100%25 + %zz").unwrap();
    assert!(operation.parse(&reply(200, &[], plain)).is_ok());

    let encoded = plain.replace("<Bucket>", "<EncodingType>url</EncodingType><Bucket>");
    assert!(reason(operation.parse(&reply(200, &[], &encoded))).contains("percent-encoded"));
    operation.key = Key::new("tab\t\u{1}\r\n").unwrap();
    let encoded = encoded.replace("100%25 + %zz", "tab%09%01%0d%0A");
    assert!(operation.parse(&reply(200, &[], &encoded)).is_ok(), "keys that XML cannot carry");
}

#[test]
fn complete_gives_what_was_published() {
    let complete = complete(ObjectHeaders::new());
    check_document(&complete, &HEADERS, COMPLETED, &["Bucket", "Key", "ETag"]);
    let output = complete.parse(&reply(200, &HEADERS, COMPLETED)).unwrap();
    let crc64 = Some(Crc64::of(b"hello world"));
    assert_eq!(
        output,
        CompleteMultipartUploadOutput { etag: etag(), crc64, version_id: Some("CAEQ".to_owned()), callback_body: None }
    );

    let other_object = COMPLETED.replace("oss-example</Bucket>", "other</Bucket>");
    assert!(reason(complete.parse(&reply(200, &HEADERS, &other_object))).contains("<Bucket>"));
    let same = [("etag", "\"B864DB6A936D376F9F8D3ED3BBE540DD-3\"")];
    assert_eq!(complete.parse(&reply(200, &same, COMPLETED)).unwrap().etag, etag());
    let different = [("etag", "\"C864DB6A936D376F9F8D3ED3BBE540DD-3\"")];
    assert!(reason(complete.parse(&reply(200, &different, COMPLETED))).contains("ETag"));
    let bad_crc = [("x-oss-hash-crc64ecma", "1e3")];
    assert!(reason(complete.parse(&reply(200, &bad_crc, COMPLETED))).contains("crc64ecma"));
}

#[test]
fn a_malformed_reply_keeps_its_request_id() {
    let error = complete(ObjectHeaders::new()).parse(&reply(200, &HEADERS, "")).unwrap_err();
    assert_eq!(error.request_id(), Some("51C2"));
    assert_eq!(error.to_string(), "the reply to CompleteMultipartUpload cannot be read: the reply has no body");
}

#[test]
fn a_callbacks_json_is_taken_only_when_one_was_asked_for() {
    let mut headers = ObjectHeaders::new();
    headers.set_callback(r#"{"callbackUrl": "http://127.0.0.1/", "callbackBody": "${bucket}"}"#).unwrap();
    let (with, without) = (complete(headers), complete(ObjectHeaders::new()));
    let mut replied = HEADERS.to_vec();
    replied.push(("etag", "\"B864DB6A936D376F9F8D3ED3BBE540DD-3\""));
    let json = reply(200, &replied, "{\"Status\": \"OK\"}");
    let output = with.parse(&json).unwrap();
    assert_eq!((output.etag, output.callback_body.as_deref()), (etag(), Some(b"{\"Status\": \"OK\"}".as_slice())));
    assert!(reason(without.parse(&json)).contains("JSON"));

    assert_eq!(with.parse(&reply(200, &HEADERS, COMPLETED)).unwrap().etag, etag(), "OSS's own XML");
    assert_eq!(with.parse(&reply(200, &HEADERS, COMPLETED)).unwrap().callback_body, None);
    for body in ["", "<html></html>", "<CompleteMultipartUploadResult>", "<Other/>", "<Error><Code>"] {
        reason(with.parse(&reply(200, &replied, body)));
    }
    let failed = "<Error><Code>CallbackFailed</Code></Error>";
    for body in [failed, "", "<html></html>"] {
        assert_eq!(code(with.parse(&reply(203, &replied, body))), ErrorCode::CALLBACK_FAILED, "{body}");
    }
    assert_eq!(code(without.parse(&reply(203, &replied, failed))), ErrorCode::CALLBACK_FAILED);
    assert_eq!(code(without.parse(&reply(203, &replied, ""))), ErrorCode::BAD_ERROR_RESPONSE);
}

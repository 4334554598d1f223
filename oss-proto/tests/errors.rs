//! Every shape in which OSS, or something between, says no.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use oss_proto::ops::{AbortMultipartUpload, HeadObject};
use oss_proto::{Bucket, ErrorCode, Key, Operation, Reply, ReplyError, ServiceError, UploadId};
use proptest::prelude::*;
use std::time::Duration;

fn reply(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    Reply { status: StatusCode::from_u16(status).expect("a status"), headers: map, body: body.to_vec().into() }
}

fn error(status: u16, headers: &[(&str, &str)], body: &str) -> ServiceError {
    ServiceError::from_reply(&reply(status, headers, body.as_bytes())).expect("an error")
}

const NO_SUCH_UPLOAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Error xmlns="http://doc.oss-cn-hangzhou.aliyuncs.com">
  <Code> NoSuchUpload </Code>
  <Message>The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.</Message>
  <RequestId>57ABD896CCB80C366955187E</RequestId>
  <HostId>bucket.oss-cn-hangzhou.aliyuncs.com</HostId>
  <UploadId>0004B9894A22E5B1888A1E29F8236E2D</UploadId>
  <EC>0042-00000002</EC>
  <RecommendDoc>https://api.aliyun.com/troubleshoot?q=0042-00000002&amp;x=1</RecommendDoc>
</Error>"#;

#[test]
fn the_details_of_an_error_body_are_read() {
    let error = error(404, &[], NO_SUCH_UPLOAD);
    assert_eq!(error.status, StatusCode::NOT_FOUND);
    assert_eq!(error.code, ErrorCode::NO_SUCH_UPLOAD);
    assert!(error.message.starts_with("The specified upload does not exist."));
    assert_eq!(error.request_id.as_deref(), Some("57ABD896CCB80C366955187E"));
    assert_eq!(error.host_id.as_deref(), Some("bucket.oss-cn-hangzhou.aliyuncs.com"));
    assert_eq!(error.ec.as_deref(), Some("0042-00000002"));
    assert_eq!(error.recommend_doc.as_deref(), Some("https://api.aliyun.com/troubleshoot?q=0042-00000002&x=1"));
    assert_eq!((error.endpoint, error.part_number, error.server_time, error.retry_after), (None, None, None, None));
}

#[test]
fn the_headers_win_over_the_body() {
    let headers = [("x-oss-request-id", "5CAC49BCC"), ("x-oss-ec", "0042-00000009")];
    let error = error(404, &headers, NO_SUCH_UPLOAD);
    assert_eq!(error.request_id.as_deref(), Some("5CAC49BCC"));
    assert_eq!(error.ec.as_deref(), Some("0042-00000009"));
}

#[test]
fn fields_of_single_codes_are_read() {
    let moved = "<Error><Code>AccessDenied</Code><Message>m</Message><Bucket>b</Bucket><Endpoint>oss-cn-shenzhen.aliyuncs.com</Endpoint></Error>";
    assert_eq!(error(403, &[], moved).endpoint.as_deref(), Some("oss-cn-shenzhen.aliyuncs.com"));
    let part = "<Error><Code>InvalidPart</Code><PartNumber>3</PartNumber><ETag>\"A\"</ETag></Error>";
    assert_eq!(error(400, &[], part).part_number, Some(3));
    let skew = "<Error><Code>RequestTimeTooSkewed</Code><ServerTime>2012-02-23T07:01:34.000Z</ServerTime></Error>";
    let date = [("date", "Thu, 23 Feb 2012 07:01:40 GMT")];
    assert_eq!(error(403, &[], skew).server_time, Some(1_329_980_494));
    assert_eq!(error(403, &date, skew).server_time, Some(1_329_980_494));
    assert_eq!(error(403, &date, "").server_time, Some(1_329_980_500));
}

#[test]
fn waiting_times_are_read_rounded_up_and_bounded() {
    let wait = |headers: &[(&str, &str)]| error(503, headers, "").retry_after.map(|wait| wait.as_secs());
    let date = ("date", "Thu, 23 Feb 2012 07:01:40 GMT");
    for (headers, seconds) in [
        (vec![], None),
        (vec![("retry-after", "7")], Some(7)),
        (vec![("retry-after", "7"), ("x-oss-qos-delay-time", "1500")], Some(7)),
        (vec![("x-oss-qos-delay-time", "1500")], Some(2)),
        (vec![("x-oss-qos-delay-time", "0")], Some(0)),
        (vec![date, ("retry-after", "Thu, 23 Feb 2012 07:02:00 GMT")], Some(20)),
        (vec![date, ("retry-after", "Thu, 23 Feb 2012 07:00:00 GMT")], Some(0)),
        (vec![("retry-after", "Thu, 23 Feb 2012 07:02:00 GMT")], None),
        (vec![("retry-after", "soon"), ("x-oss-qos-delay-time", "1")], Some(1)),
        (vec![("retry-after", "18446744073709551615")], Some(24 * 60 * 60)),
        (vec![("x-oss-qos-delay-time", "18446744073709551615")], Some(24 * 60 * 60)),
        (vec![("retry-after", "-1")], None),
    ] {
        assert_eq!(wait(&headers), seconds, "{headers:?}");
    }
}

#[test]
fn what_is_not_an_error_of_oss_is_named_in_words() {
    for (body, words) in [
        ("", "no body"),
        ("<!DOCTYPE html><html><title>Log in</title></html>", "HTML"),
        ("  <HTML><body>502 Bad Gateway</body></HTML>", "HTML"),
        ("{\"error\": \"quota\"}", "JSON"),
        ("[1]", "JSON"),
        ("<Error><Code>InternalErr", "not complete"),
        ("<Fault><Code>A</Code></Fault>", "not what OSS sends"),
        ("upstream connect error", "22 bytes"),
    ] {
        let error = error(502, &[("x-oss-request-id", "R")], body);
        assert_eq!(error.code, ErrorCode::BAD_ERROR_RESPONSE, "{body}");
        assert!(error.message.contains(words), "{body}: {}", error.message);
        assert_eq!(error.request_id.as_deref(), Some("R"));
    }
    assert_eq!(error(500, &[], "<Error><Message>m</Message></Error>").code, ErrorCode::BAD_ERROR_RESPONSE);
}

#[test]
fn only_success_without_an_error_body_is_none() {
    let is_error = |status, body: &str| ServiceError::from_reply(&reply(status, &[], body.as_bytes())).is_some();
    for status in [200, 201, 204, 206] {
        assert!(!is_error(status, ""));
        assert!(!is_error(status, "<ListPartsResult><Error/></ListPartsResult>"));
        assert!(is_error(status, "<Error><Code>InternalError</Code></Error>"));
        assert!(!is_error(status, "<Error><Code>Internal"), "neither: the operation calls it malformed");
    }
    for status in [100, 203, 301, 304, 400, 404, 500, 599] {
        assert!(is_error(status, ""), "{status}");
    }
}

#[test]
fn a_failed_callback_is_an_error_with_status_203() {
    let body = "<Error><Code>CallbackFailed</Code><Message>Error status : 502.</Message></Error>";
    let error = error(203, &[], body);
    assert_eq!((error.status.as_u16(), error.code), (203, ErrorCode::CALLBACK_FAILED));
}

fn head() -> HeadObject {
    HeadObject { bucket: Bucket::new("bucket").expect("valid"), key: Key::new("key").expect("valid"), version_id: None }
}

fn service(result: Result<impl std::fmt::Debug, ReplyError>) -> ServiceError {
    match result {
        Err(ReplyError::Service(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn head_reads_the_error_from_its_header() {
    let encoded = STANDARD.encode(NO_SUCH_UPLOAD.replace("NoSuchUpload", "NoSuchBucket"));
    let error = service(head().parse(&reply(404, &[("x-oss-err", &encoded), ("x-oss-request-id", "R")], b"")));
    assert_eq!(error.code, ErrorCode::NO_SUCH_BUCKET);
    assert_eq!(error.ec.as_deref(), Some("0042-00000002"));
}

#[test]
fn head_takes_a_bare_404_for_a_missing_object_only_when_oss_said_it() {
    let from_oss = service(head().parse(&reply(404, &[("x-oss-request-id", "R")], b"")));
    assert_eq!(from_oss.code, ErrorCode::NO_SUCH_KEY);
    let from_anybody = service(head().parse(&reply(404, &[("server", "nginx")], b"")));
    assert_eq!(from_anybody.code, ErrorCode::BAD_ERROR_RESPONSE);
    let broken = service(head().parse(&reply(403, &[("x-oss-request-id", "R"), ("x-oss-err", "!")], b"")));
    assert_eq!(broken.code, ErrorCode::BAD_ERROR_RESPONSE);
}

#[test]
fn an_error_prints_its_request_id_and_no_control_characters() {
    let body =
        "<Error><Code>AccessDenied</Code><Message>a\u{9b}31mb</Message><RequestId>R</RequestId><EC>E</EC></Error>";
    assert_eq!(error(403, &[], body).to_string(), "OSS answered 403 AccessDenied: a 31mb (request id R, EC E)");
}

#[test]
fn a_huge_message_is_cut() {
    let body = format!("<Error><Code>A</Code><Message>{}</Message></Error>", "x".repeat(100_000));
    assert_eq!(error(400, &[], &body).message.len(), 4096);
}

#[test]
fn every_cut_of_an_error_body_keeps_the_status_and_never_invents_a_code() {
    let operation = AbortMultipartUpload {
        bucket: Bucket::new("bucket").unwrap(),
        key: Key::new("key").unwrap(),
        upload_id: UploadId::new("id").unwrap(),
    };
    for end in 0..NO_SUCH_UPLOAD.len() {
        let error = service(operation.parse(&reply(404, &[], &NO_SUCH_UPLOAD.as_bytes()[..end])));
        assert_eq!((error.status.as_u16(), error.code), (404, ErrorCode::BAD_ERROR_RESPONSE), "cut at {end}");
    }
    assert_eq!(service(operation.parse(&reply(404, &[], NO_SUCH_UPLOAD.as_bytes()))).code, ErrorCode::NO_SUCH_UPLOAD);
}

proptest! {
    #[test]
    fn a_written_error_is_read_back(code in "[A-Z][A-Za-z]{2,20}", message in "[ -~é你]{0,40}", id in proptest::option::of("[0-9A-F]{1,24}"), part in proptest::option::of(1..=10_000u32), time in proptest::option::of(0..4_000_000_000u64)) {
        let mut written = ServiceError::new(StatusCode::BAD_REQUEST, ErrorCode::new(code), message.trim());
        written.request_id = id.clone();
        written.host_id = id.clone();
        written.endpoint = id.clone();
        written.ec = id.clone();
        written.recommend_doc = id;
        written.part_number = part;
        written.server_time = time;
        let body = written.to_xml();
        prop_assert_eq!(ServiceError::from_reply(&reply(400, &[], body.as_bytes())), Some(written.clone()));
        // On HEAD the same document travels in a header.
        let encoded = STANDARD.encode(&body);
        prop_assert_eq!(ServiceError::from_reply(&reply(400, &[("x-oss-err", &encoded)], b"")), Some(written));
    }

    #[test]
    fn no_reply_panics(status in 100..600u16, body in proptest::collection::vec(any::<u8>(), 0..100), wait in "\\PC{0,10}") {
        let mut reply = reply(status, &[], &body);
        if let Ok(value) = HeaderValue::from_str(&wait) {
            for name in ["retry-after", "x-oss-qos-delay-time", "x-oss-err", "date"] {
                reply.headers.insert(name, value.clone());
            }
        }
        if let Some(error) = ServiceError::from_reply(&reply) {
            prop_assert!(error.retry_after <= Some(Duration::from_secs(86_400)));
        }
    }
}

//! Operations whose success is told by status and headers alone.

use super::*;
use oss_proto::ops::*;
use oss_proto::{Crc64, ETag, ObjectHeaders, PartNumber};

const STORED: [(&str, &str); 6] = [
    ("server", "AliyunOSS"),
    ("x-oss-request-id", "5C06A3B67B8B5A3DA422299D"),
    ("etag", "\"D41D8CD98F00B204E9800998ECF8427E\""),
    ("x-oss-hash-crc64ecma", "316181249502703****"),
    ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    ("x-oss-version-id", "CAEQNhiBgMDJgZCA0BYi"),
];

fn stored() -> Vec<(&'static str, &'static str)> {
    let mut headers = STORED.to_vec();
    headers[3].1 = "3161812495027031234";
    headers
}

fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut headers: Vec<_> = stored().into_iter().filter(|(other, _)| *other != name).collect();
    headers.push((name, value));
    headers
}

fn put(headers: ObjectHeaders) -> PutObject {
    PutObject { bucket: bucket(), key: key(), headers, content_md5: None }
}

fn part() -> UploadPart {
    let part_number = PartNumber::new(1).expect("valid");
    UploadPart { bucket: bucket(), key: key(), upload_id: upload_id(), part_number, content_md5: None }
}

fn etag() -> Option<ETag> {
    ETag::new("D41D8CD98F00B204E9800998ECF8427E").ok()
}

#[test]
fn what_was_stored_is_read_from_the_headers() {
    let crc64 = Some(Crc64::new(3_161_812_495_027_031_234));
    let version_id = Some("CAEQNhiBgMDJgZCA0BYi".to_owned());
    let output = put(ObjectHeaders::new()).parse(&reply(200, &stored(), "")).unwrap();
    assert_eq!(output, PutObjectOutput { etag: etag(), crc64, version_id, callback_body: None });
    assert_eq!(part().parse(&reply(200, &stored(), "")), Ok(UploadPartOutput { etag: etag(), crc64 }));
    // The reference also shows the ETag without quotes.
    let bare = with("etag", "D41D8CD98F00B204E9800998ECF8427E");
    assert_eq!(part().parse(&reply(200, &bare, "")), Ok(UploadPartOutput { etag: etag(), crc64 }));
    assert_eq!(part().parse(&reply(200, &[], "")), Ok(UploadPartOutput { etag: None, crc64: None }));
}

#[test]
fn headers_that_cannot_be_read_are_named() {
    for (headers, name) in [
        (STORED.to_vec(), "x-oss-hash-crc64ecma"),
        (with("x-oss-hash-crc64ecma", "+1"), "x-oss-hash-crc64ecma"),
        (with("x-oss-hash-crc64ecma", "18446744073709551616"), "x-oss-hash-crc64ecma"),
        (with("etag", "\"é\""), "etag"),
        (with("etag", "\"a\"b\""), "etag"),
        ([stored(), vec![("etag", "\"A\"")]].concat(), "etag"),
    ] {
        assert!(reason(part().parse(&reply(200, &headers, ""))).contains(name), "{headers:?}");
        assert!(reason(put(ObjectHeaders::new()).parse(&reply(200, &headers, ""))).contains(name));
    }
}

#[test]
fn a_page_in_place_of_nothing_is_a_proxys() {
    for body in ["<html>Log in</html>", "{}", "ok", "<Error><Code>"] {
        for result in [
            part().parse(&reply(200, &stored(), body)).map(drop),
            put(ObjectHeaders::new()).parse(&reply(200, &stored(), body)).map(drop),
        ] {
            assert!(reason(result).contains("no body"), "{body}");
        }
    }
    assert_eq!(
        code(part().parse(&reply(200, &[], "<Error><Code>InternalError</Code></Error>"))),
        ErrorCode::INTERNAL_ERROR
    );
    assert!(reason(part().parse(&reply(204, &stored(), ""))).contains("204"));
}

#[test]
fn a_callback_answers_in_place_of_oss_and_its_failure_is_known_without_a_body() {
    let mut headers = ObjectHeaders::new();
    headers.set_callback(r#"{"callbackUrl": "http://127.0.0.1/", "callbackBody": "${bucket}"}"#).unwrap();
    let put = put(headers);
    let output = put.parse(&reply(200, &stored(), "{\"Status\":\"OK\"}")).unwrap();
    assert_eq!((output.etag, output.callback_body.as_deref()), (etag(), Some(b"{\"Status\":\"OK\"}".as_slice())));
    assert_eq!(
        code(put.parse(&reply(203, &[], "<Error><Code>CallbackFailed</Code></Error>"))),
        ErrorCode::CALLBACK_FAILED
    );
    assert_eq!(code(put.parse(&reply(203, &[], ""))), ErrorCode::CALLBACK_FAILED);
    assert_eq!(code(put.parse(&reply(502, &[], ""))), ErrorCode::BAD_ERROR_RESPONSE);
    assert!(reason(put.parse(&reply(200, &stored(), ""))).contains("no body"));
    assert!(reason(put.parse(&reply(200, &stored(), "<html></html>"))).contains("HTML"));
}

fn head() -> HeadObject {
    HeadObject { bucket: bucket(), key: key(), version_id: None }
}

const OBJECT: [(&str, &str); 11] = [
    ("x-oss-request-id", "559CC9BDC755F95A64485981"),
    ("content-length", "344606"),
    ("content-type", "image/jpg"),
    ("etag", "\"FBA9DEDE5F27731C9771645A39863328-2\""),
    ("last-modified", "Thu, 23 Feb 2012 07:01:34 GMT"),
    ("x-oss-object-type", "Multipart"),
    ("x-oss-storage-class", "Standard"),
    ("x-oss-hash-crc64ecma", "5981764153023615706"),
    ("x-oss-version-id", "CAEQNhiBgMDJgZCA0BYi"),
    ("x-oss-meta-owner", "你好"),
    ("x-oss-meta-empty", ""),
];

fn object(changes: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = OBJECT.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| name != changed));
    kept.chain(changes.iter().copied().filter(|(_, value)| *value != "(gone)")).collect()
}

#[test]
fn an_objects_headers_are_read() {
    let output = head().parse(&reply(200, &OBJECT, "")).unwrap();
    assert_eq!(output.size, 344_606);
    assert_eq!(output.etag.unwrap().as_str(), "FBA9DEDE5F27731C9771645A39863328-2");
    assert_eq!(output.crc64, Some(Crc64::of(b"hello world")));
    assert_eq!(output.last_modified, Some(1_329_980_494));
    assert_eq!(output.object_type.as_deref(), Some("Multipart"));
    assert_eq!(output.storage_class.as_deref(), Some("Standard"));
    assert_eq!(output.content_type.as_deref(), Some("image/jpg"));
    assert_eq!(output.version_id.as_deref(), Some("CAEQNhiBgMDJgZCA0BYi"));
    let meta: Vec<_> = output.meta.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(meta, [("empty", ""), ("owner", "你好")]);
    assert_eq!(output.headers.len(), OBJECT.len());

    let bare = head().parse(&reply(200, &[("content-length", "0")], "")).unwrap();
    assert_eq!((bare.size, bare.etag, bare.crc64, bare.last_modified), (0, None, None, None));
}

#[test]
fn an_object_without_a_readable_size_or_date_is_refused() {
    for (change, name) in [
        (("content-length", "(gone)"), "content-length"),
        (("content-length", "-1"), "content-length"),
        (("last-modified", "yesterday"), "last-modified"),
        (("x-oss-hash-crc64ecma", "x"), "x-oss-hash-crc64ecma"),
    ] {
        assert!(reason(head().parse(&reply(200, &object(&[change]), ""))).contains(name), "{change:?}");
    }
}

fn get(range: Option<std::ops::RangeInclusive<u64>>) -> GetObject {
    GetObject { bucket: bucket(), key: key(), range, version_id: None }
}

#[test]
fn a_whole_object_comes_with_200_and_its_size() {
    assert_eq!(get(None).parse(&reply(200, &OBJECT, "")).unwrap().size, 344_606);
    let part = object(&[("content-range", "bytes 0-344605/344606")]);
    assert!(reason(get(None).parse(&reply(206, &part, ""))).contains("206"));
    assert!(
        reason(get(None).parse(&reply(200, &object(&[("content-length", "(gone)")]), ""))).contains("content-length")
    );
}

#[test]
fn a_range_comes_with_206_and_is_exactly_the_one_asked_for() {
    let whole = object(&[("content-range", "bytes 100-199/344606"), ("content-length", "100")]);
    assert_eq!(get(Some(100..=199)).parse(&reply(206, &whole, "")).unwrap().size, 344_606);
    // The service's default for a range it does not like.
    assert!(reason(get(Some(100..=199)).parse(&reply(200, &OBJECT, ""))).contains("200"));
    for range in [
        "(gone)",
        "bytes 100-198/344606",
        "bytes 0-199/344606",
        "bytes 100-199/*",
        "bytes 100-199/",
        "bytes 100-199/+344606",
        "bytes 100-199/150",
        "bytes 100-199/199",
        "100-199/344606",
    ] {
        let headers = object(&[("content-range", range), ("content-length", "100")]);
        assert!(reason(get(Some(100..=199)).parse(&reply(206, &headers, ""))).contains("content-range"), "{range}");
    }
    let short = object(&[("content-range", "bytes 100-199/344606"), ("content-length", "99")]);
    assert!(reason(get(Some(100..=199)).parse(&reply(206, &short, ""))).contains("content-length"));
    let body = "<Error><Code>InvalidRange</Code></Error>";
    assert_eq!(code(get(Some(100..=199)).parse(&reply(416, &[], body))).as_str(), "InvalidRange");
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "what a caller may get wrong")]
fn an_empty_range_is_never_answered() {
    let headers = object(&[("content-range", "bytes 5-4/10"), ("content-length", "0")]);
    assert!(reason(get(Some(5..=4)).parse(&reply(206, &headers, ""))).contains("content-range"));
    let headers = object(&[("content-range", "bytes 0-18446744073709551615/18446744073709551615")]);
    assert!(reason(get(Some(0..=u64::MAX)).parse(&reply(206, &headers, ""))).contains("content-range"));
}

#[test]
fn deleting_says_204_and_nothing_else() {
    let delete = DeleteObject { bucket: bucket(), key: key(), version_id: None };
    let output = delete.parse(&reply(204, &[("x-oss-delete-marker", "true"), ("x-oss-version-id", "V")], "")).unwrap();
    assert_eq!(output, DeleteObjectOutput { delete_marker: true, version_id: Some("V".to_owned()) });
    let output = delete.parse(&reply(204, &[], "")).unwrap();
    assert_eq!(output, DeleteObjectOutput { delete_marker: false, version_id: None });
    assert!(reason(delete.parse(&reply(200, &[], "<html></html>"))).contains("200"));

    let abort = AbortMultipartUpload { bucket: bucket(), key: key(), upload_id: upload_id() };
    assert_eq!(abort.parse(&reply(204, &[], "")), Ok(()));
    assert!(reason(abort.parse(&reply(200, &[], ""))).contains("200"));
    let body = "<Error><Code>NoSuchUpload</Code></Error>";
    assert_eq!(code(abort.parse(&reply(404, &[], body))), ErrorCode::NO_SUCH_UPLOAD);
}

//! What each operation asks for, as it goes to the wire.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use md5::{Digest, Md5};
use oss_proto::ops::*;
use oss_proto::{Bucket, ETag, Key, ObjectHeaders, Operation, PartNumber, Request, UploadId, xml};

fn bucket() -> Bucket {
    Bucket::new("bucket").expect("valid")
}

fn key() -> Key {
    Key::new("dir/multi part.data").expect("valid")
}

fn upload_id() -> UploadId {
    UploadId::new("0004B9894A22E5B1888A1E29F8236E2D").expect("valid")
}

fn headers() -> ObjectHeaders {
    let mut headers = ObjectHeaders::new();
    for (name, value) in [("content-type", "text/plain"), ("x-oss-object-acl", "private")] {
        headers.set(name, value).expect("valid");
    }
    headers
}

/// Method, key, `a=b&c`, and the headers.
fn check(request: &Request, method: Method, key: Option<Key>, query: &str, headers: &[(&str, &str)]) {
    assert_eq!((&request.method, &request.key), (&method, &key));
    assert_eq!(request.bucket, Some(bucket()));
    let pairs = request.query.iter().map(|(name, value)| match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    });
    assert_eq!(pairs.collect::<Vec<_>>().join("&"), query);
    let mut sent: Vec<_> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII"))).collect();
    sent.sort_unstable();
    assert_eq!(sent, headers);
}

#[test]
fn objects_are_put_read_and_deleted_by_their_key() {
    let put =
        PutObject { bucket: bucket(), key: key(), headers: headers(), content_md5: Some(Md5::digest(b"").into()) };
    let expected =
        [("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="), ("content-type", "text/plain"), ("x-oss-object-acl", "private")];
    check(&put.request(), Method::PUT, Some(key()), "", &expected);

    let mut get = GetObject { bucket: bucket(), key: key(), range: None, version_id: None };
    check(&get.request(), Method::GET, Some(key()), "", &[]);
    get.range = Some(0..=99);
    get.version_id = Some("CAEQ".to_owned());
    let expected = [("range", "bytes=0-99"), ("x-oss-range-behavior", "standard")];
    check(&get.request(), Method::GET, Some(key()), "versionId=CAEQ", &expected);

    let head = HeadObject { bucket: bucket(), key: key(), version_id: None };
    check(&head.request(), Method::HEAD, Some(key()), "", &[]);
    let delete = DeleteObject { bucket: bucket(), key: key(), version_id: Some("CAEQ".to_owned()) };
    check(&delete.request(), Method::DELETE, Some(key()), "versionId=CAEQ", &[]);
}

#[test]
fn the_steps_of_a_multipart_upload_carry_their_headers() {
    let initiate = InitiateMultipartUpload { bucket: bucket(), key: key(), headers: headers() };
    check(
        &initiate.request(),
        Method::POST,
        Some(key()),
        "uploads&encoding-type=url",
        &[("content-type", "text/plain")],
    );

    let part_number = PartNumber::new(7).unwrap();
    let part = UploadPart { bucket: bucket(), key: key(), upload_id: upload_id(), part_number, content_md5: None };
    check(&part.request(), Method::PUT, Some(key()), "partNumber=7&uploadId=0004B9894A22E5B1888A1E29F8236E2D", &[]);

    let abort = AbortMultipartUpload { bucket: bucket(), key: key(), upload_id: upload_id() };
    check(&abort.request(), Method::DELETE, Some(key()), "uploadId=0004B9894A22E5B1888A1E29F8236E2D", &[]);
}

#[test]
fn complete_sends_its_list_with_its_md5() {
    let part = |number, etag: &str| (PartNumber::new(number).unwrap(), ETag::new(etag).unwrap());
    let parts = vec![part(1, "3349DC700140D7F86A078484278075A9"), part(10_000, "a&<b")];
    let complete =
        CompleteMultipartUpload { bucket: bucket(), key: key(), upload_id: upload_id(), parts, headers: headers() };
    let request = complete.request();
    let md5 = STANDARD.encode(Md5::digest(&request.body));
    let expected =
        [("content-md5", md5.as_str()), ("content-type", "application/xml"), ("x-oss-object-acl", "private")];
    check(
        &request,
        Method::POST,
        Some(key()),
        "uploadId=0004B9894A22E5B1888A1E29F8236E2D&encoding-type=url",
        &expected,
    );

    let root = xml::parse(&request.body).unwrap();
    assert_eq!(root.name, "CompleteMultipartUpload");
    let listed: Vec<_> =
        root.children_named("Part").map(|part| (part.text_of("PartNumber"), part.text_of("ETag"))).collect();
    assert_eq!(listed, [(Some("1"), Some("\"3349DC700140D7F86A078484278075A9\"")), (Some("10000"), Some("\"a&<b\""))]);
}

#[test]
fn listings_ask_for_encoded_names_and_only_for_what_is_set() {
    let mut list = ListObjectsV2 {
        bucket: bucket(),
        prefix: None,
        delimiter: None,
        start_after: None,
        continuation_token: None,
        max_keys: None,
        fetch_owner: false,
    };
    check(&list.request(), Method::GET, None, "list-type=2&encoding-type=url", &[]);
    list.prefix = Some("a b/".to_owned());
    list.delimiter = Some("/".to_owned());
    list.start_after = Some("a b/c".to_owned());
    list.continuation_token = Some("T==".to_owned());
    list.max_keys = Some(1000);
    list.fetch_owner = true;
    let query = "list-type=2&encoding-type=url&prefix=a b/&delimiter=/&start-after=a b/c&continuation-token=T==&max-keys=1000&fetch-owner=true";
    check(&list.request(), Method::GET, None, query, &[]);

    let uploads = ListMultipartUploads {
        bucket: bucket(),
        prefix: Some("p".to_owned()),
        delimiter: Some("/".to_owned()),
        key_marker: Some("k".to_owned()),
        upload_id_marker: Some("u".to_owned()),
        max_uploads: Some(10),
    };
    let query = "uploads&encoding-type=url&prefix=p&delimiter=/&key-marker=k&upload-id-marker=u&max-uploads=10";
    check(&uploads.request(), Method::GET, None, query, &[]);

    let parts = ListParts {
        bucket: bucket(),
        key: key(),
        upload_id: upload_id(),
        part_number_marker: Some(5),
        max_parts: Some(2),
    };
    let query = "uploadId=0004B9894A22E5B1888A1E29F8236E2D&encoding-type=url&max-parts=2&part-number-marker=5";
    check(&parts.request(), Method::GET, Some(key()), query, &[]);
}

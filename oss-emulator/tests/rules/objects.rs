use crate::client::{Ask, Client, builder, delete, get, head, list, put, refused};
use http::Method;
use oss_proto::Crc64;

const HELLO_MD5: &str = "XrY7u+Ae7tCTyyK7j1rNww==";

#[tokio::test]
async fn a_put_object_comes_back_with_its_headers_and_checksums() {
    let client = Client::new(builder());
    let headers = [("content-type", "text/plain"), ("cache-control", "no-cache"), ("x-oss-meta-colour", "blue")];
    let ask = headers.iter().fold(put("a/hello", "hello world"), |ask, (name, value)| ask.header(name, value));
    let answer = client.send(ask.header("content-md5", HELLO_MD5)).await;
    assert_eq!((answer.status, answer.etag().as_str()), (200, "\"5EB63BBBE01EEED093CB22BB8F5ACDC3\""));
    assert_eq!(answer.crc64(), 5_981_764_153_023_615_706);
    assert_eq!(answer.header("content-md5"), Some(HELLO_MD5));

    let answer = client.send(get("a/hello")).await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"hello world"[..]));
    for (name, value) in headers {
        assert_eq!(answer.header(name), Some(value));
    }
    assert_eq!(answer.header("server"), Some("AliyunOSS"));
    assert_eq!(answer.header("x-oss-object-type"), Some("Normal"));
    assert!(answer.header("x-oss-request-id").is_some() && answer.header("last-modified").is_some());
}

#[tokio::test]
async fn keys_are_literal() {
    let client = Client::new(builder());
    let long = "k".repeat(1023);
    let keys =
        ["a?b=c", "100%25", "a+b", "a b", "../../etc/passwd", "a//b/./c", "b\\c", "日本/ü.txt", "tab\there", &long];
    for (index, key) in keys.iter().enumerate() {
        client.put(key, &[u8::try_from(index).unwrap()]).await;
    }
    for (index, key) in keys.iter().enumerate() {
        let answer = client.send(get("").key(key)).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &[u8::try_from(index).unwrap()][..]), "{key}");
    }
    assert_eq!(client.emulator.keys("media").len(), keys.len());
}

#[tokio::test]
async fn names_oss_refuses_are_refused() {
    let client = Client::new(builder());
    for key in ["k".repeat(1024), "/leading".to_owned(), "\\leading".to_owned()] {
        let answer = client.send(put("", "x").key(&key)).await;
        assert_eq!(answer.refusal(), refused(400, "InvalidObjectName"), "{key}");
    }
    let answer = client.send(Ask { bucket: Some("Bad_Name".to_owned()), ..put("k", "x") }).await;
    assert_eq!(answer.refusal(), refused(400, "InvalidBucketName"));
}

#[tokio::test]
async fn damaged_bytes_are_refused_and_nothing_is_stored() {
    let client = Client::new(builder());
    for md5 in [HELLO_MD5, "not base64"] {
        let answer = client.send(put("k", "other bytes").header("content-md5", md5)).await;
        assert_eq!(answer.refusal(), refused(400, "InvalidDigest"));
    }
    assert!(client.emulator.object("media", "k").is_none());
}

#[tokio::test]
async fn data_needs_a_length_and_all_of_it() {
    let client = Client::new(builder());
    let mut request = client.sign(put("k", "data")).request();
    request.headers_mut().remove("content-length");
    assert_eq!(client.try_raw(request).await.unwrap().refusal(), refused(411, "MissingContentLength"));

    let answer = client.send(put("k", "short").header("content-length", "6")).await;
    assert_eq!(answer.refusal(), refused(400, "RequestTimeout"));
    assert!(client.emulator.keys("media").is_empty());

    let mut request = client.sign(put("k", "chunked")).request();
    request.headers_mut().remove("content-length");
    request.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
    assert_eq!(client.try_raw(request).await.unwrap().status, 200);

    assert_eq!(client.send(put("k", "longer").header("content-length", "4")).await.status, 200);
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "long");
}

#[tokio::test]
async fn a_range_outside_gets_the_whole_object_unless_standard_is_asked() {
    let client = Client::new(builder());
    client.put("k", b"0123456789").await;
    let range = |range: &str, standard: bool| {
        let ask = get("k").header("range", range);
        let ask = if standard { ask.header("x-oss-range-behavior", "standard") } else { ask };
        client.send(ask)
    };
    for (asked, standard, status, body) in [
        ("bytes=2-4", false, 206, "234"),
        ("bytes=7-", false, 206, "789"),
        ("bytes=-2", false, 206, "89"),
        ("bytes=5-20", false, 200, "0123456789"),
        ("bytes=10-12", false, 200, "0123456789"),
        ("bytes=-20", false, 200, "0123456789"),
        ("bytes=4-2", false, 200, "0123456789"),
        ("bytes=5-20", true, 206, "56789"),
        ("bytes=-20", true, 206, "0123456789"),
        ("nonsense", true, 200, "0123456789"),
    ] {
        let answer = range(asked, standard).await;
        assert_eq!((answer.status, &answer.body[..]), (status, body.as_bytes()), "{asked} {standard}");
        assert_eq!(answer.header("content-range").is_some(), status == 206);
        assert_eq!(answer.crc64(), Crc64::of(b"0123456789").get(), "of the whole object");
    }
    assert_eq!(range("bytes=2-4", false).await.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(range("bytes=10-12", true).await.refusal(), refused(416, "InvalidRange"));
}

#[tokio::test]
async fn conditions_decide_by_etag_and_date() {
    let client = Client::new(builder());
    let etag = client.put("k", b"x").await.etag();
    let modified = client.send(head("k")).await.header("last-modified").unwrap().to_owned();
    let past = "Thu, 23 Feb 2012 07:01:34 GMT";
    for (name, value, status) in [
        ("if-match", etag.as_str(), 200),
        ("if-match", "\"other\"", 412),
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-modified-since", modified.as_str(), 304),
        ("if-modified-since", past, 200),
        ("if-unmodified-since", modified.as_str(), 200),
        ("if-unmodified-since", past, 412),
    ] {
        assert_eq!(client.send(get("k").header(name, value)).await.status, status, "{name}: {value}");
        assert_eq!(client.send(head("k").header(name, value)).await.status, status, "HEAD {name}: {value}");
    }
}

#[tokio::test]
async fn head_has_the_length_and_no_body_and_errors_in_a_header() {
    let client = Client::new(builder());
    client.put("k", b"12345").await;
    let answer = client.send(head("k")).await;
    assert_eq!((answer.status, answer.header("content-length"), answer.body.len()), (200, Some("5"), 0));
    let answer = client.send(head("k").bare("objectMeta")).await;
    assert_eq!((answer.status, answer.header("content-length"), answer.header("content-type")), (200, Some("5"), None));

    let answer = client.send(head("missing")).await;
    assert_eq!((answer.status, answer.body.len()), (404, 0));
    use base64::Engine as _;
    let error = base64::engine::general_purpose::STANDARD.decode(answer.header("x-oss-err").unwrap()).unwrap();
    assert_eq!(oss_proto::xml::parse(&error).unwrap().text_of("Code"), Some("NoSuchKey"));
}

#[tokio::test]
async fn delete_succeeds_also_when_there_is_nothing() {
    let client = Client::new(builder());
    client.put("k", b"x").await;
    for _ in 0..2 {
        assert_eq!(client.send(delete("k")).await.status, 204);
    }
    assert_eq!(client.send(get("k")).await.refusal(), refused(404, "NoSuchKey"));
}

#[tokio::test]
async fn an_overwrite_can_be_forbidden() {
    let client = Client::new(builder());
    client.put("k", b"first").await;
    let answer = client.send(put("k", "second").header("x-oss-forbid-overwrite", "true")).await;
    assert_eq!(answer.refusal(), refused(409, "FileAlreadyExists"));
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "first");
    client.put("k", b"third").await;
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "third");
}

#[tokio::test]
async fn what_is_not_implemented_says_so() {
    let client = Client::new(builder());
    let copy = put("k", "").header("x-oss-copy-source", "/media/other");
    let tagging = list(Method::PUT).bare("tagging");
    let conditional = put("k", "x").header("if-modified-since", "Thu, 23 Feb 2012 07:01:34 GMT");
    for ask in [copy, tagging, conditional, list(Method::POST).bare("delete")] {
        assert_eq!(client.send(ask).await.text("Code"), "NotImplemented");
    }
    assert!(client.emulator.keys("media").is_empty());
}

#[tokio::test]
async fn reply_headers_are_replaced_only_for_signed_requests() {
    let client = Client::new(builder().anonymous(true));
    client.put("k", b"x").await;
    let ask = get("k").query("response-content-type", "image/png");
    assert_eq!(client.send(ask.clone()).await.header("content-type"), Some("image/png"));
    assert_eq!(client.try_raw(ask.request()).await.unwrap().refusal(), refused(400, "InvalidRequest"));
}

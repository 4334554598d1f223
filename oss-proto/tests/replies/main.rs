//! What each operation makes of a reply: realistic ones, incomplete ones, other people's.

mod headers;
mod listings;
mod multipart;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use oss_proto::{Bucket, ErrorCode, Key, Operation, Reply, ReplyError, UploadId};
use std::fmt::Debug;

fn bucket() -> Bucket {
    Bucket::new("oss-example").expect("valid")
}

fn key() -> Key {
    Key::new("dir/multipart 你.data").expect("valid")
}

fn upload_id() -> UploadId {
    UploadId::new("0004B9894A22E5B1888A1E29F8236E2D").expect("valid")
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    let status = StatusCode::from_u16(status).expect("a status");
    Reply { status, headers: map, body: body.to_owned().into() }
}

/// The reason of a malformed reply.
fn reason(result: Result<impl Debug, ReplyError>) -> String {
    match result {
        Err(ReplyError::Malformed { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

fn code(result: Result<impl Debug, ReplyError>) -> ErrorCode {
    match result {
        Err(ReplyError::Service(error)) => error.code,
        other => panic!("{other:?}"),
    }
}

/// What must hold for every operation whose success is a document: the same answer however it is written, and none for
/// one that is incomplete, doubled, cut, hidden, or not the operation's.
fn check_document<O>(operation: &O, headers: &[(&str, &str)], document: &str, required: &[&str])
where
    O: Operation,
    O::Output: Debug + PartialEq,
{
    let parse = |document: &str| operation.parse(&reply(200, headers, document));
    let whole = parse(document).expect("the sample is whole");
    check_spellings(document, &whole, parse);
    for field in required {
        let (without, doubled) = without_and_doubled(document, field);
        let named = format!("<{field}>");
        assert!(reason(parse(&without)).contains(&named), "{} without {field}", O::NAME);
        assert!(reason(parse(&doubled)).contains(&named), "{} with {field} twice", O::NAME);
    }
    for end in (0..document.len()).filter(|end| document.is_char_boundary(*end)) {
        match parse(&document[..end]) {
            Ok(output) => assert_eq!(output, whole, "cut at {end}"),
            other => drop(reason(other)),
        }
    }
    for (body, words) in [
        ("", "no body"),
        ("<!DOCTYPE html><html></html>", "HTML"),
        ("<html><body/></html>", "HTML"),
        ("{\"Status\": \"OK\"}", "JSON"),
        ("<Other/>", "<Other>"),
        ("<Error><Code>Internal", "ends"),
    ] {
        assert!(reason(parse(body)).contains(words), "{}: {body}", O::NAME);
    }
    assert_eq!(code(parse("<Error><Code>InternalError</Code></Error>")), ErrorCode::INTERNAL_ERROR);
    assert!(reason(operation.parse(&reply(202, headers, document))).contains("202"));
    assert_eq!(code(operation.parse(&reply(503, headers, document))), ErrorCode::BAD_ERROR_RESPONSE);
}

fn check_spellings<T: Debug + PartialEq>(document: &str, whole: &T, parse: impl Fn(&str) -> Result<T, ReplyError>) {
    let root_end = document.find("Result").expect("a result") + "Result".len();
    let with_namespace =
        format!("{} xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\"{}", &document[..root_end], &document[root_end..]);
    let with_unknown = document.replacen('>', "><New><Key>x</Key></New><!-- c -->", 1);
    for spelling in [
        with_namespace,
        with_unknown,
        document.replace("&quot;", "\""),
        document.replace("&quot;", ""),
        document.replace("><", ">\r\n  <"),
        format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{document}\n"),
    ] {
        assert_eq!(parse(&spelling).as_ref(), Ok(whole), "{spelling}");
    }
}

/// The document without the first element of this name, and with it twice in a row.
fn without_and_doubled(document: &str, field: &str) -> (String, String) {
    let start = document.find(&format!("<{field}>")).expect("the sample has the field");
    let closing = format!("</{field}>");
    let end = start + document[start..].find(&closing).expect("it is closed") + closing.len();
    let element = &document[start..end];
    (document.replacen(element, "", 1), document.replacen(element, &element.repeat(2), 1))
}

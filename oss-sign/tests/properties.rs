//! Whatever is signed verifies, and no byte of what is signed can be changed.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it, as the test itself would")]

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use oss_sign::verify::Claim;
use oss_sign::{Credentials, Resource, Signer, encode_path, encode_query};
use proptest::prelude::*;
use std::time::Duration;

type Query = Vec<(String, Option<String>)>;
const TIME: u64 = 1_702_784_856;

#[derive(Debug, Clone)]
struct Request {
    method: Method,
    bucket: String,
    key: String,
    query: Query,
    headers: HeaderMap,
}

impl Request {
    fn resource(&self) -> Resource<'_> {
        Resource { method: &self.method, bucket: Some(&self.bucket), key: Some(&self.key), query: &self.query }
    }

    /// Whether a server that knows the secret of `ak` lets the request pass as one of `ak`.
    fn is_accepted(&self) -> bool {
        let claim = Claim::parse(&self.query, &self.headers);
        claim.ok().flatten().is_some_and(|claim| {
            claim.access_key_id() == "ak" && claim.check(self.resource(), &self.headers, "sk").is_ok()
        })
    }

    /// Every request that differs in one place of what is signed.
    fn forgeries(&self, is_signed: impl Fn(&str) -> bool) -> Vec<(String, Self)> {
        let mut forged = Vec::new();
        let mut add = |what: String, change: &dyn Fn(&mut Self)| {
            let mut other = self.clone();
            change(&mut other);
            forged.push((what, other));
        };
        add("method".into(), &|other| other.method = Method::DELETE);
        for (index, bucket) in changed(&self.bucket).into_iter().enumerate() {
            add(format!("bucket {index}"), &|other| other.bucket.clone_from(&bucket));
        }
        for (index, key) in changed(&self.key).into_iter().enumerate() {
            add(format!("key {index}"), &|other| other.key.clone_from(&key));
        }
        for (index, (name, value)) in self.query.iter().enumerate() {
            for new in changed(name) {
                add(format!("query name {name} -> {new}"), &|other| other.query[index].0.clone_from(&new));
            }
            for new in changed(value.as_deref().unwrap_or_default()) {
                add(format!("query {name}={new}"), &|other| other.query[index].1 = Some(new.clone()));
            }
            add(format!("query without {name}"), &|other| drop(other.query.remove(index)));
        }
        for (name, value) in self.headers.iter().filter(|(name, _)| is_signed(name.as_str())) {
            for new in changed_bytes(value.as_bytes()) {
                let new = HeaderValue::from_bytes(&new).unwrap();
                add(format!("header {name}: {new:?}"), &|other| drop(other.headers.insert(name, new.clone())));
            }
            if !value.is_empty() || name.as_str().starts_with("x-oss-") {
                add(format!("no header {name}"), &|other| drop(other.headers.remove(name)));
            }
        }
        add("a new header".into(), &|other| drop(other.headers.insert("x-oss-new", HeaderValue::from_static("1"))));
        forged
    }
}

/// The text with each of its characters changed in turn, and longer by one.
fn changed(text: &str) -> Vec<String> {
    let at = |index| {
        let change = |(at, c): (usize, char)| {
            if at != index {
                c
            } else if c == 'x' {
                'y'
            } else {
                'x'
            }
        };
        text.chars().enumerate().map(change).collect()
    };
    (0..text.chars().count()).map(at).chain([format!("{text}x")]).collect()
}

fn changed_bytes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let at = |index: usize| {
        let mut bytes = bytes.to_vec();
        bytes[index] = if bytes[index] == b'x' { b'y' } else { b'x' };
        bytes
    };
    (0..bytes.len()).map(at).chain([[bytes, b"x"].concat()]).collect()
}

fn credentials(token: Option<String>) -> Credentials {
    let credentials = Credentials::new("ak", "sk");
    token.into_iter().fold(credentials, Credentials::with_security_token)
}

fn request(query: impl Strategy<Value = Query>) -> impl Strategy<Value = Request> {
    let method = prop::sample::select(vec![Method::GET, Method::PUT, Method::POST, Method::HEAD]);
    (method, "[a-z0-9-]{3,8}", "\\PC{1,12}", query, headers())
        .prop_map(|(method, bucket, key, query, headers)| Request { method, bucket, key, query, headers })
}

/// Values are any UTF-8 that a header can carry, without blanks around: those are not signed.
fn headers() -> impl Strategy<Value = HeaderMap> {
    let names = ["content-type", "content-md5", "x-oss-meta-a", "x-oss-meta-a-b", "x-oss-storage-class", "if-match"];
    let value = "([!-~äé你😀]([ !-~ä你]{0,6}[!-~你])?)?";
    prop::collection::vec((prop::sample::select(names.to_vec()), value), 0..5).prop_map(|pairs| {
        let value = |text: String| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        pairs.into_iter().map(|(name, text)| (HeaderName::from_static(name), value(text))).collect()
    })
}

fn any_query() -> impl Strategy<Value = Query> {
    prop::collection::vec(("\\PC{1,6}", prop::option::of("\\PC{0,6}")), 0..4)
}

fn sub_resources() -> impl Strategy<Value = Query> {
    let names = vec!["uploads", "uploadId", "partNumber", "acl", "x-oss-process", "response-content-type", "versionId"];
    let names = prop::sample::subsequence(names, 0..4).prop_shuffle();
    (names, prop::collection::vec(prop::option::of("\\PC{0,6}"), 4))
        .prop_map(|(names, values)| names.into_iter().map(str::to_owned).zip(values).collect())
}

fn v4() -> Signer {
    let additional_headers = vec!["If-Match".to_owned(), "absent".to_owned()];
    Signer::V4 { region: "cn-hangzhou".to_owned(), product: "oss".to_owned(), additional_headers }
}

fn assert_only_the_original_passes(request: &Request, is_signed: impl Fn(&str) -> bool) {
    assert!(request.is_accepted());
    for (what, forged) in request.forgeries(is_signed) {
        assert!(!forged.is_accepted(), "passes with another {what}");
    }
}

proptest! {
    // Each case tries every forgery of one place, so a few requests say much.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn v4_headers_verify_and_nothing_signed_can_change(
        mut request in request(any_query()),
        token in prop::option::of("[!-~]{1,8}"),
    ) {
        let mut headers = request.headers.clone();
        v4().sign(request.resource(), &mut headers, &credentials(token), TIME);
        request.headers = headers;
        assert_only_the_original_passes(&request, |_| true);
    }

    #[test]
    fn v1_headers_verify_and_nothing_signed_can_change(
        mut request in request(sub_resources()),
        token in prop::option::of("[!-~]{1,8}"),
    ) {
        let mut headers = request.headers.clone();
        Signer::V1.sign(request.resource(), &mut headers, &credentials(token), TIME);
        request.headers = headers;
        assert_only_the_original_passes(&request, |name| name != "if-match");
    }

    #[test]
    fn v4_urls_verify_and_nothing_signed_can_change(
        mut request in request(any_query()),
        token in prop::option::of("\\PC{1,8}"),
        expires in 1..=604_800u64,
    ) {
        let expires = Duration::from_secs(expires);
        request.query = v4().presign(request.resource(), &request.headers, &credentials(token), TIME, expires).unwrap();
        assert_only_the_original_passes(&request, |_| true);
    }

    #[test]
    fn v1_urls_verify_and_nothing_signed_can_change(
        mut request in request(sub_resources()),
        token in prop::option::of("\\PC{1,8}"),
        expires in any::<u64>(),
    ) {
        let expires = Duration::from_secs(expires);
        request.query = Signer::V1.presign(request.resource(), &request.headers, &credentials(token), TIME, expires).unwrap();
        assert_only_the_original_passes(&request, |name| name != "if-match");
    }

    #[test]
    fn whatever_is_encoded_decodes_to_itself(text in "\\PC{0,40}") {
        let decode = |encoded: &str| percent_encoding::percent_decode_str(encoded).decode_utf8().unwrap().into_owned();
        prop_assert_eq!(decode(&encode_path(&text)), text.clone());
        let query = encode_query(&[(text.clone(), None)]);
        prop_assert!(query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~%".contains(&byte)));
        prop_assert_eq!(decode(&query), text);
    }

    #[test]
    fn no_authorization_makes_the_reader_panic(text in "(OSS |OSS4-HMAC-SHA256 )?[ -~]{0,60}") {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", text.parse().unwrap());
        let _: Result<_, _> = Claim::parse(&[], &headers);
    }
}

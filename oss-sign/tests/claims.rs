//! What a server reads of a signature, what it refuses in words, and what signing again leaves behind.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it, as the test itself would")]

use http::{HeaderMap, HeaderValue, Method};
use oss_sign::verify::{Claim, ClaimError};
use oss_sign::{Credentials, PresignError, Resource, Signer};
use std::time::Duration;

type Query = Vec<(String, Option<String>)>;

/// 2023-12-17T03:47:36Z
const TIME: u64 = 1_702_784_856;
const GET: Resource<'static> = Resource { method: &Method::GET, bucket: Some("bucket"), key: Some("key"), query: &[] };

#[test]
fn a_request_without_a_signature_is_anonymous() {
    let query = query(&[("prefix", "a"), ("Expires", "1")]);
    assert_eq!(Claim::parse(&query, &headers(&[("date", "Sun, 17 Dec 2023 03:47:36 GMT")])), Ok(None));
}

#[test]
fn a_claim_tells_who_signed_when_and_for_how_long() {
    let credentials = Credentials::new("ak", "sk").with_security_token("token");
    for (signer, region) in [(Signer::V1, None), (Signer::v4("cn-hangzhou"), Some("cn-hangzhou"))] {
        let mut headers = HeaderMap::new();
        signer.sign(GET, &mut headers, &credentials, TIME);
        let signed = Claim::parse(&[], &headers).unwrap().unwrap();
        assert_eq!((signed.time(), signed.expires_at(), signed.region()), (Some(TIME), None, region));
        assert_eq!(signed.product(), region.map(|_| "oss"));

        let query = signer.presign(GET, &HeaderMap::new(), &credentials, TIME, Duration::from_secs(60)).unwrap();
        let presigned = Claim::parse(&query, &HeaderMap::new()).unwrap().unwrap();
        assert_eq!((presigned.expires_at(), presigned.region()), (Some(TIME + 60), region));
        assert_eq!(presigned.time(), region.map(|_| TIME));
        for claim in [signed, presigned] {
            assert_eq!((claim.access_key_id(), claim.security_token()), ("ak", Some("token")));
        }
    }
}

#[test]
fn the_v1_date_line_prefers_x_oss_date() {
    let mut headers = headers(&[("x-oss-date", "set by the caller")]);
    Signer::V1.sign(GET, &mut headers, &Credentials::new("ak", "sk"), TIME);
    assert_eq!(headers["x-oss-date"], "Sun, 17 Dec 2023 03:47:36 GMT");
    headers.insert("date", HeaderValue::from_static("Mon, 18 Dec 2023 03:47:36 GMT"));
    let claim = Claim::parse(&[], &headers).unwrap().unwrap();
    assert_eq!(claim.time(), Some(TIME));
    assert_eq!(claim.check(GET, &headers, "sk"), Ok(()));
}

#[test]
fn v4_fields_may_stand_in_any_order_with_blanks_after_commas() {
    let additional_headers = vec!["If-Match".to_owned()];
    let signer = Signer::V4 { region: "cn-hangzhou".into(), product: "oss".into(), additional_headers };
    let mut headers = headers(&[("if-match", "*")]);
    signer.sign(GET, &mut headers, &Credentials::new("ak", "sk"), TIME);
    let text = headers["authorization"].to_str().unwrap();
    let (algorithm, fields) = text.split_once(' ').unwrap();
    let reversed: Vec<_> = fields.split(',').rev().collect();
    assert_eq!(reversed.len(), 3);
    let reordered = format!("{algorithm} {}", reversed.join(", "));
    headers.insert("authorization", reordered.parse().unwrap());
    assert_eq!(Claim::parse(&[], &headers).unwrap().unwrap().check(GET, &headers, "sk"), Ok(()));
}

#[test]
fn a_malformed_v1_authorization_is_refused_in_words() {
    for (authorization, word) in [
        ("OSS", "must be `OSS id:signature`"),
        ("Bearer abc", "must be `OSS id:signature`"),
        ("OSS ak", "both after one blank"),
        ("OSS :sig", "both after one blank"),
        ("OSS ak:", "both after one blank"),
        ("OSS ak:sig", "needs a Date"),
    ] {
        assert_refused(&[], &headers(&[("authorization", authorization)]), word);
    }
    let late = headers(&[("authorization", "OSS ak:sig"), ("date", "yesterday")]);
    assert_refused(&[], &late, "the date must be as in");
}

#[test]
fn a_malformed_v4_authorization_is_refused_in_words() {
    let credential = "Credential=ak/20231217/cn-hangzhou/oss/aliyun_v4_request";
    for (fields, word) in [
        ("", "must be `OSS id:signature`"),
        ("Signature=00", "lacks Credential"),
        (credential, "lacks Signature"),
        ("Credential,Signature=00", "fields `Name=value`"),
        ("CREDENTIAL,Signature=", "lacks Signature"),
        ("CREDENTIAL,Signature", "fields `Name=value`"),
        ("CREDENTIAL,Signature=00,Signature=00", "Signature twice"),
        ("CREDENTIAL,Signature=00,Other=1", "knows Credential"),
        ("CREDENTIAL,AdditionalHeaders=,Signature=00", "leave it out when there are none"),
        ("CREDENTIAL,AdditionalHeaders=abc;,Signature=00", "leave it out when there are none"),
        ("CREDENTIAL,AdditionalHeaders=Abc,Signature=00", "lower-case"),
        ("Credential=ak/20231217/cn-hangzhou/oss,Signature=00", "the credential must be"),
        ("Credential=/20231217/cn-hangzhou/oss/aliyun_v4_request,Signature=00", "the credential must be"),
        ("Credential=ak/20231217//oss/aliyun_v4_request,Signature=00", "the credential must be"),
        ("Credential=ak/20231217/cn-hangzhou/oss/aws4_request,Signature=00", "the credential must be"),
        ("Credential=ak/20231218/cn-hangzhou/oss/aliyun_v4_request,Signature=00", "not that of x-oss-date"),
    ] {
        let authorization = format!("OSS4-HMAC-SHA256 {}", fields.replace("CREDENTIAL", credential));
        let authorization = authorization.trim();
        let mut headers = headers(&[("authorization", authorization), ("x-oss-date", "20231217T034736Z")]);
        headers.insert("x-oss-content-sha256", HeaderValue::from_static("UNSIGNED-PAYLOAD"));
        assert_refused(&[], &headers, word);
    }
}

#[test]
fn v4_headers_beside_authorization_are_refused_in_words() {
    let change = |name: &'static str, value: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        Signer::v4("cn-hangzhou").sign(GET, &mut headers, &Credentials::new("ak", "sk"), TIME);
        headers.remove(name);
        if let Some(value) = value {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers
    };
    assert_refused(&[], &change("x-oss-date", None), "needs x-oss-date");
    assert_refused(&[], &change("x-oss-date", Some("Sun, 17 Dec 2023 03:47:36 GMT")), "needs x-oss-date");
    assert_refused(&[], &change("x-oss-content-sha256", None), "must be there");
    assert_refused(&[], &change("x-oss-content-sha256", Some("e3b0c442")), "must be there");
    let mut twice = change("none", None);
    twice.append("authorization", HeaderValue::from_static("OSS ak:sig"));
    assert_refused(&[], &twice, "authorization twice");
}

#[test]
fn a_malformed_presigned_query_is_refused_in_words() {
    let credentials = Credentials::new("ak", "sk");
    let hour = Duration::from_secs(3600);
    let presign = |signer: &Signer| signer.presign(GET, &HeaderMap::new(), &credentials, TIME, hour).unwrap();
    let (v1, v4) = (presign(&Signer::V1), presign(&Signer::v4("cn-hangzhou")));
    for (name, value, word) in [
        ("x-oss-expires", "0", "1 to 604800"),
        ("x-oss-expires", "604801", "1 to 604800"),
        ("x-oss-expires", "+60", "a number of seconds"),
        ("x-oss-date", "20231217", "must be as in"),
        ("x-oss-date", "20231216T000000Z", "not that of x-oss-date"),
        ("x-oss-signature-version", "OSS2", "must be OSS4"),
        ("x-oss-credential", "ak", "the credential must be"),
        ("x-oss-signature", "", "lacks x-oss-signature"),
    ] {
        assert_refused(&with(&v4, name, value), &HeaderMap::new(), word);
    }
    for (name, value, word) in [
        ("Expires", "tomorrow", "a number of seconds"),
        ("OSSAccessKeyId", "", "lacks OSSAccessKeyId"),
        ("Signature", "", "lacks Signature"),
    ] {
        assert_refused(&with(&v1, name, value), &HeaderMap::new(), word);
    }
    for query in [&v1, &v4] {
        let last = query.last().unwrap().clone();
        assert_refused(&[query.clone(), vec![last]].concat(), &HeaderMap::new(), "twice");
        assert_refused(query, &headers(&[("authorization", "OSS ak:sig")]), "signed twice");
    }
    assert_refused(&[v1, v4].concat(), &HeaderMap::new(), "signed twice");
}

#[test]
fn a_signature_in_another_writing_does_not_match() {
    for (signer, mark) in [(Signer::V1, ":"), (Signer::v4("cn-hangzhou"), "Signature=")] {
        let mut headers = HeaderMap::new();
        signer.sign(GET, &mut headers, &Credentials::new("ak", "sk"), TIME);
        let authorization = headers["authorization"].to_str().unwrap().to_owned();
        let (before, signature) = authorization.rsplit_once(mark).unwrap();
        for other in [signature.to_uppercase(), signature[1..].to_owned(), format!("{signature}00"), "??".to_owned()] {
            headers.insert("authorization", format!("{before}{mark}{other}").parse().unwrap());
            let claim = Claim::parse(&[], &headers).unwrap().unwrap();
            let mismatch = claim.check(GET, &headers, "sk").unwrap_err();
            assert_eq!(mismatch.signature_provided, other);
        }
    }
}

#[test]
fn signing_again_replaces_what_the_first_signing_left() {
    let fresh = Credentials::new("ak2", "sk2");
    for signer in [Signer::V1, Signer::v4("cn-hangzhou")] {
        let mut again = headers(&[("content-type", "text/plain")]);
        let mut once = again.clone();
        signer.sign(GET, &mut again, &Credentials::new("ak", "sk").with_security_token("old"), TIME - 99_999);
        signer.sign(GET, &mut again, &fresh, TIME);
        signer.sign(GET, &mut once, &fresh, TIME);
        assert_eq!(again, once);

        let minute = Duration::from_secs(60);
        let old = signer.presign(GET, &once, &fresh.clone().with_security_token("old"), 1, minute).unwrap();
        let resource = Resource { query: &old, ..GET };
        let anew = signer.presign(GET, &once, &fresh, TIME, minute);
        assert_eq!(signer.presign(resource, &once, &fresh, TIME, minute), anew);
    }
}

#[test]
fn a_v4_url_lives_a_second_to_seven_days_and_a_v1_url_any_time() {
    let (headers, credentials) = (HeaderMap::new(), Credentials::new("ak", "sk"));
    let v4 = |expires| Signer::v4("cn-hangzhou").presign(GET, &headers, &credentials, TIME, expires);
    let week = Duration::from_secs(604_800);
    for expires in [Duration::ZERO, Duration::from_millis(999), week + Duration::from_nanos(1), Duration::MAX] {
        assert_eq!(v4(expires), Err(PresignError::Expires(expires)));
        assert!(Signer::V1.presign(GET, &headers, &credentials, TIME, expires).is_ok());
    }
    assert!(v4(Duration::from_secs(1)).is_ok());
    assert!(v4(week).is_ok());
}

#[test]
fn no_secret_is_in_any_debug_output_or_error() {
    let credentials = Credentials::new("ak", "SECRET").with_security_token("TOKEN");
    for signer in [Signer::V1, Signer::v4("cn-hangzhou")] {
        let mut headers = HeaderMap::new();
        signer.sign(GET, &mut headers, &credentials, TIME);
        let claim = Claim::parse(&[], &headers).unwrap().unwrap();
        let mismatch = claim.check(GET, &headers, "other").unwrap_err();
        for text in [
            format!("{credentials:?}"),
            format!("{headers:?}"),
            format!("{claim:?}"),
            format!("{mismatch:?}{mismatch}"),
        ] {
            assert!(!text.contains("SECRET") && !text.contains("TOKEN"), "{text}");
        }
        assert!(!format!("{claim:?}{headers:?}").contains(&mismatch.signature_provided));
    }
}

#[test]
fn credentials_that_no_header_can_carry_are_sent_as_question_marks() {
    let credentials = Credentials::new("a\nk", "sk").with_security_token("to\r\nken");
    for signer in [Signer::V1, Signer::v4("cn-hangzhou")] {
        let mut headers = HeaderMap::new();
        signer.sign(GET, &mut headers, &credentials, TIME);
        let claim = Claim::parse(&[], &headers).unwrap().unwrap();
        assert_eq!((claim.access_key_id(), claim.security_token()), ("a?k", Some("to??ken")));
    }
}

#[test]
fn a_service_call_and_a_bucket_call_are_signed_as_paths_of_their_own() {
    let mut headers = HeaderMap::new();
    Signer::V1.sign(GET, &mut headers, &Credentials::new("ak", "sk"), TIME);
    let claim = Claim::parse(&[], &headers).unwrap().unwrap();
    for (bucket, key, path) in
        [(None, None, "/"), (Some("b"), None, "/b/"), (Some("b"), Some("/k//../a b"), "/b//k//../a b")]
    {
        let mismatch = claim.check(Resource { bucket, key, ..GET }, &headers, "sk").unwrap_err();
        assert_eq!(mismatch.string_to_sign.lines().last(), Some(path));
    }
}

fn assert_refused(query: &[(String, Option<String>)], headers: &HeaderMap, word: &str) {
    match Claim::parse(query, headers) {
        Err(ClaimError { reason, .. }) => assert!(reason.contains(word), "{reason:?} lacks {word:?}"),
        other => panic!("{word}: {other:?}"),
    }
}

fn with(query: &Query, name: &str, value: &str) -> Query {
    let replace = |(other, old): &(String, Option<String>)| {
        (other.clone(), if other == name { Some(value.to_owned()) } else { old.clone() })
    };
    query.iter().map(replace).collect()
}

fn query(pairs: &[(&str, &str)]) -> Query {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
}

//! Every signing case of the official SDKs and the documentation, signed here and verified again.

#![allow(clippy::unwrap_used, reason = "helpers of a test fail it, as the test itself would")]

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use oss_sign::verify::Claim;
use oss_sign::{Credentials, Resource, Signer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

type Query = Vec<(String, Option<String>)>;

#[test]
fn v4_headers_are_signed_as_the_official_sdks_do() {
    let cases = Case::all(include_str!("data/sign_v4.json"), "header");
    let mut signed = 0;
    for case in &cases {
        // No SDK but one sends its time in Date alone, and the documentation hides its secret: both only verify.
        if case.flag("sends_x_oss_date") == Some(false) || case.secret().is_none() {
            continue;
        }
        let mut headers = case.headers.clone();
        case.signer().sign(case.resource(), &mut headers, &case.credentials(), case.number("time").unwrap());
        assert_eq!(header(&headers, "authorization"), case.text("authorization"), "{}", case.id());
        case.assert_verifies(&case.query, &headers);
        signed += 1;
    }
    assert_eq!((cases.len(), signed), (97, 95));
}

#[test]
fn a_v4_request_with_its_time_in_date_verifies() {
    let cases = Case::all(include_str!("data/sign_v4.json"), "header");
    let cases: Vec<_> = cases.iter().filter(|case| case.flag("sends_x_oss_date") == Some(false)).collect();
    for case in &cases {
        let mut headers = case.headers.clone();
        for (name, value) in [
            ("date", case.text("timestamp")),
            ("x-oss-security-token", case.text("security_token")),
            ("authorization", case.text("authorization")),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        case.assert_verifies(&case.query, &headers);
    }
    assert_eq!(cases.len(), 1);
}

/// The documentation's secret is not known: its canonical request and string to sign are compared here, its printed
/// signing key and signature in a test beside the code.
#[test]
fn the_documented_v4_example_has_the_documented_string_to_sign() {
    let cases = Case::all(include_str!("data/sign_v4.json"), "header");
    let case = cases.iter().find(|case| case.secret().is_none()).unwrap();
    let mut headers = case.headers.clone();
    let signer = case.signer();
    signer.sign(case.resource(), &mut headers, &Credentials::new("ak", "unknown"), 1_744_353_684);
    assert_eq!(header(&headers, "x-oss-date"), case.text("timestamp"));
    case.assert_mismatch(&Claim::parse(&case.query, &headers).unwrap().unwrap(), &case.query, &headers);
}

#[test]
fn v4_urls_are_presigned_as_the_official_sdks_do() {
    let cases = Case::all(include_str!("data/sign_v4.json"), "presign");
    for case in &cases {
        let expires = Duration::from_secs(case.number("expires_in").unwrap());
        let (time, credentials) = (case.number("time").unwrap(), case.credentials());
        let query = case.signer().presign(case.resource(), &case.headers, &credentials, time, expires).unwrap();
        case.assert_presigned(&query, "x-oss-signature");
    }
    assert_eq!(cases.len(), 73);
    assert_eq!(cases.iter().filter(|case| case.has("presigned_query")).count(), 70);
}

#[test]
fn v1_headers_are_signed_as_the_official_sdks_do() {
    let cases = Case::all(include_str!("data/sign_v1.json"), "header");
    for case in &cases {
        let mut headers = case.headers.clone();
        let time = httpdate::parse_http_date(case.text("date")).unwrap().duration_since(UNIX_EPOCH).unwrap();
        Signer::V1.sign(case.resource(), &mut headers, &case.credentials(), time.as_secs());
        assert_eq!(header(&headers, "authorization"), case.text("authorization"), "{}", case.id());
        case.assert_verifies(&case.query, &headers);
    }
    assert_eq!(cases.len(), 69);
}

#[test]
fn v1_urls_are_presigned_as_the_official_sdks_do() {
    let cases = Case::all(include_str!("data/sign_v1.json"), "presign");
    for case in &cases {
        let expires_at = case.number("expires_at").unwrap();
        let time = expires_at.saturating_sub(60);
        let (credentials, expires) = (case.credentials(), Duration::from_secs(expires_at - time));
        let query = Signer::V1.presign(case.resource(), &case.headers, &credentials, time, expires).unwrap();
        case.assert_presigned(&query, "Signature");
    }
    assert_eq!(cases.len(), 62);
    assert_eq!(cases.iter().filter(|case| case.has("presigned_query")).count(), 60);
}

#[test]
fn one_rtmp_case_is_out_of_scope_and_nothing_else() {
    let count = |text: &str| serde_json::from_str::<Vec<Value>>(text).unwrap().len();
    assert_eq!(count(include_str!("data/sign_v4.json")), 97 + 73);
    assert_eq!(count(include_str!("data/sign_v1.json")), 69 + 62 + 1);
    assert_eq!(Case::all(include_str!("data/sign_v1.json"), "rtmp").len(), 1);
}

struct Case {
    fields: Value,
    method: Method,
    query: Query,
    headers: HeaderMap,
}

impl Case {
    fn all(text: &str, kind: &str) -> Vec<Self> {
        let cases: Vec<Value> = serde_json::from_str(text).unwrap();
        cases.into_iter().filter(|case| case["kind"] == kind).map(Self::new).collect()
    }

    fn new(fields: Value) -> Self {
        let method = fields["method"].as_str().unwrap_or("GET").parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in pairs(&fields["headers"]) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_bytes(value.unwrap().as_bytes()).unwrap());
        }
        Self { query: pairs(&fields["query"]), method, headers, fields }
    }

    fn assert_presigned(&self, query: &Query, signature: &str) {
        let pair = query.iter().find(|(name, _)| name == signature).unwrap();
        assert_eq!(pair.1.as_deref(), Some(self.text("signature")), "{}", self.id());
        if self.has("presigned_query") {
            assert_eq!(as_set(query), as_set(&pairs(&self.fields["presigned_query"])), "{}", self.id());
        }
        self.assert_verifies(query, &self.headers);
    }

    fn assert_verifies(&self, query: &Query, headers: &HeaderMap) {
        let claim = Claim::parse(query, headers).unwrap().unwrap();
        assert_eq!(claim.access_key_id(), self.text("access_key_id"));
        assert_eq!(claim.security_token(), self.fields["security_token"].as_str(), "{}", self.id());
        assert_eq!(claim.region(), self.fields["region"].as_str());
        assert_eq!(claim.check(self.with(query), headers, self.secret().unwrap()), Ok(()), "{}", self.id());
        let mismatch = self.assert_mismatch(&claim, query, headers);
        assert_eq!(mismatch, self.text("signature"), "{}", self.id());
    }

    /// A wrong secret shows what was signed. Returns the signature that came.
    fn assert_mismatch(&self, claim: &Claim, query: &Query, headers: &HeaderMap) -> String {
        let mismatch = claim.check(self.with(query), headers, "wrong").unwrap_err();
        let canonical_request = self.fields["canonical_request"].as_str();
        assert_eq!(mismatch.canonical_request.as_deref(), canonical_request, "{}", self.id());
        assert_eq!(mismatch.string_to_sign, self.text("string_to_sign"), "{}", self.id());
        mismatch.signature_provided
    }

    fn resource(&self) -> Resource<'_> {
        self.with(&self.query)
    }

    fn with<'a>(&'a self, query: &'a Query) -> Resource<'a> {
        let (bucket, key) = (self.fields["bucket"].as_str(), self.fields["key"].as_str());
        Resource { method: &self.method, bucket, key, query }
    }

    fn signer(&self) -> Signer {
        let names = self.fields["additional_headers"].as_array().unwrap();
        Signer::V4 {
            region: self.text("region").to_owned(),
            product: self.text("product").to_owned(),
            additional_headers: names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        }
    }

    fn credentials(&self) -> Credentials {
        let credentials = Credentials::new(self.text("access_key_id"), self.secret().unwrap());
        match self.fields["security_token"].as_str() {
            Some(token) => credentials.with_security_token(token),
            None => credentials,
        }
    }

    fn secret(&self) -> Option<&str> {
        self.fields["access_key_secret"].as_str()
    }

    fn id(&self) -> &str {
        self.text("id")
    }

    fn text(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.fields["id"]))
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.fields[name].as_u64()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.fields[name].as_bool()
    }

    fn has(&self, name: &str) -> bool {
        !self.fields[name].is_null()
    }
}

fn pairs(value: &Value) -> Query {
    let pairs = value.as_array().into_iter().flatten();
    pairs.map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().map(str::to_owned))).collect()
}

/// SDKs differ in order, and in `name` or `name=` for what has no value.
fn as_set(query: &Query) -> BTreeSet<(&str, &str)> {
    let set: BTreeSet<_> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_deref().unwrap_or_default())).collect();
    assert_eq!(set.len(), query.len(), "no pair stands there twice");
    set
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    std::str::from_utf8(headers[name].as_bytes()).unwrap()
}

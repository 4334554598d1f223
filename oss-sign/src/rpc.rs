//! The signature of Alibaba Cloud's RPC APIs, of which STS is one: version 1.0, HMAC-SHA1 over all parameters.

use crate::percent::encode_name;
use crate::timestamp::iso_extended;
use crate::{Credentials, v1};
use http::Method;

/// Names and values, decoded.
type Parameters = Vec<(String, String)>;

/// The query of a signed call: all of `query`, and what the signature adds to it.
///
/// `form`: the body's parameters, which are signed as well. `time`: Unix seconds. `nonce`: a text that no other call
/// bears. Added are `AccessKeyId`, `SecurityToken` (of temporary credentials), `SignatureMethod`, `SignatureVersion`,
/// `SignatureNonce`, `Timestamp` and `Signature`. The result stands for the credentials as long as it is valid: do not
/// log it.
///
/// Source: "Request syntax and signature method V2 for RPC APIs" of Alibaba Cloud's SDK documentation.
///
/// ```
/// # use oss_sign::{Credentials, sign_rpc};
/// let query = vec![("Action".to_owned(), "AssumeRole".to_owned())];
/// let form = [("RoleArn".to_owned(), "acs:ram::1:role/backup".to_owned())];
/// let signed = sign_rpc(&http::Method::POST, query, &form, &Credentials::new("id", "secret"), 1_456_231_584, "nonce");
/// assert!(signed.iter().any(|(name, _)| name == "Signature"));
/// ```
pub fn sign_rpc(
    method: &Method,
    mut query: Parameters,
    form: &[(String, String)],
    credentials: &Credentials,
    time: u64,
    nonce: &str,
) -> Parameters {
    let mut add = |name: &str, value: &str| query.push((name.to_owned(), value.to_owned()));
    add("AccessKeyId", credentials.access_key_id());
    if let Some(token) = credentials.security_token() {
        add("SecurityToken", token);
    }
    add("SignatureMethod", "HMAC-SHA1");
    add("SignatureVersion", "1.0");
    add("SignatureNonce", nonce);
    add("Timestamp", &iso_extended(time));
    let text = string_to_sign(method, query.iter().chain(form));
    let secret = zeroize::Zeroizing::new(format!("{}&", credentials.access_key_secret()));
    query.push(("Signature".to_owned(), v1::signature(&secret, text.as_bytes())));
    query
}

fn string_to_sign<'a>(method: &Method, parameters: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut pairs: Vec<_> = parameters.map(|(name, value)| (encode_name(name), encode_name(value))).collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&%2F&{}", encode_name(&pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn signature(signed: &Parameters) -> &str {
        &signed.iter().find(|(name, _)| name == "Signature").unwrap().1
    }

    /// The worked example of the documentation; SDKs in several languages test against it.
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let query = parameters(&[("Format", "XML"), ("Action", "DescribeRegions"), ("Version", "2014-05-26")]);
        let keys = Credentials::new("testid", "testsecret");
        let nonce = "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf";
        let signed = sign_rpc(&Method::GET, query, &[], &keys, 1_456_231_584, nonce);
        assert_eq!(signature(&signed), "OLeaidS1JvxuMvnyHOwuJ+uX5qY=");
    }

    #[test]
    fn the_form_is_signed_like_the_query_and_a_token_is_added() {
        let keys = Credentials::new("id", "secret").with_security_token("to/ken");
        let sign = |query: &[_], form: &[_]| {
            sign_rpc(&Method::POST, parameters(query), &parameters(form), &keys, 1_456_231_584, "n")
        };
        let (whole, split) = (sign(&[("A", "1"), ("B", "x y*~")], &[]), sign(&[("A", "1")], &[("B", "x y*~")]));
        assert_eq!(signature(&whole), signature(&split));
        assert_ne!(signature(&whole), signature(&sign(&[("A", "1")], &[])));
        assert!(whole.contains(&("SecurityToken".to_owned(), "to/ken".to_owned())));
        assert!(whole.contains(&("Timestamp".to_owned(), "2016-02-23T12:46:24Z".to_owned())));
        let text = string_to_sign(&Method::POST, parameters(&[("B", "x y*~"), ("A", "")]).iter());
        assert_eq!(text, "POST&%2F&A%3D%26B%3Dx%2520y%252A~");
    }
}

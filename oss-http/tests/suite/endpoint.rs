//! Which texts are endpoints, and which URLs come of them.

use oss_http::{Addressing, Endpoint, EndpointError, Network};
use oss_proto::{Bucket, Key};
use proptest::prelude::*;

fn endpoint(text: &str) -> Endpoint {
    Endpoint::parse(text, None).unwrap()
}

fn url(endpoint: &Endpoint, key: &str) -> String {
    let (uri, host) = endpoint.url(Some(&Bucket::new("bucket").unwrap()), Some(&Key::new(key).unwrap()), &[]).unwrap();
    assert_eq!(uri.authority().unwrap().as_str(), host.to_str().unwrap());
    uri.to_string()
}

#[test]
fn every_spelling_of_a_server_has_one_canonical_text() {
    for (text, canonical) in [
        ("oss-cn-hangzhou.aliyuncs.com", "https://oss-cn-hangzhou.aliyuncs.com"),
        ("HTTPS://OSS-cn-hangzhou.aliyuncs.com:443/", "https://oss-cn-hangzhou.aliyuncs.com"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:80/", "http://127.0.0.1"),
        ("https://host:80", "https://host:80"),
        ("[0:0::1]:9000", "https://[::1]:9000"),
        ("localhost:9000", "https://localhost:9000"),
    ] {
        assert_eq!(endpoint(text).to_string(), canonical, "{text}");
        assert_eq!(endpoint(canonical), endpoint(text), "{text}");
    }
}

#[test]
fn what_is_no_endpoint_is_refused() {
    for text in [
        "",
        "https://",
        "ftp://host",
        "https://user:pass@host",
        "host/path",
        "host?query",
        "host#x",
        "https://host//",
        "::1",
        "[::1",
        "[::1]x",
        "[nonsense]",
        "host:",
        "host:0",
        "host:65536",
        "host:+80",
        "ho st",
        "a..b",
        ".host",
        "host\\x",
        "bücket.de",
        "https://https://host",
    ] {
        assert!(matches!(Endpoint::parse(text, None), Err(EndpointError::Endpoint { .. })), "{text}");
    }
}

#[test]
fn the_bucket_goes_where_the_addressing_says() {
    assert_eq!(url(&endpoint("h.example"), "k"), "https://bucket.h.example/k");
    assert_eq!(url(&endpoint("http://127.0.0.1:9000"), "k"), "http://127.0.0.1:9000/bucket/k");
    assert_eq!(url(&endpoint("http://[::1]:9000"), "k"), "http://[::1]:9000/bucket/k");
    assert_eq!(url(&endpoint("http://localhost:9000"), "k"), "http://localhost:9000/bucket/k");
    let forced = |addressing| Endpoint::parse("h.example:8443", Some(addressing)).unwrap();
    assert_eq!(url(&forced(Addressing::Path), "k"), "https://h.example:8443/bucket/k");
    assert_eq!(url(&forced(Addressing::Cname), "k"), "https://h.example:8443/k");
    let (service, _) = endpoint("h.example").url(None, None, &[]).unwrap();
    assert_eq!(service, "https://h.example/");
}

#[test]
fn a_host_that_already_names_the_bucket_is_not_given_it_twice() {
    assert_eq!(
        url(&endpoint("bucket.oss-cn-hangzhou.aliyuncs.com"), "k"),
        "https://bucket.oss-cn-hangzhou.aliyuncs.com/k"
    );
    assert_eq!(
        url(&endpoint("bucket.cn-hangzhou.oss.aliyuncs.com"), "k"),
        "https://bucket.cn-hangzhou.oss.aliyuncs.com/k"
    );
    assert_eq!(url(&endpoint("bucket.example"), "k"), "https://bucket.bucket.example/k");
    // A bucket may bear the name of a region.
    let (uri, _) =
        endpoint("cn-hangzhou.oss.aliyuncs.com").url(Some(&Bucket::new("cn-hangzhou").unwrap()), None, &[]).unwrap();
    assert_eq!(uri, "https://cn-hangzhou.cn-hangzhou.oss.aliyuncs.com/");
}

#[test]
fn a_key_is_encoded_and_never_normalised() {
    let h = endpoint("h.example");
    assert_eq!(url(&h, "a/../b/./c//d+e f%2F~ü?#"), "https://bucket.h.example/a/../b/./c//d%2Be%20f%252F~%C3%BC%3F%23");
    let query = [("uploadId".to_owned(), Some("A/B+".to_owned())), ("uploads".to_owned(), None)];
    let (uri, _) = h.url(None, None, &query).unwrap();
    assert_eq!(uri, "https://h.example/?uploadId=A%2FB%2B&uploads");
    let long = [("prefix".to_owned(), Some("x".repeat(70_000)))];
    assert_eq!(h.url(None, None, &long), Err(EndpointError::TooLong));
}

#[test]
fn a_region_is_read_from_osss_own_hosts_only() {
    for (host, region) in [
        ("oss-cn-hangzhou.aliyuncs.com", Some("cn-hangzhou")),
        ("oss-cn-hangzhou-internal.aliyuncs.com", Some("cn-hangzhou")),
        ("bucket.oss-eu-central-1.aliyuncs.com", Some("eu-central-1")),
        ("cn-shanghai.oss.aliyuncs.com", Some("cn-shanghai")),
        ("oss-accelerate.aliyuncs.com", None),
        ("oss-accelerate-overseas.aliyuncs.com", None),
        ("id.cn-x.oss-cloudbox.aliyuncs.com", None),
        ("oss-cn-hangzhou.example.com", None),
        ("127.0.0.1", None),
    ] {
        assert_eq!(endpoint(host).region_hint(), region, "{host}");
    }
    let made = Endpoint::from_region("cn-hangzhou").unwrap();
    assert_eq!(
        (made.to_string().as_str(), made.region_hint()),
        ("https://oss-cn-hangzhou.aliyuncs.com", Some("cn-hangzhou"))
    );
    for wrong in ["", "oss.cn", "CN", "-x", "x/y"] {
        assert!(Endpoint::from_region(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn every_network_of_a_region_has_its_endpoint() {
    for (network, canonical, hint) in [
        (Network::Public, "https://oss-cn-hangzhou.aliyuncs.com", Some("cn-hangzhou")),
        (Network::Internal, "https://oss-cn-hangzhou-internal.aliyuncs.com", Some("cn-hangzhou")),
        (Network::DualStack, "https://cn-hangzhou.oss.aliyuncs.com", Some("cn-hangzhou")),
        (Network::Accelerate, "https://oss-accelerate.aliyuncs.com", None),
        (Network::AccelerateOverseas, "https://oss-accelerate-overseas.aliyuncs.com", None),
    ] {
        let made = Endpoint::of_region("cn-hangzhou", network).unwrap();
        assert_eq!((made.to_string().as_str(), made.region_hint()), (canonical, hint));
        assert_eq!(made.addressing(), Addressing::Virtual);
        let bucket = Bucket::new("bucket").unwrap();
        assert!(!made.names(&bucket), "{made}");
        assert_eq!(url(&made, "k"), format!("{}/k", canonical.replace("://", "://bucket.")));
        for wrong in ["", "oss.cn", "CN", "-x", "x/y", "x\r\ny", "oss-accelerate.aliyuncs.com", "x@y"] {
            assert!(Endpoint::of_region(wrong, network).is_err(), "{network:?} {wrong:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_key_makes_a_url_whose_path_decodes_to_it(key in "[^/\\\\][^\0]{0,200}") {
        let key = Key::new(key).unwrap();
        let (uri, _) = endpoint("h.example").url(None, Some(&key), &[]).unwrap();
        let mut bytes = Vec::new();
        let mut rest = uri.path().as_bytes();
        while let [first, tail @ ..] = rest {
            rest = tail;
            if *first == b'%' {
                bytes.push(u8::from_str_radix(std::str::from_utf8(&rest[..2]).unwrap(), 16).unwrap());
                rest = &rest[2..];
            } else {
                bytes.push(*first);
            }
        }
        prop_assert_eq!(bytes, format!("/{key}").into_bytes());
    }

    #[test]
    fn no_text_panics_and_an_accepted_one_is_stable(text in ".{0,60}") {
        if let Ok(endpoint) = Endpoint::parse(&text, None) {
            prop_assert_eq!(Endpoint::parse(&endpoint.to_string(), None).unwrap(), endpoint);
        }
    }
}

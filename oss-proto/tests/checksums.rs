//! Checksum vectors: those of the official SDKs' tests, and CRC combinations computed bit by bit.

use oss_proto::{Crc64, Crc64Combiner, Crc64Hasher, ETag};
use serde_json::Value;

fn vectors(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("data/checksums.json")).expect("the vectors are JSON");
    let section = all[section].as_array().expect("the section is a list").clone();
    assert!(!section.is_empty());
    section
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().expect("the field is a text")
}

fn crc(vector: &Value, name: &str) -> Crc64 {
    Crc64::parse(text(vector, name)).expect("the field is a CRC")
}

fn bytes(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

#[test]
fn every_official_crc_is_computed() {
    for vector in vectors("crc64") {
        let (data, expected) = (bytes(text(&vector, "data_hex")), crc(&vector, "crc64"));
        assert_eq!(Crc64::of(&data), expected, "{vector}");
        assert_eq!(format!("{:016x}", expected.get()), text(&vector, "crc64_hex"));
        assert_eq!(expected.to_string(), text(&vector, "crc64"));
        let mut hasher = Crc64Hasher::new();
        data.iter().for_each(|byte| hasher.update(&[*byte]));
        assert_eq!(hasher.finish(), expected, "byte by byte: {vector}");
    }
}

#[test]
fn every_official_combination_is_computed() {
    let mut combiner = Crc64Combiner::new();
    for vector in vectors("combine") {
        let (a, b, combined) = (crc(&vector, "crc_a"), crc(&vector, "crc_b"), crc(&vector, "combined"));
        let len_b = vector["len_b"].as_u64().expect("a length");
        assert_eq!(a.combine(b, len_b), combined, "{vector}");
        assert_eq!(combiner.combine(a, b, len_b), combined, "cached: {vector}");
        assert_eq!(combiner.combine(a, b, len_b), combined, "from the cache: {vector}");

        let (a_bytes, b_bytes) = match (vector["i"].as_u64(), vector["len_a"].as_u64()) {
            (Some(i), Some(len_a)) => (generated(7 * i, 13, len_a), generated(i, 29, len_b)),
            _ => (bytes(text(&vector, "a_hex")), bytes(text(&vector, "b_hex"))),
        };
        assert_eq!((Crc64::of(&a_bytes), Crc64::of(&b_bytes)), (a, b));
        assert_eq!(Crc64::of(&[a_bytes, b_bytes].concat()), combined, "{vector}");
    }
}

/// As the vectors' `gen` says: a[j] = (7·i + 13·j) mod 256, b[j] = (i + 29·j) mod 256.
fn generated(start: u64, step: u64, len: u64) -> Vec<u8> {
    (0..len).map(|j| u8::try_from((start + step * j) & 255).expect("masked")).collect()
}

#[test]
fn every_multipart_etag_of_the_real_service_is_computed() {
    for vector in vectors("multipart_etag") {
        let parts = vector["parts"].as_array().expect("a list").iter();
        let parts: Vec<_> = parts.map(|part| ETag::new(part.as_str().expect("a text")).expect("an ETag")).collect();
        assert_eq!(ETag::of_multipart(&parts).as_str(), text(&vector, "etag"));
        let lower: Vec<_> =
            parts.iter().map(|part| ETag::new(&part.as_str().to_lowercase()).expect("an ETag")).collect();
        assert_eq!(ETag::of_multipart(&lower), ETag::of_multipart(&parts), "the case of the hex does not matter");
    }
}

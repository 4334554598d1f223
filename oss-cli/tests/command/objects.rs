//! What becomes part of the object: options, refusals, a resume with other ones.

use crate::bench::{Bench, Ended};

const OPTIONS: &[&str] = &[
    "--cache-control",
    "no-cache",
    "--content-disposition",
    "attachment; filename=\"a b.html\"",
    "--content-encoding",
    "br",
    "--content-language",
    "zh-CN",
    "--expires",
    "Fri, 28 Feb 2031 05:38:42 GMT",
    "--meta",
    "owner=Größe 4",
    "--meta",
    "empty=",
    "--tag",
    "a b=c/d",
    "--storage-class",
    "ia",
    "--acl",
    "public-read",
    "--sse",
    "KMS",
    "--sse-key-id",
    "9468da86-3509-4f8d-a61e-6eab1eac",
    "--sse-data",
    "SM4",
    "--traffic-limit",
    "838860800",
    "--request-payer",
    "requester",
];

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "text/html"),
    ("cache-control", "no-cache"),
    ("content-disposition", "attachment; filename=\"a b.html\""),
    ("content-encoding", "br"),
    ("content-language", "zh-CN"),
    ("expires", "Fri, 28 Feb 2031 05:38:42 GMT"),
    ("x-oss-meta-owner", "Größe 4"),
    ("x-oss-meta-empty", ""),
    ("x-oss-tagging", "a%20b=c%2Fd"),
    ("x-oss-storage-class", "IA"),
    ("x-oss-object-acl", "public-read"),
    ("x-oss-server-side-encryption", "KMS"),
    ("x-oss-server-side-encryption-key-id", "9468da86-3509-4f8d-a61e-6eab1eac"),
    ("x-oss-server-side-data-encryption", "SM4"),
];

fn cp(bench: &Bench, rest: &[&str]) -> Ended {
    bench.run(&[&["cp"], rest, &["--endpoint", "embedded"]].concat())
}

#[test]
fn every_option_becomes_part_of_a_small_and_of_a_large_object() {
    for size in [10, 9 * 1024 * 1024] {
        for version in ["v4", "v1"] {
            let bench = Bench::new();
            bench.file("page.html", size);
            let ended = cp(&bench, &[&["page.html", "oss://demo/", "--sign-version", version], OPTIONS].concat());
            assert_eq!(ended.code, Some(0), "{size}: {ended:?}");
            let stored = bench.stored().object("demo", "page.html").unwrap();
            for (name, value) in HEADERS {
                assert_eq!(stored.headers.get(*name).map(String::as_str), Some(*value), "{size} {version}");
            }
        }
    }
}

#[test]
fn an_option_oss_would_refuse_is_named_and_nothing_is_begun() {
    let bench = Bench::new();
    bench.file("f", 10);
    for (option, value, words) in [
        ("--content-type", "a\r\nx-oss-object-acl: public-read", "control character"),
        ("--meta", "a_b=c", "a-z, 0-9 and -"),
        ("--meta", "novalue", "there is no ="),
        ("--meta", "a=b\u{1b}[2J", "control character"),
        ("--tag", "a&b=c", "letters, digits"),
        ("--storage-class", "Frozen", "DeepColdArchive"),
        ("--acl", "secret", "public-read-write"),
        ("--sse", "DES", "AES256"),
        ("--sse-key-id", "k", "KMS"),
        ("--callback", "{\"callbackUrl\": \"u\"}", "callbackBody is missing"),
        ("--callback", "nonsense!", "base64"),
        ("--callback-var", "{\"x:a\": \"b\"}", "needs x-oss-callback"),
        ("--traffic-limit", "819199", "819,200"),
        ("--traffic-limit", "1MiB", "plain number"),
        ("--request-payer", "owner", "requester"),
    ] {
        let ended = cp(&bench, &["f", "oss://demo/", option, value]);
        assert_eq!(ended.code, Some(2), "{option} {value}: {ended:?}");
        assert!(ended.err.contains(words), "{option} {value} does not say {words:?}: {}", ended.err);
        assert!(!ended.err.contains('\u{1b}'), "{}", ended.err.escape_debug());
    }
    assert!(!bench.path().join(".oss-embedded").exists());
}

#[test]
fn an_object_that_is_there_is_not_replaced_when_that_is_forbidden() {
    let bench = Bench::new();
    let first = bench.file("f", 10);
    for size in [11, 300 * 1024] {
        assert_eq!(cp(&bench, &["f", "oss://demo/k"]).code, Some(0));
        bench.file("g", size);
        for option in ["--forbid-overwrite", "--no-clobber"] {
            let ended = cp(&bench, &["g", "oss://demo/k", option, "--part-size", "100KiB"]);
            assert_eq!(ended.code, Some(1), "{ended:?}");
            assert!(ended.err.contains("must not be overwritten"), "{}", ended.err);
            assert_eq!(bench.stored().object_bytes("demo", "k").unwrap(), first);
        }
    }
}

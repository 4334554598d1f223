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
            let replacing = ended.err.split("next: to replace it:\n").nth(1).unwrap().lines().next().unwrap();
            assert!(replacing.ends_with("oss://demo/k --part-size 100KiB --endpoint embedded"), "{replacing}");
            assert_eq!(bench.stored().object_bytes("demo", "k").unwrap(), first);
        }
    }
}

/// Answers one callback; the address to give, and what came.
fn callback_server(reply: &'static str) -> (String, std::thread::JoinHandle<String>) {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let callback = format!(
        r#"{{"callbackUrl": "http://{}/", "callbackBody": "${{object}} ${{size}} ${{x:n}} end"}}"#,
        listener.local_addr().unwrap()
    );
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"end") {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&buffer[..read]);
        }
        stream.write_all(reply.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    (callback, served)
}

#[test]
fn a_callbacks_answer_is_in_the_json_and_its_failure_is_exit_code_4_said_loudly() {
    let answered = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"Status\":\"OK\"}";
    let failed = "HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\n{}";
    for size in [10, 300 * 1024] {
        let bench = Bench::new();
        let content = bench.file("f", size);
        let cp = |reply| {
            let (callback, served) = callback_server(reply);
            let rest =
                ["--callback", &callback, "--callback-var", r#"{"x:n": "7"}"#, "--part-size", "100KiB", "--json"];
            let ended = cp(&bench, &[&["f", "oss://demo/"], &rest[..]].concat());
            let request = served.join().unwrap();
            assert!(request.ends_with(&format!("f {size} 7 end")), "{request}");
            assert_eq!(bench.stored().object_bytes("demo", "f").unwrap(), content);
            ended
        };
        let ended = cp(answered);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let done = ended.event("completed");
        assert_eq!((&done["callback"], &done["callback_body"]["Status"]), (&"succeeded".into(), &"OK".into()));

        let ended = cp(failed);
        assert_eq!(ended.code, Some(4), "{ended:?}");
        let done = ended.event("completed");
        assert_eq!((&done["callback"], &done["callback_body"]), (&"failed".into(), &serde_json::Value::Null));
        for words in ["CALLBACK FAILED", "stored and verified", "Error status : 500", "do not upload it again"] {
            assert!(ended.err.contains(words), "{words}: {}", ended.err);
        }
        assert!(ended.json().iter().all(|line| line["event"] != "failed"), "{}", ended.out);
        assert!(bench.left_behind(&["f"]).is_empty());
    }
}

#[test]
fn a_resume_with_other_headers_starts_afresh_and_names_them() {
    let bench = Bench::new();
    bench.file("f", 40 * 1024 * 1024);
    let line = ["cp", "f", "oss://demo/", "--part-size", "1MiB", "--parallel", "1", "--endpoint", "embedded", "--json"];
    let mut running = crate::bench::Running::start(bench.command(&[&line[..], &["--meta", "a=1"]].concat()));
    running.await_parts(3);
    running.kill();
    let ended = bench.run(&[&line[..], &["--meta", "a=2", "--cache-control", "no-cache"]].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.err.contains("other object headers are asked for: cache-control, x-oss-meta-a"), "{}", ended.err);
    assert_eq!(ended.event("completed")["parts_reused"], 0);
    assert!(bench.stored().uploads("demo").is_empty());
}

#[test]
fn the_version_is_told_in_a_bucket_that_keeps_versions() {
    let bench = Bench::new();
    bench.file("f", 10);
    assert_eq!(cp(&bench, &["f", "oss://demo/"]).code, Some(0));
    assert!(bench.stored().set_versioning("demo", oss_emulator::Versioning::Enabled));
    let ended = cp(&bench, &["f", "oss://demo/", "--json", "--forbid-overwrite"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (version, _) = bench.stored().versions("demo", "f").pop().unwrap();
    assert_eq!(ended.event("completed")["version_id"], version.as_str());
    assert!(ended.err.contains(&format!("oss://demo/f version {version} ")), "{}", ended.err);
}

//! What is refused before any request: exit code 2, and the name of what to mend.

use crate::bench::Bench;

/// Nothing listens there: a request would be tried again for minutes.
const NOWHERE: &[&str] = &["--endpoint", "http://127.0.0.1:1", "--region", "cn-hangzhou"];

fn refused(bench: &Bench, line: &[&str], words: &[&str]) {
    let mut command = bench.command(line);
    command.env("OSS_ACCESS_KEY_ID", "id").env("OSS_ACCESS_KEY_SECRET", "top-secret");
    let ended = crate::bench::Ended::of(command.output().unwrap());
    assert_eq!(ended.code, Some(2), "{line:?}: {ended:?}");
    for word in words {
        assert!(ended.err.contains(word), "{line:?} does not say {word:?}: {}", ended.err);
    }
    assert!(!ended.err.contains("top-secret") && !ended.out.contains("top-secret"));
}

fn refused_cp(bench: &Bench, rest: &[&str], words: &[&str]) {
    refused(bench, &[&["cp"], rest, NOWHERE].concat(), words);
}

#[test]
fn a_file_that_cannot_be_uploaded_is_named() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path().join("folder")).unwrap();
    refused_cp(&bench, &["missing.iso", "oss://demo/"], &["file", "missing.iso", "No such file"]);
    refused_cp(&bench, &["folder", "oss://demo/"], &["file", "folder", "a directory"]);
    refused_cp(&bench, &["/dev/null", "oss://demo/"], &["file", "/dev/null", "not a regular file"]);
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    bench.file("private", 10);
    let path = bench.path().join("private");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        // The superuser reads everything: there is no such file for it.
        return;
    }
    refused_cp(&bench, &["private", "oss://demo/"], &["file", "private", "denied"]);
}

#[test]
fn sizes_and_counts_out_of_range_are_refused_with_the_range() {
    let bench = Bench::new();
    bench.file("f", 10);
    refused_cp(&bench, &["f", "oss://demo/", "--part-size", "102399"], &["--part-size", "100KiB", "5GiB"]);
    refused_cp(&bench, &["f", "oss://demo/", "--part-size", "6G"], &["--part-size", "100KiB", "5GiB"]);
    refused_cp(&bench, &["f", "oss://demo/", "--part-size", "big"], &["--part-size", "100KiB", "5GiB"]);
    refused_cp(&bench, &["f", "oss://demo/", "--parallel", "0"], &["--parallel", "1..=1024"]);
}

#[test]
fn bad_names_are_refused_with_their_rule() {
    let bench = Bench::new();
    bench.file("f", 10);
    refused_cp(&bench, &["f", "oss://De/k"], &["bucket", "3 to 63"]);
    refused_cp(&bench, &["f", "oss://demo_1/k"], &["bucket", "a-z, 0-9 and -"]);
    refused_cp(&bench, &["f", "oss://demo//k"], &["key", "must not start with /"]);
    refused_cp(&bench, &["f", &format!("oss://demo/{}", "k".repeat(1024))], &["key", "1,023"]);
    refused_cp(&bench, &["f", &format!("oss://demo/{}/", "k".repeat(1022))], &["key", "1,023"]);
}

#[test]
fn an_endpoint_or_region_that_cannot_be_used_is_named() {
    let bench = Bench::new();
    bench.file("f", 10);
    let cp = |rest: &[&'static str]| [&["cp", "f", "oss://demo/"], rest].concat();
    refused(&bench, &cp(&[]), &["--endpoint", "--region"]);
    refused(&bench, &cp(&["--endpoint", "ftp://x"]), &["--endpoint", "https or http"]);
    refused(&bench, &cp(&["--endpoint", "http://u:top-secret@x"]), &["--endpoint", "password"]);
    refused(&bench, &cp(&["--endpoint", "https://files.example.com"]), &["region", "cn-hangzhou", "--sign-version v1"]);
    refused(&bench, &cp(&["--region", "Hangzhou"]), &["--region", "a-z"]);
    refused(&bench, &cp(&["--region", "oss-cn-hangzhou"]), &["--region", "without oss-"]);
    refused(&bench, &cp(&["--region", "cn-x", "--ca-file", "no.pem"]), &["--ca-file", "no.pem"]);
    refused(&bench, &cp(&["--network", "internal", "--endpoint", "https://x"]), &["--network", "--endpoint"]);
    refused(&bench, &cp(&["--network", "internal"]), &["--network", "--region"]);
    refused(&bench, &cp(&["--network", "accelerate"]), &["--network", "--region"]);
    refused(&bench, &cp(&["--network", "intranet"]), &["--network", "dual-stack", "accelerate-overseas"]);
    refused(&bench, &cp(&["--endpoint", "embedded", "--addressing", "virtual"]), &["addressing", "path"]);
    refused(&bench, &cp(&["--endpoint", "embedded", "--region", "X"]), &["--region", "a-z"]);
    refused(&bench, &cp(&["--endpoint", "embedded:f"]), &["store in f cannot be used"]);
    assert!(bench.left_behind(&["f"]).is_empty(), "{:?}", bench.left_behind(&["f"]));
}

#[test]
fn a_given_checkpoint_directory_that_cannot_be_used_is_named() {
    let bench = Bench::new();
    bench.file("f", 10);
    refused_cp(&bench, &["f", "oss://demo/", "--checkpoint-dir", "f/under"], &["checkpoint directory", "f/under"]);
}

#[test]
fn missing_credentials_are_named() {
    let bench = Bench::new();
    bench.file("f", 10);
    let ended = bench.run(&[&["cp", "f", "oss://demo/", "--json"], NOWHERE].concat());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("OSS_ACCESS_KEY_ID"), "{}", ended.err);
    let failed = ended.event("failed");
    assert_eq!((&failed["exit_code"], &failed["next"]), (&2.into(), &serde_json::Value::Null));
}

#[test]
fn an_embedded_server_has_no_urls_to_give_away() {
    let bench = Bench::new();
    refused(&bench, &["presign", "oss://demo/k", "--endpoint", "embedded"], &["embedded", "oss serve"]);
    refused(&bench, &["presign", "oss://demo/k", "--region", "cn-x", "--expires", "8d"], &["7 days"]);
    refused(&bench, &["presign", "oss://demo/", "--region", "cn-x"], &["key"]);
    assert!(bench.left_behind(&[]).is_empty());
    assert!(!bench.path().join(".oss-embedded").exists());
}

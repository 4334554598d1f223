//! Rules of the repository that no compiler knows.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The arrows between the crates, all of them. `xtask` has none; those of [`OUTSIDE`] are not drawn.
const EDGES: &[(&str, &[&str])] = &[
    ("oss-sign", &[]),
    ("oss-proto", &[]),
    ("oss-checkpoint", &["oss-proto"]),
    ("oss-http", &["oss-sign", "oss-proto"]),
    ("oss-multipart", &["oss-http", "oss-checkpoint", "oss-proto"]),
    ("oss-client", &["oss-multipart", "oss-http"]),
    ("oss-cli", &["oss-client", "oss-emulator"]),
    ("oss-emulator", &["oss-sign", "oss-proto"]),
    ("xtask", &[]),
];

/// May use every crate, and are used by none: the packages of the tests and of the measurements.
const OUTSIDE: [&str; 2] = ["oss-tests", "oss-bench"];

/// Files over [`MAX_LINES`], each with the reason why it is not cut.
const LONG_FILES: &[(&str, &str)] = &[];
const MAX_LINES: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The files git knows, or would take: what is ignored is nobody's business. Without git (a source archive), all files
/// outside `target`.
fn files() -> Vec<PathBuf> {
    let git = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root())
        .output();
    if let Some(output) = git.ok().filter(|output| output.status.success() && !output.stdout.is_empty()) {
        let names = String::from_utf8(output.stdout).unwrap();
        // A file that was removed but not yet committed is still listed.
        return names.split_terminator('\0').map(PathBuf::from).filter(|path| root().join(path).is_file()).collect();
    }
    let mut found = Vec::new();
    walk(Path::new(""), &mut found);
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_file() {
            found.push(path);
        } else if path != Path::new("target") && path != Path::new(".git") {
            walk(&path, found);
        }
    }
}

/// Path and text of every file that is text.
fn texts() -> Vec<(String, String)> {
    let text = |path: PathBuf| Some((path.to_str()?.replace('\\', "/"), fs::read_to_string(root().join(&path)).ok()?));
    files().into_iter().filter_map(text).collect()
}

fn rust() -> impl Iterator<Item = (String, String)> {
    texts().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn crates_depend_on_each_other_only_as_drawn() {
    let allowed: BTreeMap<_, _> = EDGES.iter().map(|(name, to)| (*name, to.iter().copied().collect())).collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<_> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    assert_eq!(names, allowed.keys().copied().chain(OUTSIDE).collect(), "the crates of the workspace");

    let mut drawn: BTreeMap<&str, BTreeSet<&str>> = names.iter().map(|name| (*name, BTreeSet::new())).collect();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            // Tests may use anything but the packages outside.
            let counts = dependency["kind"].as_str() != Some("dev") || OUTSIDE.contains(&to);
            if counts && names.contains(to) {
                drawn.get_mut(name).unwrap().insert(to);
            }
        }
    }
    for name in OUTSIDE {
        drawn.remove(name);
    }
    assert_eq!(drawn, allowed, "the edges between the crates");
}

#[test]
fn no_file_of_code_is_too_long() {
    let long: BTreeMap<_, _> = LONG_FILES.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in rust() {
        let lines = text.lines().count();
        match (lines > MAX_LINES, long.get(path.as_str())) {
            (true, None) => wrong.push(format!("{path}: {lines} lines, cut it or say why not in LONG_FILES")),
            (false, Some(_)) => wrong.push(format!("{path}: {lines} lines, no longer long: remove it from LONG_FILES")),
            _ => {}
        }
    }
    assert_none(&wrong, "files have at most 400 lines");
}

#[test]
fn nothing_is_left_to_do_without_an_issue() {
    // Put together here, so that this file does not find itself.
    let (mark, macro_call, later) = (concat!("TO", "DO"), concat!("to", "do!("), concat!("unimple", "mented!("));
    let fix = concat!("FIX", "ME");
    let mut found = Vec::new();
    for (path, text) in rust() {
        for (number, line) in (1..).zip(text.lines()) {
            let marked = (line.contains(mark) || line.contains(fix)) && !line.contains('#');
            if marked || line.contains(macro_call) || line.contains(later) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&found, "what is left to do has an issue (#123), and no code is a stub");
}

/// What only tests use explains itself there.
#[test]
fn every_dependency_that_ships_has_its_reason_beside_it() {
    let mut found = Vec::new();
    for (path, text) in texts().into_iter().filter(|(path, _)| path.ends_with("/Cargo.toml")) {
        let mut section = "";
        let mut depth = 0_usize;
        for (number, line) in (1..).zip(text.lines()) {
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let (code, reason) = line.split_once(" #").map_or((line, ""), |(code, reason)| (code, reason.trim()));
            let begins = depth == 0 && code.contains('=');
            depth = (depth + code.matches(['{', '[']).count()).saturating_sub(code.matches(['}', ']']).count());
            if section.contains("dependencies]") && !section.contains("dev-") && begins && reason.is_empty() {
                found.push(format!("{path}:{number}: {line}"));
            }
        }
    }
    assert_none(&found, "every dependency has a `# reason` at the end of its line");
}

#[test]
fn the_map_is_short_and_names_every_crate() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(map.lines().count() <= 200, "ARCHITECTURE.md has {} lines", map.lines().count());
    for (name, _) in EDGES.iter().chain(&[("tests", [].as_slice())]) {
        assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name `{name}`");
    }
}

#[test]
fn nothing_names_the_machine_or_the_tools_it_was_written_with() {
    // In pieces, so that this file does not find itself.
    let words = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot"),
        concat!("/tmp/", "t-"),
        concat!("../sha", "red"),
        concat!("cla", "ude"),
        concat!("anthro", "pic"),
        concat!("chat", "gpt"),
        concat!("copi", "lot"),
    ];
    let mut found = Vec::new();
    for (path, text) in texts() {
        for (number, line) in (1..).zip(text.lines()) {
            let lower = line.to_lowercase();
            if words.iter().any(|word| lower.contains(word)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&found, "no file names a path of one machine, or a tool of its author");
}

/// A secret is a type that `Debug` cannot print (`Credentials`, `Secret`, `Zeroizing` in a type without `Debug`).
#[test]
fn no_field_holds_a_secret_as_plain_text() {
    let mut found = Vec::new();
    for (path, text) in rust().filter(|(path, _)| path.contains("/src/")) {
        for (number, line) in (1..).zip(text.lines()) {
            let Some((name, kind)) = line.trim().trim_start_matches("pub(crate) ").split_once(": ") else { continue };
            let name = name.trim_start_matches("pub ");
            let secret = ["secret", "security_token", "sts_token", "password"].iter().any(|word| name.ends_with(word));
            if secret && matches!(kind, "String," | "Option<String>,") {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    assert_none(&found, "no field holds a secret as plain text");
}

#[test]
fn the_documents_a_reader_looks_for_are_there() {
    let wanted = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "STATUS.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "Cargo.lock",
        "oss-checkpoint/FORMAT.md",
    ];
    let missing: Vec<_> =
        wanted.iter().filter(|path| !root().join(path).is_file()).map(|path| (*path).into()).collect();
    assert_none(&missing, "missing documents");
    let changelog = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let releases = changelog.lines().filter(|line| line.starts_with("## ")).count();
    let formats = changelog.lines().filter(|line| line.starts_with("Checkpoint format: ")).count();
    assert_eq!(releases, formats, "every release has a line `Checkpoint format: …`");
}

//! A release, up to the point that cannot be taken back: version, changelog, all that CI runs, packages, commit, tag.
//! Publishing itself is two commands for a person; they are printed.

use crate::steps::{self, Ended, Run};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const UNRELEASED: &str = "## Unreleased";

/// Prepares the release of `version`; a failed step leaves the edited files for a look, and no commit.
pub(crate) fn run(version: &str, run: &mut Run, ci: impl FnOnce(&mut Run)) {
    run.step("release notes", |_| edit(version).map_or_else(Ended::Failed, |()| Ended::Ok));
    if run.failed() {
        return;
    }
    ci(run);
    if run.failed() {
        println!("nothing was committed; `git checkout .` takes the edits back");
        return;
    }
    run.step("commit and tag", |_| commit(version).map_or_else(Ended::Failed, |()| Ended::Ok));
    if !run.failed() {
        println!("what is left cannot be taken back:\n  cargo publish --workspace\n  git push --follow-tags\n");
    }
}

/// Packs every public crate as it would be published; without network, and without building it once more.
pub(crate) fn packages() -> Ended {
    let mut words = vec!["package", "--workspace", "--no-verify", "--allow-dirty", "--offline", "--quiet"];
    let private = private();
    words.extend(private.iter().flat_map(|name| ["--exclude", name]));
    steps::cargo(&words, &[])
}

/// The packages that are never published.
fn private() -> Vec<String> {
    let folders = fs::read_dir(steps::root()).into_iter().flatten().flatten();
    let manifests = folders.filter_map(|folder| fs::read_to_string(folder.path().join("Cargo.toml")).ok());
    let private = manifests.filter(|manifest| manifest.lines().any(|line| line == "publish = false"));
    private.filter_map(|manifest| Some(name(&manifest)?.to_owned())).collect()
}

fn name(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
}

/// Version and changelog, on a tree without other changes.
fn edit(version: &str) -> Result<(), String> {
    if !git(&["status", "--porcelain"])?.is_empty() {
        return Err("there are uncommitted changes".to_owned());
    }
    let (manifest, changelog) = (steps::root().join("Cargo.toml"), steps::root().join("CHANGELOG.md"));
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let (text, notes) = (read(&manifest)?, read(&changelog)?);
    let current = current_version(&text).ok_or("Cargo.toml has no workspace version")?;
    let released = !git(&["tag", "--list", &format!("v{current}")])?.is_empty();
    check(version, &current, released)?;
    let notes = with_release(&notes, version, &date(today()))?;
    let write = |path: &Path, text| fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    write(&changelog, notes)?;
    write(&manifest, with_version(&text, &current, version))?;
    match steps::cargo(&["update", "--workspace", "--offline", "--quiet"], &[]) {
        Ended::Failed(why) => Err(format!("Cargo.lock: {why}")),
        _ => Ok(()),
    }
}

fn commit(version: &str) -> Result<(), String> {
    git(&["commit", "--quiet", "--all", "--message", &format!("Release {version}")])?;
    git(&["tag", "--annotate", &format!("v{version}"), "--message", &format!("Release {version}")]).map(drop)
}

fn git(words: &[&str]) -> Result<String, String> {
    let output = Command::new("git").args(words).current_dir(steps::root()).output();
    let output = output.map_err(|error| format!("git: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

/// `1.2.3`, each number in order; no pre-releases.
fn parse(version: &str) -> Option<[u64; 3]> {
    let numbers: Vec<u64> = version.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// A release goes forward; the version that stands in the manifest may be its own first release.
fn check(wanted: &str, current: &str, released: bool) -> Result<(), String> {
    let (Some(new), Some(old)) = (parse(wanted), parse(current)) else {
        return Err(format!("{wanted} is not a version like 1.2.3"));
    };
    match new.cmp(&old) {
        std::cmp::Ordering::Greater => Ok(()),
        std::cmp::Ordering::Equal if !released => Ok(()),
        _ => Err(format!("{wanted} is not after {current}, which is the version now")),
    }
}

fn current_version(manifest: &str) -> Option<String> {
    let (_, package) = manifest.split_once("[workspace.package]")?;
    let line = package.lines().find(|line| line.starts_with("version = "))?;
    Some(line.split('"').nth(1)?.to_owned())
}

/// The workspace's version, and the same number where the crates name each other.
fn with_version(manifest: &str, old: &str, new: &str) -> String {
    let ours = |line: &str| line.starts_with("version = ") || (line.starts_with("oss-") && line.contains("path = "));
    let (old, new) = (format!("version = \"{old}\""), format!("version = \"{new}\""));
    manifest.split_inclusive('\n').map(|line| if ours(line) { line.replace(&old, &new) } else { line.into() }).collect()
}

/// The notes of what is unreleased become those of `version`.
fn with_release(changelog: &str, version: &str, date: &str) -> Result<String, String> {
    let Some((before, after)) = changelog.split_once(UNRELEASED) else {
        return Err(format!("CHANGELOG.md has no `{UNRELEASED}`: say first what a user notices"));
    };
    let own = after.split("\n## ").next().unwrap_or_default();
    if !own.contains("Checkpoint format: ") {
        return Err("the notes of this release have no line `Checkpoint format: …`".to_owned());
    }
    Ok(format!("{before}## {version} ({date}){after}"))
}

/// Days since 1970-01-01.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}

/// `2026-11-25`; the days of a year are counted from March, so that a leap day is its last.
fn date(days: u64) -> String {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_goes_forward() {
        assert!(check("0.2.0", "0.1.9", true).is_ok());
        assert!(check("0.1.0", "0.1.0", false).is_ok());
        for wanted in ["0.1.0", "0.0.9", "0.2", "v1.0.0", "1.0.0-rc1"] {
            check(wanted, "0.1.0", true).unwrap_err();
        }
    }

    #[test]
    fn the_version_changes_where_the_crates_name_each_other_and_nowhere_else() {
        let manifest = "[workspace.package]\nversion = \"0.1.0\"\n[workspace.dependencies]\n\
            oss-http = { path = \"oss-http\", version = \"0.1.0\" }\nother = { version = \"0.1.0\" }\n";
        assert_eq!(current_version(manifest).as_deref(), Some("0.1.0"));
        let edited = with_version(manifest, "0.1.0", "0.2.0");
        assert_eq!(edited.matches("0.2.0").count(), 2);
        assert!(edited.ends_with("other = { version = \"0.1.0\" }\n"));
    }

    #[test]
    fn what_is_not_published_is_found_by_its_manifest() {
        let private = private();
        assert!(["xtask", "oss-tests"].iter().all(|name| private.iter().any(|found| found == name)), "{private:?}");
        assert!(!private.iter().any(|name| name == "oss-client"));
    }

    #[test]
    fn the_unreleased_notes_get_version_and_date() {
        let notes = "# Changelog\n\n## Unreleased\nMore.\n\nCheckpoint format: version 1.\n\n## 0.1.0 (2026-01-01)\n";
        let released = with_release(notes, "0.2.0", "2026-11-25").unwrap();
        assert!(released.contains("\n## 0.2.0 (2026-11-25)\nMore.") && !released.contains("Unreleased"));
        with_release("# Changelog\n", "0.2.0", "2026-11-25").unwrap_err();
        let without = "## Unreleased\nMore.\n\n## 0.1.0\nCheckpoint format: version 1.\n";
        with_release(without, "0.2.0", "2026-11-25").unwrap_err();
    }

    #[test]
    fn days_become_dates() {
        let dates = [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_782, "2026-11-25"), (47_540, "2100-02-28")];
        for (days, expected) in dates {
            assert_eq!(date(days), expected);
        }
        assert_eq!(date(47_541), "2100-03-01");
    }
}

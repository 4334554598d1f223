//! Commands as they can be typed into a shell.

use std::ffi::{OsStr, OsString};
use std::fmt::Write;

/// The command line of this process, as it was typed, but for a proxy's password: that is the word PASSWORD here.
pub(crate) fn argv() -> Vec<OsString> {
    without_password(std::env::args_os().collect())
}

fn without_password(mut argv: Vec<OsString>) -> Vec<OsString> {
    let mut is_value = false;
    for word in argv.iter_mut().take_while(|word| *word != "--") {
        let text = word.to_string_lossy().into_owned();
        if is_value {
            *word = hide_password(&text).into();
        } else if let Some(url) = text.strip_prefix("--proxy=") {
            *word = format!("--proxy={}", hide_password(url)).into();
        }
        is_value = !is_value && text == "--proxy";
    }
    argv
}

fn hide_password(url: &str) -> String {
    let Some((front, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let (scheme, user) =
        front.split_once("://").map_or(("", front), |(_, user)| (&front[..front.len() - user.len()], user));
    let user = user.split_once(':').map_or(user.to_owned(), |(user, _)| format!("{user}:PASSWORD"));
    format!("{scheme}{user}@{host}")
}

/// One line that a POSIX shell reads as exactly these arguments. Bytes that a terminal would act on, or that are not
/// UTF-8, are written as `$'\x1b'`, which bash and zsh understand.
pub(crate) fn quote(argv: &[OsString]) -> String {
    let words: Vec<String> = argv.iter().map(|word| quote_word(word)).collect();
    words.join(" ")
}

/// The command with `option` (and any value it had) taken out.
pub(crate) fn without(argv: &[OsString], option: &str, takes_value: bool) -> Vec<OsString> {
    let mut kept = Vec::with_capacity(argv.len());
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        if text == "--" {
            kept.push(word.clone());
            kept.extend(words.cloned());
            break;
        }
        if text == option {
            if takes_value {
                words.next();
            }
        } else if !(takes_value && text.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))) {
            kept.push(word.clone());
        }
    }
    kept
}

/// The value of `option`, in either spelling.
pub(crate) fn value_of(argv: &[OsString], option: &str) -> Option<OsString> {
    let mut words = argv.iter().take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        if word == option {
            return words.next().cloned();
        }
        if let Some(value) = word.to_str().and_then(|text| text.strip_prefix(option)?.strip_prefix('=')) {
            return Some(value.into());
        }
    }
    None
}

/// `option`, which takes no value, is there.
pub(crate) fn is_set(argv: &[OsString], option: &str) -> bool {
    argv.iter().take_while(|word| *word != "--").any(|word| word == option)
}

/// The command with `option` set to `value` (or just set), whatever it was before.
pub(crate) fn with(argv: &[OsString], option: &str, value: Option<&str>) -> Vec<OsString> {
    let mut changed = without(argv, option, value.is_some());
    // Right behind the subcommand: there it is before any `--`.
    let at = changed.len().min(2);
    changed.splice(at..at, std::iter::once(option).chain(value).map(OsString::from));
    changed
}

fn quote_word(word: &OsStr) -> String {
    match word.to_str() {
        Some(text) if text.chars().any(char::is_control) => escape(text.as_bytes()),
        Some(text) if is_plain(text) => text.to_owned(),
        Some(text) => format!("'{}'", text.replace('\'', r"'\''")),
        None => escape(word.as_encoded_bytes()),
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"@%+=:,./-_".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::from("$'");
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => write!(text, "\\x{byte:02x}").expect("writing to a string cannot fail"),
        }
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_shell_reads_back_exactly_the_arguments() {
        let odd = [
            "plain/-_.:=",
            "",
            "two words",
            "it's",
            "$HOME `x` \"y\"",
            "a\\b",
            "*?[~#!&;|<>()",
            "ключ",
            "a\nb\u{1b}[2J",
        ];
        let line = format!("printf '%s\\0' {}", quote(&words(&odd)));
        let printed = std::process::Command::new("bash").args(["-c", &line]).output().unwrap();
        let read: Vec<_> =
            printed.stdout.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        assert_eq!(read[..odd.len()], odd);
        assert!(!line.contains('\u{1b}'), "nothing moves the terminal's cursor");
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_is_escaped() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(quote_word(OsStr::from_bytes(b"a\xff'")), r"$'a\xff\''");
    }

    #[test]
    fn an_option_is_taken_out_in_both_spellings_but_not_behind_two_dashes() {
        let argv =
            words(&["oss", "cp", "--endpoint", "a", "--endpoint=b", "--restart", "--", "--endpoint", "oss://b/"]);
        let left = words(&["oss", "cp", "--restart", "--", "--endpoint", "oss://b/"]);
        assert_eq!(without(&argv, "--endpoint", true), left);
        assert_eq!(without(&left, "--restart", false), words(&["oss", "cp", "--", "--endpoint", "oss://b/"]));
    }

    #[test]
    fn a_value_is_found_in_both_spellings() {
        let argv = words(&["oss", "cp", "--region=a", "--endpoint", "b", "--", "--ca-file", "c"]);
        assert_eq!(value_of(&argv, "--region"), Some("a".into()));
        assert_eq!(value_of(&argv, "--endpoint"), Some("b".into()));
        assert_eq!(value_of(&argv, "--ca-file"), None);
    }

    #[test]
    fn a_proxys_password_is_not_among_the_words() {
        for (typed, shown) in [
            ("--proxy http://me:secret@p:1", "--proxy http://me:PASSWORD@p:1"),
            ("--proxy=socks5://me:sec@ret:x@p", "--proxy=socks5://me:PASSWORD@p"),
            ("--proxy me:secret@p", "--proxy me:PASSWORD@p"),
            ("--proxy http://me@p:1", "--proxy http://me@p:1"),
            ("--proxy http://p:1", "--proxy http://p:1"),
            ("--proxy --proxy --proxy me:secret@p", "--proxy --proxy --proxy me:PASSWORD@p"),
        ] {
            let split = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
            assert_eq!(without_password(split(typed)), split(shown), "{typed}");
        }
    }

    #[test]
    fn an_option_is_set_before_the_arguments() {
        let argv = words(&["oss", "cp", "f", "oss://b/", "--endpoint", "old"]);
        let line = quote(&with(&argv, "--endpoint", Some("https://new")));
        assert_eq!(line, "oss cp --endpoint https://new f oss://b/");
        assert_eq!(quote(&with(&words(&["oss", "cp", "--restart", "f"]), "--restart", None)), "oss cp --restart f");
    }
}

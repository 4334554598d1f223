use super::exchange::is_clean;
use super::{CredentialsError, CredentialsSource, Issued};
use crate::{BoxFuture, clock};
use oss_sign::Credentials;
use serde::Deserialize;
use std::fmt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

const LIMIT: Duration = Duration::from_secs(60);
const MAX_OUTPUT: u64 = 64 * 1024;

/// A program that prints credentials as JSON, as the `External` mode of the Alibaba Cloud CLI has it:
/// `{"mode": "StsToken", "access_key_id": "…", "access_key_secret": "…", "sts_token": "…", "expiration":
/// "2030-01-02T03:04:05Z"}`. `mode` is `AK` (no token) or `StsToken`; `expiration` may be missing.
///
/// It is run without a shell, gets nothing on stdin, may write to our stderr (to ask a person, say), at most 64 KiB on
/// stdout, and has 60 seconds. Source: "External" in the credentials documentation of the Alibaba Cloud CLI.
#[derive(Clone)]
pub struct ProcessCredentials {
    program: Vec<String>,
}

impl ProcessCredentials {
    /// `command`: words as a POSIX shell would split them, with its quotes and backslashes; nothing else of a shell.
    ///
    /// # Errors
    /// [`CredentialsError::Invalid`]: an open quote, or no program.
    pub fn new(command: &str) -> Result<Self, CredentialsError> {
        match split(command) {
            Some(program) if program.first().is_some_and(|name| !name.is_empty()) => Ok(Self { program }),
            _ => Err(CredentialsError::Invalid("the program that gives credentials is no command line".to_owned())),
        }
    }

    async fn output(&self) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
        let name = &self.program[0];
        let invalid = |words: String| CredentialsError::Invalid(format!("the program {name} {words}"));
        let mut child = Command::new(name)
            .args(&self.program[1..])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| invalid(format!("cannot be run: {error}")))?;
        let stdout = child.stdout.take().expect("it is piped");
        let mut output = Zeroizing::new(Vec::new());
        stdout
            .take(MAX_OUTPUT + 1)
            .read_to_end(&mut output)
            .await
            .map_err(|e| invalid(format!("cannot be read: {e}")))?;
        if output.len() as u64 > MAX_OUTPUT {
            return Err(invalid("printed more than 64 KiB".to_owned()));
        }
        let status = child.wait().await.map_err(|error| CredentialsError::Unavailable(Arc::new(error)))?;
        if status.success() { Ok(output) } else { Err(invalid(format!("failed ({status})"))) }
    }
}

impl CredentialsSource for ProcessCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let name = &self.program[0];
            let output = tokio::time::timeout(LIMIT, self.output()).await.map_err(|_| {
                CredentialsError::unavailable(format!("the program {name} did not end within {LIMIT:?}"))
            })??;
            read(&output)
                .ok_or_else(|| CredentialsError::Invalid(format!("the program {name} printed no credentials as JSON")))
        })
    }
}

#[derive(Deserialize)]
struct Printed {
    mode: Option<String>,
    access_key_id: Option<String>,
    access_key_secret: Option<Zeroizing<String>>,
    sts_token: Option<Zeroizing<String>>,
    expiration: Option<String>,
}

fn read(output: &[u8]) -> Option<Issued> {
    let printed: Printed = serde_json::from_slice(output).ok()?;
    let id = printed.access_key_id.filter(|text| is_clean(text))?;
    let secret = printed.access_key_secret.filter(|text| is_clean(text))?;
    let keys = Credentials::new(id, secret.as_str());
    let token = printed.sts_token.filter(|token| !token.is_empty());
    let credentials = match (printed.mode.as_deref(), token) {
        (Some("AK"), _) | (None, None) => keys,
        (Some("StsToken") | None, Some(token)) if is_clean(&token) => keys.with_security_token(token.as_str()),
        _ => return None,
    };
    let life = match printed.expiration {
        None => None,
        Some(end) => Some(Duration::from_secs(oss_proto::parse_iso8601(&end)?.saturating_sub(clock::now()))),
    };
    Some(Issued { credentials, life })
}

/// Words, quotes and backslashes as in POSIX; `None` when a quote stays open.
fn split(command: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = command.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '\'' => break,
                        inner => word.push(inner),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => match characters.next()? {
                            escaped @ ('"' | '\\' | '$' | '`') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        inner => word.push(inner),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(characters.next()?),
            space if space.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Some(words)
}

/// Its arguments may be anything: only the program is named.
impl fmt::Debug for ProcessCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProcessCredentials").field(&self.program[0]).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_split_as_a_shell_would_and_nothing_else_of_it_is_a_shells() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words("tool a  b\tc"), ["tool", "a", "b", "c"]);
        assert_eq!(words(r#"'my tool' "a \"b\" \x" c\ d '' """#), ["my tool", r#"a "b" \x"#, "c d", "", ""]);
        assert_eq!(words("tool $HOME `id` ; rm *"), ["tool", "$HOME", "`id`", ";", "rm", "*"]);
        for open in ["'tool", "\"tool", "tool \\"] {
            assert_eq!(split(open), None, "{open}");
        }
        assert!(ProcessCredentials::new("  ").is_err() && ProcessCredentials::new("''").is_err());
    }

    #[test]
    fn the_json_of_the_cli_is_read_and_anything_half_is_not() {
        let ak = read(br#"{"mode": "AK", "access_key_id": "id", "access_key_secret": "secret"}"#).unwrap();
        assert_eq!((ak.credentials, ak.life), (Credentials::new("id", "secret"), None));
        let text = br#"{"mode": "StsToken", "access_key_id": "id", "access_key_secret": "s", "sts_token": "t",
            "expiration": "2999-01-01T00:00:00Z", "output_format": "json"}"#;
        let sts = read(text).unwrap();
        assert_eq!(sts.credentials, Credentials::new("id", "s").with_security_token("t"));
        assert!(sts.life.unwrap() > Duration::from_secs(1 << 30));
        for half in [
            "",
            "[]",
            r#"{"mode": "StsToken", "access_key_id": "id", "access_key_secret": "s"}"#,
            r#"{"mode": "AK", "access_key_id": "id"}"#,
            r#"{"mode": "AK", "access_key_id": "id", "access_key_secret": "a b"}"#,
            r#"{"mode": "EcsRamRole", "access_key_id": "id", "access_key_secret": "s"}"#,
            r#"{"mode": "AK", "access_key_id": "id", "access_key_secret": "s", "expiration": "soon"}"#,
        ] {
            assert_eq!(read(half.as_bytes()), None, "{half}");
        }
    }
}

use super::{CredentialsError, CredentialsProvider};
use crate::BoxFuture;
use oss_sign::Credentials;

/// `OSS_ACCESS_KEY_ID`, `OSS_ACCESS_KEY_SECRET` and, for temporary credentials, `OSS_SESSION_TOKEN`.
///
/// The environment is read for every attempt. Surrounding white space is taken off, an empty variable counts as unset.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentCredentials {
    _private: (),
}

impl EnvironmentCredentials {
    /// Reads the variables when credentials are asked for, not now.
    pub fn new() -> Self {
        Self::default()
    }
}

impl CredentialsProvider for EnvironmentCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        Box::pin(std::future::ready(from_variables(|name| std::env::var(name).ok())))
    }

    fn invalidate(&self, _: &Credentials) {}
}

/// `variable` looks one up: the environment of a process cannot be changed safely while threads run, so that tests
/// give their own.
fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Credentials, CredentialsError> {
    let read = |name: &str| match variable(name).map(|value| value.trim().to_owned()) {
        Some(value) if value.is_empty() => Ok(None),
        Some(value) if !value.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(CredentialsError::Invalid(format!("{name} holds a character that no credential has")))
        }
        value => Ok(value),
    };
    let needed = |name: &str| {
        read(name)?.ok_or_else(|| {
            CredentialsError::Missing(format!("{name} is not set (needed: OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET)"))
        })
    };
    let credentials = Credentials::new(needed("OSS_ACCESS_KEY_ID")?, needed("OSS_ACCESS_KEY_SECRET")?);
    Ok(match read("OSS_SESSION_TOKEN")? {
        Some(token) => credentials.with_security_token(token),
        None => credentials,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Credentials, CredentialsError> {
        from_variables(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn the_environment_gives_key_secret_and_token() {
        let pairs =
            [("OSS_ACCESS_KEY_ID", " id\n"), ("OSS_ACCESS_KEY_SECRET", "secret"), ("OSS_SESSION_TOKEN", "token")];
        let credentials = read(&pairs).unwrap();
        assert_eq!(credentials.access_key_id(), "id");
        assert_eq!(credentials.access_key_secret(), "secret");
        assert_eq!(credentials.security_token(), Some("token"));
        assert_eq!(read(&pairs[..2]).unwrap().security_token(), None);
    }

    #[test]
    fn a_missing_or_broken_variable_is_named_without_its_value() {
        assert!(read(&[]).unwrap_err().to_string().contains("OSS_ACCESS_KEY_ID is not set"));
        let error = read(&[("OSS_ACCESS_KEY_ID", "id"), ("OSS_ACCESS_KEY_SECRET", "se\ncret")]).unwrap_err();
        assert!(matches!(&error, CredentialsError::Invalid(words) if words.contains("OSS_ACCESS_KEY_SECRET")));
        assert!(!format!("{error:?}").contains("cret\""));
    }
}

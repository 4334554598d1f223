use super::exchange::is_clean;
use super::variables::Variables;
use super::{CredentialsError, CredentialsProvider};
use crate::BoxFuture;
use oss_sign::Credentials;

/// The three variables of OSS's own tools, and those of all of Alibaba Cloud's.
pub(super) const SETS: [[&str; 3]; 2] = [
    ["OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN"],
    ["ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"],
];

/// `OSS_ACCESS_KEY_ID`, `OSS_ACCESS_KEY_SECRET` and, for temporary credentials, `OSS_SESSION_TOKEN`; where neither of the
/// first two is set, `ALIBABA_CLOUD_ACCESS_KEY_ID`, `ALIBABA_CLOUD_ACCESS_KEY_SECRET` and
/// `ALIBABA_CLOUD_SECURITY_TOKEN`.
///
/// The environment is read for every attempt. Surrounding white space is taken off, an empty variable counts as unset.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentCredentials {
    variables: Variables,
}

impl EnvironmentCredentials {
    /// Reads the variables when credentials are asked for, not now.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn of(variables: Variables) -> Self {
        Self { variables }
    }

    /// The variables that hold the key; `None` when none of them is set.
    pub(super) fn set(&self) -> Option<[&'static str; 3]> {
        SETS.into_iter().find(|names| names[..2].iter().any(|name| self.variables.get(name).is_some()))
    }

    fn read(&self) -> Result<Credentials, CredentialsError> {
        let names = self.set().unwrap_or(SETS[0]);
        let [id, secret, token] = names.map(|name| (name, self.variables.get(name)));
        let needed = |(name, value): (&str, Option<String>)| {
            let value = value.ok_or_else(|| {
                CredentialsError::Missing(format!("{name} is not set (needed: {}, {})", names[0], names[1]))
            })?;
            clean(name, value)
        };
        let credentials = Credentials::new(needed(id)?, needed(secret)?);
        Ok(match token {
            (name, Some(token)) => credentials.with_security_token(clean(name, token)?),
            (_, None) => credentials,
        })
    }
}

fn clean(name: &str, value: String) -> Result<String, CredentialsError> {
    let odd = || CredentialsError::Invalid(format!("{name} holds a character that no credential has"));
    Some(value).filter(|value| is_clean(value)).ok_or_else(odd)
}

impl CredentialsProvider for EnvironmentCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        Box::pin(std::future::ready(self.read()))
    }

    fn invalidate(&self, _: &Credentials) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Credentials, CredentialsError> {
        EnvironmentCredentials::of(Variables::of(pairs)).read()
    }

    #[test]
    fn the_environment_gives_key_secret_and_token() {
        for names in SETS {
            let pairs = [(names[0], " id\n"), (names[1], "secret"), (names[2], "token")];
            let credentials = read(&pairs).unwrap();
            assert_eq!(credentials.access_key_id(), "id");
            assert_eq!(credentials.access_key_secret(), "secret");
            assert_eq!(credentials.security_token(), Some("token"));
            assert_eq!(read(&pairs[..2]).unwrap().security_token(), None);
        }
    }

    #[test]
    fn the_two_sets_are_never_mixed() {
        let cloud = [(SETS[1][0], "cloud"), (SETS[1][1], "secret"), (SETS[1][2], "token")];
        let both = [&cloud[..], &[(SETS[0][0], "oss"), (SETS[0][1], "s")]].concat();
        assert_eq!(read(&both).unwrap(), Credentials::new("oss", "s"));
        let half = [&cloud[..], &[(SETS[0][0], "oss")]].concat();
        assert!(read(&half).unwrap_err().to_string().contains("OSS_ACCESS_KEY_SECRET is not set"));
    }

    #[test]
    fn a_missing_or_broken_variable_is_named_without_its_value() {
        assert!(read(&[]).unwrap_err().to_string().contains("OSS_ACCESS_KEY_ID is not set"));
        let error = read(&[("OSS_ACCESS_KEY_ID", "id"), ("OSS_ACCESS_KEY_SECRET", "se\ncret")]).unwrap_err();
        assert!(matches!(&error, CredentialsError::Invalid(words) if words.contains("OSS_ACCESS_KEY_SECRET")));
        assert!(!format!("{error:?}").contains("cret\""));
    }
}

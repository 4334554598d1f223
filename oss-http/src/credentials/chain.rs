//! The default credentials: the first of the documented places that is configured.

use super::environment::EnvironmentCredentials;
use super::profile::{self, Found};
use super::services::Services;
use super::variables::Variables;
use super::{
    AssumeRoleCredentials, CachedCredentials, CredentialsError, CredentialsProvider, CredentialsSource, Issued,
    OidcCredentials, ProcessCredentials, Role,
};
use crate::{BoxFuture, Transport};
use oss_sign::Credentials;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// When nothing is configured, the metadata service has this long to show that it is there.
const PROBE: Duration = Duration::from_secs(1);

/// One of the places where credentials may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsKind {
    /// [`EnvironmentCredentials`].
    Environment,
    /// `~/.ossutilconfig`, or `~/.aliyun/config.json` of the Alibaba Cloud CLI.
    Profile,
    /// [`OidcCredentials`] of `ALIBABA_CLOUD_ROLE_ARN`, `ALIBABA_CLOUD_OIDC_PROVIDER_ARN` and
    /// `ALIBABA_CLOUD_OIDC_TOKEN_FILE`.
    Oidc,
    /// [`ProcessCredentials`] of `OSS_CREDENTIALS_PROCESS`.
    Process,
    /// [`EcsRoleCredentials`](super::EcsRoleCredentials), of the role in `ALIBABA_CLOUD_ECS_METADATA` or the
    /// instance's own.
    EcsRole,
}

/// Where credentials are taken from when none are given.
///
/// Default: the first of [`CredentialsKind`], in its order, that is configured. One that is configured and does not
/// work is an error that says so: the next one may belong to somebody else.
#[derive(Debug, Clone, Default)]
pub struct CredentialsOptions {
    /// Only this place.
    pub only: Option<CredentialsKind>,
    /// A profile's name; then only profiles are looked at.
    pub profile: Option<String>,
    /// A profile file, of either tool; then only profiles are looked at.
    pub config_file: Option<PathBuf>,
    /// The name of this ECS instance's role; then only that is used.
    pub ecs_role: Option<String>,
    /// The role to assume with whatever was found.
    pub role_arn: Option<String>,
}

/// The credentials of [`CredentialsOptions`], chosen when they are first asked for and cached from then on.
///
/// What was chosen is told once through `tracing`, at level info, and by [`chosen`](Self::chosen).
pub struct DefaultCredentials {
    pub(super) options: CredentialsOptions,
    pub(super) services: Services,
    pub(super) chosen: OnceCell<Chosen>,
}

/// What the default credentials turned out to be.
#[derive(Debug, Clone)]
pub struct Chosen {
    provider: Arc<dyn CredentialsProvider>,
    /// Where they are from, in words: `profile dev of /home/me/.ossutilconfig`.
    pub origin: String,
    /// What is wrong with it, in words that say what to type.
    pub warnings: Vec<String>,
}

/// What a profile says beside its credentials: defaults for whoever was not told otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileSettings {
    /// `cn-hangzhou`.
    pub region: Option<String>,
    /// As [`Endpoint::parse`](crate::Endpoint::parse) takes it.
    pub endpoint: Option<String>,
}

impl CredentialsOptions {
    /// Reads region and endpoint of the profile these options choose; of the default one when they choose none.
    ///
    /// # Errors
    /// [`CredentialsError::Invalid`]: a profile file is broken, or what was asked for by name is not there.
    pub fn settings(&self) -> Result<ProfileSettings, CredentialsError> {
        let found = self.find(&Variables::default(), &mut Vec::new())?;
        let profile = found.map(|found| found.profile).unwrap_or_default();
        Ok(ProfileSettings { region: profile.region, endpoint: profile.endpoint })
    }

    fn find(&self, variables: &Variables, seen: &mut Vec<String>) -> Result<Option<Found>, CredentialsError> {
        profile::find(variables, self.config_file.as_deref(), self.profile.as_deref(), seen)
    }

    fn only(&self) -> Option<CredentialsKind> {
        match (self.only, &self.ecs_role) {
            (Some(only), _) => Some(only),
            (None, Some(_)) => Some(CredentialsKind::EcsRole),
            (None, None) => (self.profile.is_some() || self.config_file.is_some()).then_some(CredentialsKind::Profile),
        }
    }
}

impl DefaultCredentials {
    /// `transport`: to STS. `direct`: to the metadata service, through no proxy. Nothing is read and asked for yet.
    pub fn new(options: CredentialsOptions, transport: Arc<dyn Transport>, direct: Arc<dyn Transport>) -> Self {
        let services = Services { variables: Variables::default(), transport, direct };
        Self { options, services, chosen: OnceCell::new() }
    }

    /// What is used, chosen now if it was not before.
    ///
    /// # Errors
    /// [`CredentialsError::Missing`]: nothing is configured; its words list what was looked at.
    /// [`CredentialsError::Invalid`]: what is configured is broken.
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn chosen(&self) -> Result<&Chosen, CredentialsError> {
        self.chosen.get_or_try_init(|| self.choose()).await
    }

    async fn choose(&self) -> Result<Chosen, CredentialsError> {
        let mut chosen = self.first_configured().await?;
        if let Some(arn) = &self.options.role_arn {
            let sts = self.services.sts(None)?;
            let source = AssumeRoleCredentials::new(sts, chosen.provider, self.role(arn.clone()));
            chosen.provider = Arc::new(CachedCredentials::new(source));
            chosen.origin = format!("role {arn}, assumed with {}", chosen.origin);
        }
        tracing::info!(from = chosen.origin, "credentials");
        for warning in &chosen.warnings {
            tracing::warn!("{warning}");
        }
        Ok(chosen)
    }

    async fn first_configured(&self) -> Result<Chosen, CredentialsError> {
        use CredentialsKind::{EcsRole, Environment, Oidc, Process, Profile};
        let only = self.options.only();
        let mut seen = Vec::new();
        for kind in [Environment, Profile, Oidc, Process, EcsRole] {
            if only.is_some_and(|only| only != kind) {
                continue;
            }
            let chosen = match kind {
                Environment => self.environment(&mut seen),
                Profile => self.profile(&mut seen)?,
                Oidc => self.oidc(&mut seen)?,
                Process => self.process(&mut seen)?,
                EcsRole => self.ecs_role(only.is_some(), &mut seen).await?,
            };
            if let Some(chosen) = chosen {
                return Ok(chosen);
            }
        }
        Err(CredentialsError::Missing(format!("no credentials found; looked at {}", seen.join(", "))))
    }

    fn environment(&self, seen: &mut Vec<String>) -> Option<Chosen> {
        let environment = EnvironmentCredentials::of(self.services.variables.clone());
        let Some(names) = environment.set() else {
            seen.push("OSS_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_ID (not set)".to_owned());
            return None;
        };
        Some(Chosen::new(Arc::new(environment), format!("the environment ({})", names[0])))
    }

    fn profile(&self, seen: &mut Vec<String>) -> Result<Option<Chosen>, CredentialsError> {
        let Some(found) = self.options.find(&self.services.variables, seen)? else { return Ok(None) };
        let origin = format!("profile {} of {}", found.profile.name, found.file.display());
        if found.profile.recipe.is_none() {
            return match self.options.only() {
                Some(_) => Err(CredentialsError::Invalid(format!("{origin} holds no credentials"))),
                None => Ok(None),
            };
        }
        let source = FileCredentials { file: found.file, name: found.profile.name, services: self.services.clone() };
        let mut chosen = Chosen::new(Arc::new(CachedCredentials::new(source)), origin);
        chosen.warnings.extend(found.warning);
        Ok(Some(chosen))
    }

    fn oidc(&self, seen: &mut Vec<String>) -> Result<Option<Chosen>, CredentialsError> {
        const TOKEN_FILE: &str = "ALIBABA_CLOUD_OIDC_TOKEN_FILE";
        const PROVIDER: &str = "ALIBABA_CLOUD_OIDC_PROVIDER_ARN";
        let get = |name: &str| self.services.variables.get(name);
        // The role alone may be meant for something else.
        if get(TOKEN_FILE).is_none() && get(PROVIDER).is_none() {
            seen.push(format!("{TOKEN_FILE} (not set)"));
            return Ok(None);
        }
        let needed = |name: &str| {
            let words = || format!("OIDC needs {TOKEN_FILE}, {PROVIDER} and ALIBABA_CLOUD_ROLE_ARN: {name} is not set");
            get(name).ok_or_else(|| CredentialsError::Invalid(words()))
        };
        let (file, provider, arn) = (needed(TOKEN_FILE)?, needed(PROVIDER)?, needed("ALIBABA_CLOUD_ROLE_ARN")?);
        let origin = format!("OIDC token {file} for role {arn}");
        let source = OidcCredentials::new(self.services.sts(None)?, self.role(arn), provider, file);
        Ok(Some(Chosen::new(Arc::new(CachedCredentials::new(source)), origin)))
    }

    fn process(&self, seen: &mut Vec<String>) -> Result<Option<Chosen>, CredentialsError> {
        const NAME: &str = "OSS_CREDENTIALS_PROCESS";
        let Some(command) = self.services.variables.get(NAME) else {
            seen.push(format!("{NAME} (not set)"));
            return Ok(None);
        };
        let source = ProcessCredentials::new(&command)?;
        Ok(Some(Chosen::new(Arc::new(CachedCredentials::new(source)), format!("the program in {NAME}"))))
    }

    async fn ecs_role(&self, asked_for: bool, seen: &mut Vec<String>) -> Result<Option<Chosen>, CredentialsError> {
        let role = self.options.ecs_role.clone().or_else(|| self.services.variables.get("ALIBABA_CLOUD_ECS_METADATA"));
        if self.services.metadata_disabled() && !asked_for {
            seen.push("the ECS metadata service (forbidden by ALIBABA_CLOUD_ECS_METADATA_DISABLED)".to_owned());
            return Ok(None);
        }
        let source = self.services.ecs_role(role.clone())?;
        let role = match role {
            Some(role) => Some(role),
            None => {
                let probe = tokio::time::timeout(PROBE, source.role()).await;
                let service = self.services.metadata();
                match probe {
                    Ok(Ok(Some(role))) => Some(role),
                    Ok(Ok(None)) => return missing(seen, format!("{service} (this ECS instance has no RAM role)")),
                    Ok(Err(_)) => return missing(seen, format!("{service} (no ECS metadata service)")),
                    Err(_) => return missing(seen, format!("{service} (no answer within {PROBE:?})")),
                }
            }
        };
        let origin = format!("RAM role {} of this ECS instance", role.unwrap_or_default());
        Ok(Some(Chosen::new(Arc::new(CachedCredentials::new(source)), origin)))
    }

    fn role(&self, arn: String) -> Role {
        let mut role = Role::new(arn);
        if let Some(name) = self.services.variables.get("ALIBABA_CLOUD_ROLE_SESSION_NAME") {
            role.session_name = name;
        }
        role
    }
}

fn missing(seen: &mut Vec<String>, words: String) -> Result<Option<Chosen>, CredentialsError> {
    seen.push(words);
    Ok(None)
}

impl Chosen {
    /// The credentials of now, as [`CredentialsProvider::credentials`].
    ///
    /// # Errors
    /// [`CredentialsError`]; what was chosen does not work, or not now.
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn credentials(&self) -> Result<Credentials, CredentialsError> {
        self.provider.credentials().await
    }

    fn new(provider: Arc<dyn CredentialsProvider>, origin: String) -> Self {
        Self { provider, origin, warnings: Vec::new() }
    }
}

impl CredentialsProvider for DefaultCredentials {
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        match self.chosen.get() {
            Some(chosen) => chosen.provider.credentials(),
            None => Box::pin(async move { self.chosen().await?.provider.credentials().await }),
        }
    }

    fn invalidate(&self, refused: &Credentials) {
        if let Some(chosen) = self.chosen.get() {
            chosen.provider.invalidate(refused);
        }
    }
}

impl fmt::Debug for DefaultCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.chosen.get().map(|chosen| chosen.origin.as_str());
        f.debug_struct("DefaultCredentials").field("options", &self.options).field("chosen", &origin).finish()
    }
}

/// A profile, read anew whenever credentials are fetched: whoever renews the file need not stop the upload.
#[derive(Debug)]
struct FileCredentials {
    file: PathBuf,
    name: String,
    services: Services,
}

impl CredentialsSource for FileCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let file: &Path = &self.file;
            let found = profile::find(&self.services.variables, Some(file), Some(&self.name), &mut Vec::new())?;
            let recipe = found.and_then(|found| found.profile.recipe).ok_or_else(|| {
                CredentialsError::Invalid(format!("profile {} of {} holds no credentials", self.name, file.display()))
            })?;
            recipe.fetch(&self.services).await
        })
    }
}

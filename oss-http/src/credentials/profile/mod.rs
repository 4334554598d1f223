//! Profiles in files: ossutil's and the Alibaba Cloud CLI's.

mod aliyun;
mod file;
mod ossutil;

pub(super) use file::{Found, find};

use super::{
    AssumeRoleCredentials, CachedCredentials, CredentialsError, CredentialsProvider, CredentialsSource, Issued,
    OidcCredentials, ProcessCredentials, Role, Services, StaticCredentials,
};
use crate::{BoxFuture, clock};
use oss_sign::Credentials;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a file says under one name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Profile {
    pub(super) name: String,
    /// `None`: it holds no credentials, only settings.
    pub(super) recipe: Option<Recipe>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// How a profile comes by its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recipe {
    /// They stand there; `until`: Unix seconds.
    Key { credentials: Credentials, until: Option<u64> },
    /// The role of this ECS instance, its own where no name stands there.
    EcsRole(Option<String>),
    /// A role, for who has other credentials. `region`: of the STS endpoint.
    AssumeRole { base: Box<Recipe>, role: Role, region: Option<String> },
    /// A role, for who has an OIDC token.
    Oidc { role: Role, provider_arn: String, token_file: PathBuf, region: Option<String> },
    /// A program's output.
    Process(String),
}

impl Recipe {
    /// Tries it once.
    pub(super) async fn fetch(&self, services: &Services) -> Result<Issued, CredentialsError> {
        let life = |until: u64| Duration::from_secs(until.saturating_sub(clock::now()));
        match self {
            Self::Key { credentials, until } => Ok(Issued { credentials: credentials.clone(), life: until.map(life) }),
            _ => self.source(services)?.fetch().await,
        }
    }

    fn source(&self, services: &Services) -> Result<Arc<dyn CredentialsSource>, CredentialsError> {
        Ok(match self {
            Self::Key { .. } => Arc::new(Kept { recipe: self.clone(), services: services.clone() }),
            Self::EcsRole(role) => Arc::new(services.ecs_role(role.clone())?),
            Self::AssumeRole { base, role, region } => {
                let sts = services.sts(region.as_deref())?;
                Arc::new(AssumeRoleCredentials::new(sts, base.provider(services)?, role.clone()))
            }
            Self::Oidc { role, provider_arn, token_file, region } => {
                let sts = services.sts(region.as_deref())?;
                Arc::new(OidcCredentials::new(sts, role.clone(), provider_arn.clone(), token_file.clone()))
            }
            Self::Process(command) => Arc::new(ProcessCredentials::new(command)?),
        })
    }

    fn provider(&self, services: &Services) -> Result<Arc<dyn CredentialsProvider>, CredentialsError> {
        Ok(match self {
            Self::Key { credentials, .. } => Arc::new(StaticCredentials::new(credentials.clone())),
            _ => Arc::new(CachedCredentials::of(self.source(services)?)),
        })
    }
}

/// A recipe as a source.
#[derive(Debug)]
struct Kept {
    recipe: Recipe,
    services: Services,
}

impl CredentialsSource for Kept {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(self.recipe.fetch(&self.services))
    }
}

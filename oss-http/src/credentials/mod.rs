//! Where access keys come from.
//!
//! A [`CredentialsProvider`] is asked before every attempt and must answer at once when it can; a [`CredentialsSource`]
//! fetches new credentials and may take its time. [`CachedCredentials`] makes the first of the second.

mod assume_role;
mod cached;
mod chain;
mod ecs_role;
mod environment;
mod exchange;
mod freshness;
mod oidc;
mod process;
mod profile;
mod services;
mod static_key;
mod sts;
#[cfg(test)]
mod tests;
mod variables;

pub use assume_role::AssumeRoleCredentials;
pub use cached::CachedCredentials;
pub use chain::{Chosen, CredentialsKind, CredentialsOptions, DefaultCredentials, ProfileSettings};
pub use ecs_role::{ECS_METADATA, EcsRoleCredentials};
pub use environment::EnvironmentCredentials;
pub use oidc::OidcCredentials;
pub use process::ProcessCredentials;
use services::Services;
pub use static_key::StaticCredentials;
pub use sts::{Role, Sts};

use crate::BoxFuture;
use oss_sign::Credentials;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where access keys come from. It is asked once an attempt, so what it returns should be cached until it expires
/// ([`CachedCredentials`] does that).
///
/// An implementation must not print a secret or a token in its `Debug`.
pub trait CredentialsProvider: Send + Sync + fmt::Debug {
    /// The credentials to sign the next attempt with.
    ///
    /// # Errors
    /// [`CredentialsError`]: none are to be had. Nothing was sent.
    ///
    /// # Cancel safety
    /// Callers may drop the future at any time; an implementation must lose at most the work of this one request.
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>>;

    /// The server called `refused` expired or invalid: do not give them again when others can be had. When newer ones
    /// are there already, nothing has to be done: many attempts that were under way may be refused at once.
    ///
    /// Called once a refused attempt, from any task; must not block.
    fn invalidate(&self, refused: &Credentials);
}

/// The credentials to sign with; not such as no request can carry.
pub(crate) async fn usable(provider: &dyn CredentialsProvider) -> Result<Credentials, CredentialsError> {
    let credentials = provider.credentials().await?;
    match credentials.broken() {
        None => Ok(credentials),
        Some(text) => Err(CredentialsError::Invalid(format!(
            "the {text} holds a line break or another control character: copy it again, without"
        ))),
    }
}

/// Issues credentials: a service, a program, a file. Each call is one try; nothing is remembered.
///
/// An implementation must not print a secret or a token in its `Debug`.
pub trait CredentialsSource: Send + Sync + fmt::Debug {
    /// New credentials.
    ///
    /// # Errors
    /// [`CredentialsError`]; of the kinds only [`CredentialsError::Unavailable`] is worth another try.
    ///
    /// # Cancel safety
    /// Dropped, this try is lost; the next one starts afresh.
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>>;
}

/// Credentials as they were issued. `Debug` shows neither secret nor token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The key, with its token where there is one.
    pub credentials: Credentials,
    /// How long they are good for, from the moment they were asked for; `None`: no end is known.
    pub life: Option<Duration>,
}

/// No credentials could be had. Its words never hold a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Nothing is configured: the caller has to say where keys are.
    #[error("{0}")]
    Missing(String),
    /// What is configured cannot be used as it stands: mend it.
    #[error("{0}")]
    Invalid(String),
    /// The service that issues credentials did not answer: later it may.
    #[error("credentials cannot be fetched")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl CredentialsError {
    /// `Unavailable`, for a reason that has no error of its own.
    pub(crate) fn unavailable(words: impl Into<String>) -> Self {
        Self::Unavailable(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(words.into())))
    }
}

use super::{CredentialsError, CredentialsProvider, CredentialsSource, Issued, Role, Sts};
use crate::BoxFuture;
use std::sync::Arc;

/// STS AssumeRole: the credentials of a role, issued to somebody who has credentials already.
///
/// Source: "AssumeRole" in the API reference of STS; POST, the role in the form, all of it signed ([`oss_sign::sign_rpc`]).
#[derive(Debug, Clone)]
pub struct AssumeRoleCredentials {
    sts: Sts,
    base: Arc<dyn CredentialsProvider>,
    role: Role,
}

impl AssumeRoleCredentials {
    /// `base` signs the calls of STS.
    pub fn new(sts: Sts, base: Arc<dyn CredentialsProvider>, role: Role) -> Self {
        Self { sts, base, role }
    }
}

impl CredentialsSource for AssumeRoleCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let base = self.base.credentials().await?;
            let mut form = self.role.form();
            form.extend(self.role.external_id.iter().map(|id| ("ExternalId".to_owned(), id.clone())));
            let issued = self.sts.call("AssumeRole", form, Some(&base)).await;
            if matches!(issued, Err(CredentialsError::Invalid(_))) {
                // Perhaps it is the key that is refused; another one may be had for the next try.
                self.base.invalidate(&base);
            }
            issued
        })
    }
}

use super::{CredentialsError, CredentialsSource, Issued, Role, Sts};
use crate::BoxFuture;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// No token is larger.
const MAX_TOKEN: u64 = 64 * 1024;

/// STS AssumeRoleWithOIDC, as pods of ACK have it (RRSA, RAM roles for service accounts): a token from a file, which the
/// platform renews, is exchanged for the credentials of a role. The call is not signed.
///
/// Source: "AssumeRoleWithOIDC" in the API reference of STS.
#[derive(Debug, Clone)]
pub struct OidcCredentials {
    sts: Sts,
    role: Role,
    provider_arn: String,
    token_file: PathBuf,
}

impl OidcCredentials {
    /// `provider_arn`: `acs:ram::ACCOUNT:oidc-provider/NAME`. `token_file`: read anew for every exchange.
    pub fn new(sts: Sts, role: Role, provider_arn: impl Into<String>, token_file: impl Into<PathBuf>) -> Self {
        Self { sts, role, provider_arn: provider_arn.into(), token_file: token_file.into() }
    }
}

impl CredentialsSource for OidcCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let token = read(&self.token_file).map_err(|error| {
                CredentialsError::Invalid(format!(
                    "the OIDC token in {} cannot be read: {error}",
                    self.token_file.display()
                ))
            })?;
            let mut form = self.role.form();
            form.push(("OIDCProviderArn".to_owned(), self.provider_arn.clone()));
            form.push(("OIDCToken".to_owned(), token.trim().to_owned()));
            self.sts.call("AssumeRoleWithOIDC", form, None).await
        })
    }
}

fn read(file: &Path) -> io::Result<Zeroizing<String>> {
    let mut token = Zeroizing::new(String::new());
    File::open(file)?.take(MAX_TOKEN).read_to_string(&mut token)?;
    Ok(token)
}

use super::ecs_role::{ECS_METADATA, EcsRoleCredentials};
use super::variables::Variables;
use super::{CredentialsError, Sts};
use crate::Transport;
use std::fmt;
use std::sync::Arc;

/// How STS and the metadata service are reached, as the environment wants it.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) variables: Variables,
    /// May go through a proxy.
    pub(super) transport: Arc<dyn Transport>,
    /// Must not.
    pub(super) direct: Arc<dyn Transport>,
}

impl Services {
    /// `ALIBABA_CLOUD_STS_ENDPOINT`, or the one of the region that is given or in `ALIBABA_CLOUD_STS_REGION` (within a
    /// VPC with `ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED`), or the central one.
    pub(super) fn sts(&self, region: Option<&str>) -> Result<Sts, CredentialsError> {
        let region = region.map(str::to_owned).or_else(|| self.variables.get("ALIBABA_CLOUD_STS_REGION"));
        let vpc = self.variables.is_true("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED");
        let prefix = if vpc { "sts-vpc" } else { "sts" };
        let endpoint = self.variables.get("ALIBABA_CLOUD_STS_ENDPOINT").unwrap_or_else(|| match region {
            Some(region) => format!("{prefix}.{region}.aliyuncs.com"),
            None => "sts.aliyuncs.com".to_owned(),
        });
        Sts::new(&endpoint, Arc::clone(&self.transport))
    }

    /// # Errors
    /// [`CredentialsError::Invalid`] when the metadata service is forbidden (`ALIBABA_CLOUD_ECS_METADATA_DISABLED`).
    pub(super) fn ecs_role(&self, role: Option<String>) -> Result<EcsRoleCredentials, CredentialsError> {
        if self.metadata_disabled() {
            let words = "the ECS metadata service is needed, and ALIBABA_CLOUD_ECS_METADATA_DISABLED forbids it";
            return Err(CredentialsError::Invalid(words.to_owned()));
        }
        let only = self.variables.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED");
        Ok(EcsRoleCredentials::new(Arc::clone(&self.direct), self.metadata(), role).hardened_only(only))
    }

    pub(super) fn metadata_disabled(&self) -> bool {
        self.variables.is_true("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
    }

    /// Another place than the usual one is for tests and stand-ins.
    pub(super) fn metadata(&self) -> String {
        self.variables.get("OSS_ECS_METADATA_ENDPOINT").unwrap_or_else(|| ECS_METADATA.to_owned())
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Services")
    }
}

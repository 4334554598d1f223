//! Where access keys come from.

use clap::ValueEnum;
use oss_client::{CredentialsKind, CredentialsOptions};
use std::path::PathBuf;

/// There is no option for a secret: whoever is on the machine can read a command line, and shells keep it.
#[derive(Debug, clap::Args)]
pub(crate) struct CredentialsArgs {
    /// Where access keys come from
    #[arg(long, value_enum, default_value_t = CredentialsArg::Auto)]
    credentials: CredentialsArg,
    /// The profile of ~/.ossutilconfig or of the Alibaba Cloud CLI, for keys, region and endpoint
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Another profile file, of either tool
    #[arg(long, value_name = "FILE")]
    config_file: Option<PathBuf>,
    /// The RAM role of this ECS instance
    #[arg(long, value_name = "NAME", conflicts_with_all = ["profile", "config_file"])]
    ecs_role: Option<String>,
    /// The role to assume with the keys that were found, acs:ram::ACCOUNT:role/NAME
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum CredentialsArg {
    /// The first of the others, in this order, that is configured
    Auto,
    /// OSS_ACCESS_KEY_ID, … or ALIBABA_CLOUD_ACCESS_KEY_ID, …
    Env,
    /// A profile
    Profile,
    /// ALIBABA_CLOUD_OIDC_TOKEN_FILE, as pods have it
    Oidc,
    /// The program in OSS_CREDENTIALS_PROCESS
    Process,
    /// The metadata service of ECS
    Ecs,
}

impl CredentialsArgs {
    /// What the library takes; the words of a contradiction.
    pub(crate) fn options(&self) -> Result<CredentialsOptions, String> {
        let only = match self.credentials {
            CredentialsArg::Auto => None,
            CredentialsArg::Env => Some(CredentialsKind::Environment),
            CredentialsArg::Profile => Some(CredentialsKind::Profile),
            CredentialsArg::Oidc => Some(CredentialsKind::Oidc),
            CredentialsArg::Process => Some(CredentialsKind::Process),
            CredentialsArg::Ecs => Some(CredentialsKind::EcsRole),
        };
        if self.ecs_role.is_some() && !matches!(only, None | Some(CredentialsKind::EcsRole)) {
            return Err("--ecs-role goes with --credentials ecs only".to_owned());
        }
        // With other keys, a profile still gives region and endpoint, but whoever names one means its keys.
        if (self.profile.is_some() || self.config_file.is_some())
            && !matches!(only, None | Some(CredentialsKind::Profile))
        {
            return Err("--profile and --config-file go with --credentials profile only".to_owned());
        }
        Ok(CredentialsOptions {
            only,
            profile: self.profile.clone(),
            config_file: self.config_file.clone(),
            ecs_role: self.ecs_role.clone(),
            role_arn: self.role_arn.clone(),
        })
    }
}

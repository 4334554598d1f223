//! `~/.aliyun/config.json` of the Alibaba Cloud CLI. Source: "Configuration and credentials" in its documentation; the
//! names of the fields are those of its `Profile`.

use super::{Profile, Recipe};
use crate::credentials::Role;
use crate::credentials::exchange::is_clean;
use oss_sign::Credentials;
use serde::Deserialize;
use std::time::Duration;
use zeroize::Zeroizing;

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    current: String,
    #[serde(default)]
    profiles: Vec<Entry>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    name: String,
    mode: String,
    access_key_id: String,
    access_key_secret: Zeroizing<String>,
    sts_token: Zeroizing<String>,
    sts_expiration: i64,
    sts_region: String,
    ram_role_name: String,
    ram_role_arn: String,
    ram_session_name: String,
    external_id: String,
    source_profile: String,
    expired_seconds: u64,
    region_id: String,
    process_command: String,
    oidc_provider_arn: String,
    oidc_token_file: String,
    policy: String,
}

/// A chain of profiles longer than this goes round in a circle.
const MAX_SOURCES: usize = 8;

/// The profile of this name (the current one without); `Ok(None)`: the file has none of that name.
///
/// # Errors
/// What is wrong, without the file's name and without any of its text.
pub(super) fn read(text: &str, name: Option<&str>) -> Result<Option<Profile>, String> {
    // Its own words repeat values, which may be secrets.
    let file: File = serde_json::from_str(text).map_err(|error| {
        format!("it is not the JSON of the Alibaba Cloud CLI (line {}, column {})", error.line(), error.column())
    })?;
    let current = Some(file.current.as_str()).filter(|name| !name.is_empty()).unwrap_or("default");
    let Some(entry) = file.entry(name.unwrap_or(current)) else { return Ok(None) };
    let recipe = if entry.is_blank() { None } else { Some(file.recipe(entry, MAX_SOURCES)?) };
    Ok(Some(Profile { name: entry.name.clone(), recipe, region: some(&entry.region_id), endpoint: None }))
}

impl File {
    fn entry(&self, name: &str) -> Option<&Entry> {
        self.profiles.iter().find(|entry| entry.name == name)
    }

    fn recipe(&self, entry: &Entry, sources_left: usize) -> Result<Recipe, String> {
        let region = some(&entry.sts_region);
        match entry.mode.to_lowercase().as_str() {
            "" | "ak" => entry.key(false),
            // CloudSSO and OAuth keep the token of the last login here.
            "ststoken" | "cloudsso" | "oauth" => entry.key(true),
            "ecsramrole" => Ok(Recipe::EcsRole(some(&entry.ram_role_name))),
            "ramrolearn" => {
                let base = Box::new(entry.key(!entry.sts_token.is_empty())?);
                Ok(Recipe::AssumeRole { base, role: entry.role()?, region })
            }
            "ramrolearnwithrolename" => {
                let base = Box::new(Recipe::EcsRole(some(&entry.ram_role_name)));
                Ok(Recipe::AssumeRole { base, role: entry.role()?, region })
            }
            "chainableramrolearn" => {
                let source = self.entry(&entry.source_profile).ok_or("its source_profile is not there")?;
                let left = sources_left.checked_sub(1).ok_or("its source_profile leads back to itself")?;
                let base = Box::new(self.recipe(source, left)?);
                Ok(Recipe::AssumeRole { base, role: entry.role()?, region })
            }
            "oidc" => Ok(Recipe::Oidc {
                role: entry.role()?,
                provider_arn: some(&entry.oidc_provider_arn).ok_or("mode OIDC needs oidc_provider_arn")?,
                token_file: some(&entry.oidc_token_file).ok_or("mode OIDC needs oidc_token_file")?.into(),
                region,
            }),
            "external" => {
                Ok(Recipe::Process(some(&entry.process_command).ok_or("mode External needs process_command")?))
            }
            _ => Err("its mode is not one that can be used here (AK, StsToken, RamRoleArn, RamRoleArnWithRoleName, \
                      ChainableRamRoleArn, EcsRamRole, OIDC, External, CloudSSO, OAuth)"
                .to_owned()),
        }
    }
}

impl Entry {
    /// As the CLI makes it before anything is configured.
    fn is_blank(&self) -> bool {
        matches!(self.mode.as_str(), "" | "AK") && self.access_key_id.is_empty() && self.access_key_secret.is_empty()
    }

    fn key(&self, with_token: bool) -> Result<Recipe, String> {
        let token = with_token.then_some(("sts_token", self.sts_token.as_str()));
        let all = [
            Some(("access_key_id", self.access_key_id.as_str())),
            Some(("access_key_secret", self.access_key_secret.as_str())),
            token,
        ];
        for (name, text) in all.into_iter().flatten() {
            match text {
                "" => return Err(format!("{name} is missing")),
                text if !is_clean(text) => return Err(format!("{name} holds a character that no credential has")),
                _ => {}
            }
        }
        let credentials = Credentials::new(self.access_key_id.as_str(), self.access_key_secret.as_str());
        Ok(match with_token {
            true => Recipe::Key {
                credentials: credentials.with_security_token(self.sts_token.as_str()),
                until: u64::try_from(self.sts_expiration).ok().filter(|until| *until > 0),
            },
            false => Recipe::Key { credentials, until: None },
        })
    }

    fn role(&self) -> Result<Role, String> {
        let arn = some(&self.ram_role_arn).ok_or("ram_role_arn is missing")?;
        let mut role = Role::new(arn);
        role.session_name = some(&self.ram_session_name).unwrap_or(role.session_name);
        role.external_id = some(&self.external_id);
        role.policy = some(&self.policy);
        if self.expired_seconds > 0 {
            role.duration = Duration::from_secs(self.expired_seconds);
        }
        Ok(role)
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"current": "ak", "profiles": [
        {"name": "ak", "mode": "AK", "access_key_id": "a", "access_key_secret": "s", "region_id": "cn-x", "site": "cn"},
        {"name": "sts", "mode": "StsToken", "access_key_id": "a", "access_key_secret": "s", "sts_token": "t",
         "sts_expiration": 1900000000},
        {"name": "role", "mode": "RamRoleArn", "access_key_id": "a", "access_key_secret": "s",
         "ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "me", "expired_seconds": 900, "sts_region": "cn-y"},
        {"name": "chain", "mode": "ChainableRamRoleArn", "source_profile": "role", "ram_role_arn": "acs:ram::2:role/r"},
        {"name": "loop", "mode": "ChainableRamRoleArn", "source_profile": "loop", "ram_role_arn": "acs:ram::2:role/r"},
        {"name": "ecs", "mode": "EcsRamRole", "ram_role_name": "backup"},
        {"name": "oidc", "mode": "OIDC", "ram_role_arn": "arn", "oidc_provider_arn": "p", "oidc_token_file": "/t"},
        {"name": "tool", "mode": "External", "process_command": "tool --json"},
        {"name": "blank", "mode": "AK"}, {"name": "half", "mode": "AK", "access_key_id": "a"},
        {"name": "odd", "mode": "RsaKeyPair"}]}"#;

    fn recipe(name: &str) -> Recipe {
        read(FILE, Some(name)).unwrap().unwrap().recipe.unwrap()
    }

    #[test]
    fn every_mode_that_can_be_used_is_read() {
        let keys = Credentials::new("a", "s");
        let current = read(FILE, None).unwrap().unwrap();
        assert_eq!((current.name.as_str(), current.region.as_deref()), ("ak", Some("cn-x")));
        assert_eq!(current.recipe, Some(Recipe::Key { credentials: keys.clone(), until: None }));
        let sts = Recipe::Key { credentials: keys.clone().with_security_token("t"), until: Some(1_900_000_000) };
        assert_eq!(recipe("sts"), sts);
        assert_eq!(recipe("ecs"), Recipe::EcsRole(Some("backup".to_owned())));
        assert_eq!(recipe("tool"), Recipe::Process("tool --json".to_owned()));
        assert!(matches!(recipe("oidc"), Recipe::Oidc { role, .. } if role.arn == "arn"));
        let Recipe::AssumeRole { base, role, .. } = recipe("chain") else { panic!("it is a role") };
        assert_eq!(role.arn, "acs:ram::2:role/r");
        let Recipe::AssumeRole { role, region, .. } = *base else { panic!("so is its source") };
        assert_eq!((role.session_name.as_str(), role.duration.as_secs()), ("me", 900));
        assert_eq!(region.as_deref(), Some("cn-y"));
    }

    #[test]
    fn what_is_missing_or_odd_is_named_without_its_value() {
        assert_eq!(read(FILE, Some("nobody")).unwrap(), None);
        assert_eq!(read(FILE, Some("blank")).unwrap().unwrap().recipe, None);
        let error = |name: &str| read(FILE, Some(name)).unwrap_err();
        assert!(error("half").contains("access_key_secret is missing"));
        assert!(error("odd").contains("mode"));
        assert!(error("loop").contains("itself"));
        let broken = r#"{"profiles": [{"name": "x", "expired_seconds": "hidden"}]}"#;
        let words = read(broken, None).unwrap_err();
        assert!(words.contains("line 1") && !words.contains("hidden"), "{words}");
    }
}

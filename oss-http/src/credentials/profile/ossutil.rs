//! `~/.ossutilconfig`, an INI file: section `[Credentials]` of ossutil 1, `[default]` and `[profile NAME]` of ossutil 2.
//!
//! Sections and keys are read in any case, and keys with `-` or `_` between their words or without: `accessKeyId`,
//! `access-key-id` and `access_key_id` are one. Source: "Configure ossutil" in the documentation of OSS.

use super::{Profile, Recipe};
use crate::credentials::Role;
use crate::credentials::exchange::is_clean;
use configparser::ini::Ini;
use oss_sign::Credentials;
use std::collections::BTreeMap;
use std::time::Duration;

/// The profile of this name (the default one without); `Ok(None)`: the file has none of that name.
///
/// # Errors
/// What is wrong, without the file's name and without any of its text.
pub(super) fn read(text: &str, name: Option<&str>) -> Result<Option<Profile>, String> {
    let mut settings = Ini::new().defaults();
    settings.delimiters = vec!['='];
    settings.enable_inline_comments = false;
    let mut ini = Ini::new_from_defaults(settings);
    // Its own words repeat the line, which may hold a secret.
    ini.read(text.to_owned()).map_err(|_| "it is not an INI file".to_owned())?;
    let sections = ini.get_map_ref();
    let wanted = match name {
        Some(name) => vec![format!("profile {}", name.to_lowercase()), name.to_lowercase()],
        None => ["profile default", "default", "credentials"].map(str::to_owned).to_vec(),
    };
    let found = wanted.iter().find_map(|wanted| sections.get(wanted).map(|section| (wanted, section)));
    let Some((section, pairs)) = found else { return Ok(None) };
    let values: BTreeMap<String, String> = pairs
        .iter()
        .filter_map(|(key, value)| Some((key.replace(['-', '_'], ""), value.as_ref()?.trim().to_owned())))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let value = |key: &str| values.get(key).cloned();
    Ok(Some(Profile {
        name: section.strip_prefix("profile ").unwrap_or(section).to_owned(),
        recipe: recipe(&value)?,
        region: value("region"),
        endpoint: value("endpoint"),
    }))
}

fn recipe(value: &dyn Fn(&str) -> Option<String>) -> Result<Option<Recipe>, String> {
    let key = key(value)?;
    let mode = value("mode").unwrap_or_default().to_lowercase();
    let role = || {
        let arn = value("rolearn").or_else(|| value("ramrolearn")).ok_or("mode RamRoleArn needs ramRoleArn")?;
        let mut role = Role::new(arn);
        role.session_name = value("rolesessionname").unwrap_or(role.session_name);
        role.external_id = value("externalid");
        if let Some(seconds) = value("tokentimeout") {
            let seconds = seconds.parse().map_err(|_| "tokenTimeout is no number of seconds")?;
            role.duration = Duration::from_secs(seconds);
        }
        Ok::<_, String>(role)
    };
    match mode.as_str() {
        "" | "ak" | "ststoken" => match key {
            Some(Recipe::Key { ref credentials, .. })
                if mode == "ststoken" && credentials.security_token().is_none() =>
            {
                Err("mode StsToken needs stsToken".to_owned())
            }
            None if !mode.is_empty() => Err("accessKeyID and accessKeySecret are missing".to_owned()),
            key => Ok(key),
        },
        "ecsramrole" => Ok(Some(Recipe::EcsRole(value("ecsrolename").or_else(|| value("ramrolename"))))),
        "ramrolearn" => {
            let base = Box::new(key.ok_or("mode RamRoleArn needs accessKeyID and accessKeySecret")?);
            Ok(Some(Recipe::AssumeRole { base, role: role()?, region: value("stsregion") }))
        }
        _ => Err("its mode is not one of AK, StsToken, RamRoleArn and EcsRamRole".to_owned()),
    }
}

fn key(value: &dyn Fn(&str) -> Option<String>) -> Result<Option<Recipe>, String> {
    let token = value("ststoken").or_else(|| value("securitytoken"));
    let (id, secret) = match (value("accesskeyid"), value("accesskeysecret")) {
        (Some(id), Some(secret)) => (id, secret),
        (None, None) => return Ok(None),
        (Some(_), None) => return Err("accessKeySecret is missing".to_owned()),
        (None, Some(_)) => return Err("accessKeyID is missing".to_owned()),
    };
    let all = [Some(&id), Some(&secret), token.as_ref()];
    if !all.into_iter().flatten().all(|text| is_clean(text)) {
        return Err("a key or token holds a character that no credential has".to_owned());
    }
    let mut credentials = Credentials::new(id, secret);
    if let Some(token) = token {
        credentials = credentials.with_security_token(token);
    }
    Ok(Some(Recipe::Key { credentials, until: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(text: &str, name: Option<&str>) -> Profile {
        read(text, name).unwrap().unwrap()
    }

    fn static_key(profile: &Profile) -> &Credentials {
        let Some(Recipe::Key { credentials, .. }) = &profile.recipe else { panic!("{profile:?}") };
        credentials
    }

    const BOTH: &str = "
        # of ossutil 1
        [Credentials]
        language=EN
        endpoint=oss-cn-shenzhen.aliyuncs.com
        accessKeyID=v1
        accessKeySecret=s#1;2
        [profile dev]
        access-key-id = v2
        access_key_secret = s2
        STSToken=t2==
        region=cn-beijing
        endpoint = https://oss-cn-beijing.aliyuncs.com
        [buckets x]
        region=cn-x
    ";

    #[test]
    fn both_versions_of_the_file_are_read_in_every_spelling_of_a_key() {
        let one = profile(BOTH, None);
        assert_eq!((one.name.as_str(), static_key(&one)), ("credentials", &Credentials::new("v1", "s#1;2")));
        assert_eq!((one.region, one.endpoint.as_deref()), (None, Some("oss-cn-shenzhen.aliyuncs.com")));
        let two = profile(BOTH, Some("Dev"));
        assert_eq!(static_key(&two), &Credentials::new("v2", "s2").with_security_token("t2=="));
        assert_eq!(two.region.as_deref(), Some("cn-beijing"));
        assert_eq!(two.endpoint.as_deref(), Some("https://oss-cn-beijing.aliyuncs.com"));
        assert_eq!(read(BOTH, Some("other")).unwrap(), None);
        let newer = profile(&format!("[default]\naccesskeyid=d\naccesskeysecret=d\n{BOTH}"), None);
        assert_eq!(static_key(&newer).access_key_id(), "d");
    }

    #[test]
    fn settings_without_a_key_are_no_credentials_and_half_a_key_is_an_error() {
        assert_eq!(profile("[default]\nregion=cn-x", None).recipe, None);
        let error = |text: &str| read(text, None).unwrap_err();
        assert!(error("[default]\naccessKeyID=id").contains("accessKeySecret"));
        assert!(error("[default]\naccessKeySecret=hidden").contains("accessKeyID"));
        assert!(error("[default]\nmode=AK").contains("missing"));
        assert!(error("[default]\nmode=StsToken\naccessKeyID=a\naccessKeySecret=b").contains("stsToken"));
        assert!(error("[default\nhidden").contains("INI") && !error("[default\nhidden").contains("hidden"));
        assert!(!error("[default]\naccessKeyID=a\naccessKeySecret=hid den").contains("hid"));
    }

    #[test]
    fn the_modes_of_roles_are_read() {
        let ecs = profile("[default]\nmode=EcsRamRole\necsRoleName=backup", None);
        assert_eq!(ecs.recipe, Some(Recipe::EcsRole(Some("backup".to_owned()))));
        let text = "[default]\nmode=RamRoleArn\naccessKeyID=a\naccessKeySecret=b\nramRoleArn=acs:ram::1:role/r\n\
            roleSessionName=me\ntokenTimeout=900\nstsRegion=cn-x";
        let Some(Recipe::AssumeRole { role, region, .. }) = profile(text, None).recipe else { panic!("it is a role") };
        assert_eq!((role.session_name.as_str(), role.duration), ("me", Duration::from_secs(900)));
        assert_eq!(region.as_deref(), Some("cn-x"));
    }
}

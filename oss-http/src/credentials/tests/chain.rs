use super::desk::{Asked, Desk, sts_reply, wire};
use crate::credentials::services::Services;
use crate::credentials::variables::Variables;
use crate::credentials::{
    CredentialsError, CredentialsKind, CredentialsOptions, CredentialsProvider, DefaultCredentials,
};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// A machine with nothing on it but a home.
struct Machine {
    home: TempDir,
    variables: Vec<(String, String)>,
    options: CredentialsOptions,
    sts: Desk,
    metadata: Desk,
}

impl Machine {
    fn new() -> Self {
        let home = TempDir::new().unwrap();
        let variables = vec![("HOME".to_owned(), home.path().to_str().unwrap().to_owned())];
        let sts = Desk::new(|asked: &Asked| {
            let role = asked.value("RoleArn").unwrap();
            Some((200, sts_reply(&format!("STS.{}", role.rsplit('/').next().unwrap()))))
        });
        Self { home, variables, options: CredentialsOptions::default(), sts, metadata: Desk::silent() }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        let path = self.home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        open_to_its_owner_only(&path);
        self
    }

    fn ossutil(self) -> Self {
        self.file(
            ".ossutilconfig",
            "[default]\naccessKeyID=ossutil\naccessKeySecret=s\n[profile b]\naccessKeyID=b\naccessKeySecret=s",
        )
    }

    fn aliyun(self) -> Self {
        let profile = |name| {
            format!(r#"{{"name": "{name}", "mode": "AK", "access_key_id": "{name}", "access_key_secret": "s"}}"#)
        };
        let text = format!(r#"{{"current": "cli", "profiles": [{}, {}]}}"#, profile("cli"), profile("c"));
        self.file(".aliyun/config.json", &text)
    }

    fn oidc(self) -> Self {
        let machine = self.file("token", "a.jwt");
        let token = machine.home.path().join("token").to_str().unwrap().to_owned();
        let machine = machine.set("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token);
        machine.set("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "provider").set("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/oidc")
    }

    fn process(self) -> Self {
        let machine = self.file("json", r#"{"mode": "AK", "access_key_id": "process", "access_key_secret": "s"}"#);
        let command = format!("cat {}", machine.home.path().join("json").display());
        machine.set("OSS_CREDENTIALS_PROCESS", &command)
    }

    fn ecs(mut self) -> Self {
        self.metadata = Desk::new(|asked: &Asked| {
            let body = match asked.path() {
                "/latest/api/token" => "t".to_owned(),
                path if path.ends_with('/') => "ecs".to_owned(),
                _ => wire("STS.ecs"),
            };
            Some((200, body))
        });
        self
    }

    fn with(mut self, set: impl FnOnce(&mut CredentialsOptions)) -> Self {
        set(&mut self.options);
        self
    }

    fn credentials(&self) -> DefaultCredentials {
        let pairs: Vec<_> = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (transport, direct) = (Arc::new(self.sts.clone()), Arc::new(self.metadata.clone()));
        let services = Services { variables: Variables::of(&pairs), transport, direct };
        DefaultCredentials { options: self.options.clone(), services, chosen: OnceCell::new() }
    }

    async fn id(&self) -> String {
        self.credentials().credentials().await.unwrap().access_key_id().to_owned()
    }

    async fn error(&self) -> CredentialsError {
        self.credentials().credentials().await.unwrap_err()
    }
}

#[cfg(unix)]
fn open_to_its_owner_only(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[cfg(not(unix))]
fn open_to_its_owner_only(_: &Path) {}

/// Everything is configured; then one after the other is taken away.
#[tokio::test]
async fn the_first_configured_place_wins_in_the_documented_order() {
    let environment = |machine: Machine| machine.set("OSS_ACCESS_KEY_ID", "env").set("OSS_ACCESS_KEY_SECRET", "s");
    let cloud = |machine: Machine| {
        machine.set("ALIBABA_CLOUD_ACCESS_KEY_ID", "cloud").set("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
    };
    let new = || Machine::new().ecs();
    assert_eq!(environment(cloud(new().ossutil().aliyun().oidc().process())).id().await, "env");
    assert_eq!(cloud(new().ossutil().aliyun().oidc().process()).id().await, "cloud");
    assert_eq!(new().ossutil().aliyun().oidc().process().id().await, "ossutil");
    assert_eq!(new().aliyun().oidc().process().id().await, "cli");
    assert_eq!(new().oidc().process().id().await, "STS.oidc");
    assert_eq!(new().process().id().await, "process");
    assert_eq!(new().id().await, "STS.ecs");
}

/// A pod with a role of its own on a node that has another.
#[tokio::test]
async fn what_is_configured_and_broken_is_an_error_and_never_passed_over() {
    let pod = Machine::new().ecs().oidc();
    std::fs::remove_file(pod.home.path().join("token")).unwrap();
    assert!(matches!(pod.error().await, CredentialsError::Invalid(words) if words.contains("OIDC token")));
    assert!(pod.metadata.asked().is_empty());

    let half = Machine::new().ecs().set("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/t");
    assert!(
        matches!(half.error().await, CredentialsError::Invalid(words) if words.contains("OIDC_PROVIDER_ARN is not set"))
    );
    let half = Machine::new().ecs().ossutil().set("OSS_ACCESS_KEY_ID", "env");
    assert!(half.error().await.to_string().contains("OSS_ACCESS_KEY_SECRET is not set"));
    let broken = Machine::new().ecs().file(".ossutilconfig", "[default]\naccessKeyID=x");
    assert!(matches!(broken.error().await, CredentialsError::Invalid(words) if words.contains(".ossutilconfig")));
    let failing = Machine::new().ecs().set("OSS_CREDENTIALS_PROCESS", "false");
    assert!(matches!(failing.error().await, CredentialsError::Invalid(words) if words.contains("false failed")));
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_configured_the_words_list_what_was_looked_at_after_a_second_at_most() {
    let began = tokio::time::Instant::now();
    let machine = Machine::new();
    let error = machine.error().await;
    assert!(began.elapsed() <= std::time::Duration::from_secs(1));
    let CredentialsError::Missing(words) = &error else { panic!("{error:?}") };
    for place in [
        "OSS_ACCESS_KEY_ID",
        ".ossutilconfig (not there)",
        "config.json (not there)",
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE",
        "OSS_CREDENTIALS_PROCESS",
        "100.100.100.200 (no",
    ] {
        assert!(words.contains(place), "{place}: {words}");
    }
    let forbidden = Machine::new().set("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true");
    assert!(forbidden.error().await.to_string().contains("forbidden"));
    assert!(forbidden.metadata.asked().is_empty());
}

#[tokio::test]
async fn what_is_asked_for_by_name_comes_before_the_environment() {
    let machine =
        || Machine::new().ecs().ossutil().aliyun().set("OSS_ACCESS_KEY_ID", "env").set("OSS_ACCESS_KEY_SECRET", "s");
    let profile = |name: &str| machine().with(|options| options.profile = Some(name.to_owned()));
    assert_eq!(profile("b").id().await, "b");
    assert_eq!(profile("c").id().await, "c", "of the other tool's file");
    let words = profile("nobody").error().await.to_string();
    assert!(words.contains("nobody") && words.contains(".ossutilconfig") && words.contains("config.json"), "{words}");
    assert_eq!(machine().with(|options| options.ecs_role = Some("ecs".into())).id().await, "STS.ecs");
    assert_eq!(machine().with(|options| options.only = Some(CredentialsKind::Profile)).id().await, "ossutil");
    let only = Machine::new().ossutil().with(|options| options.only = Some(CredentialsKind::Environment));
    assert!(matches!(only.error().await, CredentialsError::Missing(_)));
}

#[tokio::test]
async fn a_profiles_name_may_come_from_its_tools_own_variable() {
    assert_eq!(Machine::new().ossutil().set("OSSUTIL_PROFILE", "b").id().await, "b");
    assert_eq!(Machine::new().aliyun().set("ALIBABA_CLOUD_PROFILE", "c").id().await, "c");
    let elsewhere = Machine::new().file("mine", "[default]\naccessKeyID=mine\naccessKeySecret=s");
    let path = elsewhere.home.path().join("mine").to_str().unwrap().to_owned();
    assert_eq!(elsewhere.set("OSSUTIL_CONFIG_FILE", &path).id().await, "mine");
    assert!(
        Machine::new()
            .aliyun()
            .set("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "true")
            .error()
            .await
            .to_string()
            .contains("no credentials")
    );
}

#[tokio::test]
async fn a_profile_the_environment_names_and_that_is_not_there_is_not_passed_over() {
    let machine = || Machine::new().ecs().ossutil().aliyun();
    let words = machine().set("OSSUTIL_PROFILE", "nobody").error().await.to_string();
    assert!(words.contains("nobody") && words.contains(".ossutilconfig"), "{words}");
    let words = Machine::new().aliyun().set("ALIBABA_CLOUD_PROFILE", "nobody").error().await.to_string();
    assert!(words.contains("nobody") && words.contains("config.json"), "{words}");
    let words = machine().set("OSSUTIL_CONFIG_FILE", "/no/such/file").error().await.to_string();
    assert!(words.contains("OSSUTIL_CONFIG_FILE") && words.contains("/no/such/file"), "{words}");
}

#[tokio::test]
async fn a_role_is_assumed_with_whatever_was_found() {
    let machine = Machine::new().ossutil().with(|options| options.role_arn = Some("acs:ram::1:role/top".to_owned()));
    assert_eq!(machine.id().await, "STS.top");
    assert_eq!(machine.sts.asked()[0].value("AccessKeyId").as_deref(), Some("ossutil"));
    let provider = machine.credentials();
    let origin = &provider.chosen().await.unwrap().origin;
    assert!(origin.contains("role/top") && origin.contains(".ossutilconfig"), "{origin}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_profile_that_others_may_read_is_warned_about_with_the_command_that_mends_it() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Machine::new().ossutil();
    assert_eq!(machine.credentials().chosen().await.unwrap().warnings, Vec::<String>::new());
    let path = machine.home.path().join(".ossutilconfig");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let provider = machine.credentials();
    let warnings = &provider.chosen().await.unwrap().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains(&format!("chmod 600 {}", path.display())), "{warnings:?}");
}

#[tokio::test]
async fn a_refused_key_is_read_again_from_its_file() {
    let machine = Machine::new().ossutil();
    let provider = machine.credentials();
    let old = provider.credentials().await.unwrap();
    let text = "[default]\naccessKeyID=renewed\naccessKeySecret=s";
    std::fs::write(machine.home.path().join(".ossutilconfig"), text).unwrap();
    assert_eq!(provider.credentials().await.unwrap(), old);
    provider.invalidate(&old);
    assert_eq!(provider.credentials().await.unwrap().access_key_id(), "renewed");
}

#[tokio::test]
async fn debug_of_the_chain_shows_no_secret() {
    let machine = Machine::new().set("OSS_ACCESS_KEY_ID", "env").set("OSS_ACCESS_KEY_SECRET", "top-secret");
    let provider = machine.credentials();
    let before = format!("{provider:?}");
    let chosen = format!("{:?}", provider.chosen().await.unwrap());
    for words in [before, chosen, format!("{provider:?} {:?}", provider.services)] {
        assert!(!words.contains("top-secret"), "{words}");
    }
}

/// Every mode of the Alibaba Cloud CLI that needs a service or a program.
#[tokio::test]
async fn the_modes_of_a_profile_ask_whom_they_should() {
    let profile = |mode: &str, rest: &str| {
        let keys = r#""access_key_id": "base", "access_key_secret": "s", "ram_role_arn": "acs:ram::1:role/r""#;
        let entry =
            |name: &str, mode: &str, rest: &str| format!(r#"{{"name": "{name}", "mode": "{mode}", {keys}{rest}}}"#);
        let profiles = [entry("p", mode, rest), entry("source", "AK", "")].join(", ");
        Machine::new().ecs().file(".aliyun/config.json", &format!(r#"{{"current": "p", "profiles": [{profiles}]}}"#))
    };
    assert_eq!(profile("EcsRamRole", r#", "ram_role_name": "ecs""#).id().await, "STS.ecs");
    assert_eq!(profile("RamRoleArn", "").id().await, "STS.r");
    let chained = profile("ChainableRamRoleArn", r#", "source_profile": "source", "sts_region": "cn-x""#);
    assert_eq!(chained.id().await, "STS.r");
    assert!(chained.sts.asked()[0].url.starts_with("https://sts.cn-x.aliyuncs.com/"));
    let over_ecs = profile("RamRoleArnWithRoleName", r#", "ram_role_name": "ecs""#);
    assert_eq!(over_ecs.id().await, "STS.r");
    assert_eq!(over_ecs.sts.asked()[0].value("AccessKeyId").as_deref(), Some("STS.ecs"));
    assert_eq!(profile("StsToken", r#", "sts_token": "t""#).id().await, "base");

    let machine =
        profile("OIDC", "").file("jwt", "a.jwt").file("json", r#"{"access_key_id": "tool", "access_key_secret": "s"}"#);
    let path = |name: &str| machine.home.path().join(name).to_str().unwrap().to_owned();
    let oidc = profile("OIDC", &format!(r#", "oidc_provider_arn": "p", "oidc_token_file": "{}""#, path("jwt")));
    assert_eq!(oidc.id().await, "STS.r");
    assert_eq!(oidc.sts.asked()[0].value("OIDCToken").as_deref(), Some("a.jwt"));
    assert_eq!(profile("External", &format!(r#", "process_command": "cat {}""#, path("json"))).id().await, "tool");
}

#[tokio::test]
async fn the_environment_says_where_sts_is_and_how_the_metadata_service_is_asked() {
    let url = |machine: Machine| async move {
        machine.id().await;
        machine.sts.asked()[0].url.split('?').next().unwrap().to_owned()
    };
    let oidc = || Machine::new().oidc();
    assert_eq!(url(oidc()).await, "https://sts.aliyuncs.com/");
    let region = || oidc().set("ALIBABA_CLOUD_STS_REGION", "cn-x");
    assert_eq!(url(region()).await, "https://sts.cn-x.aliyuncs.com/");
    assert_eq!(
        url(region().set("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true")).await,
        "https://sts-vpc.cn-x.aliyuncs.com/"
    );
    assert_eq!(url(region().set("ALIBABA_CLOUD_STS_ENDPOINT", "sts.example.com")).await, "https://sts.example.com/");
    assert!(
        oidc().set("ALIBABA_CLOUD_STS_ENDPOINT", "http://sts.example.com").error().await.to_string().contains("https")
    );

    // Only the plain mode is there, and it is forbidden.
    let mut plain =
        Machine::new().set("ALIBABA_CLOUD_ECS_METADATA", "ecs").set("ALIBABA_CLOUD_IMDSV1_DISABLED", "true");
    plain.metadata = Desk::new(|asked| match asked.method {
        http::Method::PUT => Some((403, String::new())),
        _ => Some((200, wire("STS.ecs"))),
    });
    assert!(matches!(plain.error().await, CredentialsError::Unavailable(_)));
    plain.variables.pop();
    assert_eq!(plain.id().await, "STS.ecs");
    let elsewhere = Machine::new().ecs().set("OSS_ECS_METADATA_ENDPOINT", "http://127.0.0.1:99/");
    assert_eq!(elsewhere.id().await, "STS.ecs");
    assert!(elsewhere.metadata.asked()[0].url.starts_with("http://127.0.0.1:99/latest/"));
}

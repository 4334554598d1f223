//! Where the command finds its keys, with real files, programs and loopback services.

use crate::bench::{Bench, Ended};
use crate::issuer::{Issuer, keys};
use oss_emulator::{Emulator, Serving};
use std::process::Command;

struct Scene {
    bench: Bench,
    emulator: Emulator,
    endpoint: String,
    _serving: Serving,
    _runtime: tokio::runtime::Runtime,
}

impl Scene {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let emulator = Emulator::builder().credentials("LTAI-of-the-profile", "profile-secret").bucket("demo").build();
        let emulator = emulator.unwrap();
        let serving = runtime.block_on(emulator.spawn()).unwrap();
        let bench = Bench::new();
        bench.file("f", 250_000);
        Self { bench, emulator, endpoint: serving.endpoint(), _serving: serving, _runtime: runtime }
    }

    /// A command that knows the server, and nothing of keys.
    fn cp(&self, rest: &[&str]) -> Command {
        let mut command = self.bench.command(&[&["cp", "f", "oss://demo/k", "--part-size", "100KiB"], rest].concat());
        command.env("OSS_ENDPOINT", &self.endpoint).env("OSS_REGION", "cn-hangzhou");
        command
    }

    fn grant(&self, id: &str) {
        self.emulator.grant(id, "sts-secret", "sts-token", self.emulator.now() + 3600);
    }

    /// Gives the path of a file below the home.
    fn home(&self, name: &str, text: &str) -> String {
        let path = self.bench.path().join("home").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn done(mut command: Command, words: &[&str]) -> Ended {
    let ended = Ended::of(command.output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for word in words {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
    assert!(!ended.err.contains("secret") && !ended.err.contains("token-"), "{}", ended.err);
    ended
}

#[cfg(unix)]
#[test]
fn a_profile_gives_keys_region_and_endpoint_and_is_warned_about_when_others_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::new();
    let text = format!(
        "[Credentials]\nendpoint={}\naccessKeyID=LTAI-of-the-profile\naccessKeySecret=profile-secret\nregion=cn-hangzhou\n",
        scene.endpoint
    );
    let path = scene.home(".ossutilconfig", &text);
    let bare = || scene.bench.command(&["cp", "f", "oss://demo/k"]);
    let chmod = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    chmod(0o644);
    let warned = done(bare(), &["profile credentials of", "access key LTAI****file", &format!("chmod 600 {path}")]);
    assert_eq!(warned.err.matches("chmod").count(), 1, "{}", warned.err);
    chmod(0o600);
    assert!(!done(bare(), &[]).err.contains("chmod"));

    let mut quiet = bare();
    quiet.arg("--quiet");
    assert!(!done(quiet, &[]).err.contains("credentials:"));
    let mut named = bare();
    named.args(["--profile", "nobody"]);
    let ended = Ended::of(named.output().unwrap());
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("nobody") && ended.err.contains(&path), "{}", ended.err);
}

#[test]
fn a_pods_token_is_exchanged_for_its_role_and_ecs_is_not_asked() {
    let scene = Scene::new();
    scene.grant("STS.pod");
    let sts = Issuer::new(|_| format!(r#"{{"Credentials": {}}}"#, keys("STS.pod", "sts-secret", "sts-token")));
    let metadata = Issuer::new(|_| keys("STS.node", "sts-secret", "sts-token"));
    let file = scene.home("jwt", "the.pods.jwt");
    let mut command = scene.cp(&[]);
    command.env("ALIBABA_CLOUD_STS_ENDPOINT", &sts.url).env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", &file);
    command.env("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/ack");
    command.env("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/pod");
    command.env("OSS_ECS_METADATA_ENDPOINT", &metadata.url).env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
    done(command, &["OIDC token", "role acs:ram::1:role/pod", "access key ST****"]);
    assert_eq!((sts.lines().len(), metadata.lines().len()), (1, 0), "one exchange for all calls");
    assert!(sts.lines()[0].contains("AssumeRoleWithOIDC") && sts.bodies()[0].contains("the.pods.jwt"));
}

#[test]
fn the_role_of_an_ecs_instance_is_found_through_the_hardened_mode() {
    let scene = Scene::new();
    scene.grant("STS.ecs");
    let metadata = Issuer::new(|asked| match asked.line.split(' ').nth(1).unwrap() {
        "/latest/api/token" => "metadata-token".to_owned(),
        path if path.ends_with('/') => "backup".to_owned(),
        _ => keys("STS.ecs", "sts-secret", "sts-token"),
    });
    for line in [&[][..], &["--credentials", "ecs"], &["--ecs-role", "backup"]] {
        let mut command = scene.cp(line);
        command.env("OSS_ECS_METADATA_ENDPOINT", &metadata.url).env_remove("ALIBABA_CLOUD_ECS_METADATA_DISABLED");
        done(command, &["RAM role backup of this ECS instance"]);
    }
    assert!(metadata.lines()[0].starts_with("PUT /latest/api/token "), "{:?}", metadata.lines());
}

#[cfg(unix)]
#[test]
fn a_role_is_assumed_with_the_keys_a_program_prints() {
    let scene = Scene::new();
    scene.grant("STS.role");
    let sts = Issuer::new(|_| format!(r#"{{"Credentials": {}}}"#, keys("STS.role", "sts-secret", "sts-token")));
    let json = r#"{"mode": "AK", "access_key_id": "LTAI-base", "access_key_secret": "base-secret"}"#;
    let file = scene.home("json", json);
    let mut command = scene.cp(&["--role-arn", "acs:ram::2:role/backup"]);
    command.env("OSS_CREDENTIALS_PROCESS", format!("cat '{file}'")).env("ALIBABA_CLOUD_STS_ENDPOINT", &sts.url);
    done(command, &["role acs:ram::2:role/backup, assumed with the program"]);
    let line = &sts.lines()[0];
    assert!(line.contains("AssumeRole") && line.contains("LTAI-base") && line.contains("Signature="), "{line}");
}

#[test]
fn what_is_broken_is_told_before_anything_is_sent() {
    let scene = Scene::new();
    let refused = |set: &dyn Fn(&mut Command), line: &[&str], words: &[&str]| {
        let mut command = scene.cp(line);
        set(&mut command);
        let ended = Ended::of(command.output().unwrap());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for word in words {
            assert!(ended.err.contains(word), "{word}: {}", ended.err);
        }
    };
    let program = |command: &mut Command| {
        command.env("OSS_CREDENTIALS_PROCESS", "/no/such/program");
    };
    refused(&program, &[], &["no credentials", "/no/such/program"]);
    refused(&program, &["--credentials", "env"], &["OSS_ACCESS_KEY_ID"]);
    let oidc = |command: &mut Command| {
        command.env("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/no/such/token");
    };
    refused(&oidc, &[], &["ALIBABA_CLOUD_OIDC_PROVIDER_ARN is not set"]);
    refused(&|_| (), &["--profile", "x", "--credentials", "env"], &["--profile"]);
    refused(&|_| (), &["--profile", "x", "--ecs-role", "y"], &["--ecs-role"]);
    refused(&|_| (), &[], &["looked at", ".ossutilconfig (not there)", "ALIBABA_CLOUD_ECS_METADATA_DISABLED"]);
    assert!(scene.emulator.ledger().is_empty());
}

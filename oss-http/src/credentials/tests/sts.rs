use super::desk::{Desk, sts_reply};
use crate::credentials::{
    AssumeRoleCredentials, CredentialsError, CredentialsSource, OidcCredentials, Role, StaticCredentials, Sts,
};
use http::Method;
use oss_sign::{Credentials, sign_rpc};
use std::sync::Arc;
use std::time::Duration;

fn base() -> Credentials {
    Credentials::new("LTAI", "base-secret").with_security_token("base-token")
}

fn assume(desk: &Desk, role: Role) -> AssumeRoleCredentials {
    let sts = Sts::new("sts.cn-x.aliyuncs.com", Arc::new(desk.clone())).unwrap();
    AssumeRoleCredentials::new(sts, Arc::new(StaticCredentials::new(base())), role)
}

#[tokio::test]
async fn assume_role_is_a_signed_post_with_the_role_in_its_form() {
    let desk = Desk::new(|_| Some((200, sts_reply("STS.1"))));
    let mut role = Role::new("acs:ram::1:role/backup");
    (role.duration, role.external_id) = (Duration::from_secs(900), Some("ext".to_owned()));
    let issued = assume(&desk, role).fetch().await.unwrap();
    assert_eq!(issued.credentials, Credentials::new("STS.1", "sts-secret").with_security_token("sts-token"));
    assert!(issued.life.unwrap() > Duration::from_secs(3600));

    let asked = &desk.asked()[0];
    assert_eq!((&asked.method, asked.headers["host"].to_str().unwrap()), (&Method::POST, "sts.cn-x.aliyuncs.com"));
    assert!(asked.url.starts_with("https://sts.cn-x.aliyuncs.com/?"), "{}", asked.url);
    assert_eq!(asked.headers["content-type"], "application/x-www-form-urlencoded");
    for (name, value) in [
        ("Action", "AssumeRole"),
        ("Version", "2015-04-01"),
        ("Format", "JSON"),
        ("AccessKeyId", "LTAI"),
        ("SecurityToken", "base-token"),
        ("RoleArn", "acs:ram::1:role/backup"),
        ("RoleSessionName", "oss-transfer"),
        ("DurationSeconds", "900"),
        ("ExternalId", "ext"),
    ] {
        assert_eq!(asked.value(name).as_deref(), Some(value), "{name}");
    }
    // Signed again from what came, it is the same signature.
    let pairs = |names: &[&str]| names.iter().map(|n| ((*n).to_owned(), asked.value(n).unwrap())).collect::<Vec<_>>();
    let form = pairs(&["RoleArn", "RoleSessionName", "DurationSeconds", "ExternalId"]);
    let time = oss_proto::parse_iso8601(&asked.value("Timestamp").unwrap()).unwrap();
    let nonce = asked.value("SignatureNonce").unwrap();
    let again = sign_rpc(&Method::POST, pairs(&["Action", "Version", "Format"]), &form, &base(), time, &nonce);
    let signature = again.iter().find(|(name, _)| name == "Signature").unwrap().1.clone();
    assert_eq!(asked.value("Signature"), Some(signature));
    assert!(!asked.url.contains("base-secret") && !asked.body.contains("base-secret"));
}

#[tokio::test]
async fn oidc_exchanges_the_token_of_the_file_as_it_is_now_without_a_signature() {
    let desk = Desk::new(|_| Some((200, sts_reply("STS.2"))));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let sts = Sts::new("https://sts.aliyuncs.com", Arc::new(desk.clone())).unwrap();
    let source = OidcCredentials::new(sts, Role::new("acs:ram::1:role/pod"), "acs:ram::1:oidc-provider/ack", &file);
    let error = source.fetch().await.unwrap_err();
    assert!(matches!(&error, CredentialsError::Invalid(words) if words.contains("token")), "{error}");
    for token in ["first.jwt", "renewed.jwt"] {
        std::fs::write(&file, format!("{token}\n")).unwrap();
        assert_eq!(source.fetch().await.unwrap().credentials.access_key_id(), "STS.2");
        let asked = desk.asked();
        let asked = asked.last().unwrap();
        assert_eq!(asked.value("Action").as_deref(), Some("AssumeRoleWithOIDC"));
        assert_eq!(asked.value("OIDCToken").as_deref(), Some(token));
        assert_eq!(asked.value("OIDCProviderArn").as_deref(), Some("acs:ram::1:oidc-provider/ack"));
        let timestamp = asked.value("Timestamp").unwrap();
        assert!(timestamp.len() == 20 && timestamp.ends_with('Z'), "{timestamp}");
        assert_eq!((asked.value("Signature"), asked.value("AccessKeyId")), (None, None));
        assert!(!asked.url.contains(token), "the token travels in the body");
    }
}

#[tokio::test]
async fn what_sts_refuses_is_told_and_what_passes_is_tried_again_by_the_caller() {
    let refused = |status, body: &'static str| {
        let desk = Desk::new(move |_| Some((status, body.to_owned())));
        async move { assume(&desk, Role::new("arn")).fetch().await.unwrap_err() }
    };
    let body = r#"{"Code": "NoPermission", "Message": "You are not authorized", "RequestId": "R7"}"#;
    let error = refused(403, body).await;
    let CredentialsError::Invalid(words) = &error else { panic!("{error:?}") };
    assert!(words.contains("AssumeRole") && words.contains("NoPermission") && words.contains("R7"), "{words}");
    for (status, body) in [
        (503, r#"{"Code": "ServiceUnavailable"}"#),
        (400, r#"{"Code": "Throttling.User", "Message": "slow down"}"#),
        (502, "<html>"),
        (200, "{}"),
        (200, r#"{"Credentials": {"AccessKeyId": "a", "AccessKeySecret": "s", "Expiration": "2099-01-01T00:00:00Z"}}"#),
    ] {
        let error = refused(status, body).await;
        assert!(matches!(error, CredentialsError::Unavailable(_)), "{status} {body}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_sts_is_given_up() {
    let error = assume(&Desk::silent(), Role::new("arn")).fetch().await.unwrap_err();
    assert!(matches!(error, CredentialsError::Unavailable(_)));
}

#[test]
fn secrets_do_not_travel_in_the_clear_but_on_this_machine() {
    let sts = |endpoint| Sts::new(endpoint, Arc::new(Desk::silent()));
    for good in ["sts.aliyuncs.com", "https://10.0.0.1", "http://127.0.0.1:80", "http://[::1]:80", "http://localhost"] {
        assert!(sts(good).is_ok(), "{good}");
    }
    for bad in ["http://sts.aliyuncs.com", "http://10.0.0.1", "ftp://x", "https://u:p@x"] {
        assert!(sts(bad).is_err(), "{bad}");
    }
}

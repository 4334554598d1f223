use super::desk::{Asked, Desk, wire};
use crate::credentials::{CredentialsError, CredentialsSource, ECS_METADATA, EcsRoleCredentials};
use http::Method;
use oss_sign::Credentials;
use std::sync::Arc;

/// An instance with the role `backup`. `hardened`: it gives tokens, and wants them shown.
fn instance(hardened: bool) -> Desk {
    Desk::new(move |asked: &Asked| {
        let shown = asked.headers.get("x-aliyun-ecs-metadata-token").map(|token| token.to_str().unwrap());
        let answer = |status, body: &str| Some((status, body.to_owned()));
        match (&asked.method, asked.path()) {
            (&Method::PUT, "/latest/api/token") if hardened => {
                assert_eq!(asked.headers["x-aliyun-ecs-metadata-token-ttl-seconds"], "21600");
                answer(200, "metadata-token")
            }
            (&Method::GET, _) if hardened && shown != Some("metadata-token") => answer(403, ""),
            (&Method::GET, "/latest/meta-data/ram/security-credentials/") => answer(200, "backup\n"),
            (&Method::GET, "/latest/meta-data/ram/security-credentials/backup") => answer(200, &wire("STS.ecs")),
            _ => answer(404, "no such page"),
        }
    })
}

fn source(desk: &Desk, role: Option<&str>) -> EcsRoleCredentials {
    EcsRoleCredentials::new(Arc::new(desk.clone()), ECS_METADATA, role.map(str::to_owned))
}

fn asked(desk: &Desk) -> Vec<(Method, String)> {
    desk.asked().iter().map(|asked| (asked.method.clone(), asked.url.clone())).collect()
}

#[tokio::test]
async fn the_hardened_mode_comes_first_and_the_role_finds_itself() {
    let desk = instance(true);
    let issued = source(&desk, None).fetch().await.unwrap();
    assert_eq!(issued.credentials, Credentials::new("STS.ecs", "sts-secret").with_security_token("sts-token"));
    assert!(issued.life.is_some());
    let urls = asked(&desk);
    assert_eq!(urls.len(), 3);
    assert_eq!(urls[0], (Method::PUT, "http://100.100.100.200/latest/api/token".to_owned()));
    assert!(urls[2].1.ends_with("/ram/security-credentials/backup"));
}

#[tokio::test]
async fn the_plain_mode_is_used_only_where_it_is_allowed() {
    let desk = instance(false);
    assert!(source(&desk, Some("backup")).fetch().await.is_ok());
    let error = source(&desk, Some("backup")).hardened_only(true).fetch().await.unwrap_err();
    assert!(matches!(error, CredentialsError::Unavailable(_)), "{error:?}");
    assert!(asked(&desk).last().unwrap().1.ends_with("/latest/api/token"), "it did not go on without a token");
}

#[tokio::test]
async fn a_role_the_instance_has_not_is_named() {
    let error = source(&instance(true), Some("other")).fetch().await.unwrap_err();
    assert!(matches!(&error, CredentialsError::Invalid(words) if words.contains("other")), "{error:?}");
    let desk = instance(true);
    let error = source(&desk, Some("../../user-data")).fetch().await.unwrap_err();
    assert!(matches!(error, CredentialsError::Invalid(_)));
    assert!(!asked(&desk).iter().any(|(_, url)| url.contains("user-data")));
    let none =
        Desk::new(
            |asked| if asked.method == Method::PUT { Some((200, "t".into())) } else { Some((404, String::new())) },
        );
    assert!(matches!(source(&none, None).role().await, Ok(None)));
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_no_ecs_instance_costs_a_second_for_each_mode() {
    let began = tokio::time::Instant::now();
    let error = source(&Desk::silent(), None).role().await.unwrap_err();
    assert!(matches!(error, CredentialsError::Unavailable(_)));
    assert!(began.elapsed() <= std::time::Duration::from_secs(2));
    let began = tokio::time::Instant::now();
    assert!(source(&Desk::silent(), None).hardened_only(true).role().await.is_err());
    assert!(began.elapsed() <= std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn the_token_of_the_service_is_in_no_debug() {
    let desk = instance(true);
    let source = source(&desk, None);
    source.fetch().await.unwrap();
    assert!(!format!("{source:?}").contains("metadata-token"));
    assert!(desk.asked()[1].headers["x-aliyun-ecs-metadata-token"].is_sensitive());
}

/// The reply to PUT has a hop limit of 1: it does not reach a container.
#[tokio::test(start_paused = true)]
async fn where_no_token_arrives_the_plain_mode_is_tried() {
    let plain = instance(false);
    let desk = Desk::new(move |asked: &Asked| match asked.method {
        Method::PUT => None,
        _ => plain.answer(asked),
    });
    assert!(source(&desk, Some("backup")).fetch().await.is_ok());
    let error = source(&desk, Some("backup")).hardened_only(true).fetch().await.unwrap_err();
    assert!(matches!(error, CredentialsError::Unavailable(_)), "{error:?}");
}

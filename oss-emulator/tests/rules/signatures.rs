use crate::client::{Ask, Client, builder, get, now, put, refused};
use oss_sign::{Credentials, Signer};
use std::time::Duration;

fn client(signer: Signer, credentials: Credentials) -> Client {
    let builder = builder().temporary_credentials("sts", "secret-2", "token");
    Client { signer, credentials, ..Client::new(builder) }
}

fn both() -> [Signer; 2] {
    [Signer::V1, Signer::v4("cn-hangzhou")]
}

fn known() -> Credentials {
    Credentials::new("ak", "secret")
}

fn temporary() -> Credentials {
    Credentials::new("sts", "secret-2").with_security_token("token")
}

fn object() -> Ask {
    put("a b/ü", "x").header("x-oss-meta-a", "b").header("content-type", "text/plain")
}

#[tokio::test]
async fn both_versions_sign_in_headers_with_and_without_a_token() {
    for signer in both() {
        for credentials in [known(), temporary()] {
            let client = client(signer.clone(), credentials);
            assert_eq!(client.send(object()).await.status, 200, "{signer:?}");
            let page = client.send(Ask { key: None, ..get("") }.query("prefix", "a b/").query("list-type", 2)).await;
            assert_eq!((page.status, page.text("KeyCount").as_str()), (200, "1"));
        }
    }
}

#[tokio::test]
async fn a_wrong_secret_does_not_match_and_shows_what_was_signed() {
    for signer in both() {
        let client = client(signer.clone(), Credentials::new("ak", "wrong"));
        let answer = client.send(object()).await;
        assert_eq!(answer.refusal(), refused(403, "SignatureDoesNotMatch"));
        assert!(answer.text("StringToSign").starts_with(if signer == Signer::V1 { "PUT" } else { "OSS4-HMAC-SHA256" }));
        assert!(answer.text("StringToSignBytes").starts_with(if signer == Signer::V1 {
            "50 55 54"
        } else {
            "4F 53 53"
        }));
        assert!(!answer.text("SignatureProvided").is_empty());
        assert_eq!(answer.xml().child("CanonicalRequest").is_some(), signer != Signer::V1);
    }
}

#[tokio::test]
async fn what_was_signed_cannot_be_changed() {
    let client = client(Signer::v4("cn-hangzhou"), known());
    let signed = client.sign(object());
    for changed in [
        signed.clone().key("other"),
        signed.clone().header("x-oss-meta-a", "c"),
        signed.clone().header("x-oss-forbid-overwrite", "true"),
        signed.clone().query("versionId", "null"),
    ] {
        let answer = client.try_raw(changed.request()).await.unwrap();
        assert_eq!(answer.refusal(), refused(403, "SignatureDoesNotMatch"));
    }
    assert_eq!(client.try_raw(signed.request()).await.unwrap().status, 200);
}

#[tokio::test]
async fn unknown_keys_and_bad_tokens_are_told_apart() {
    for (credentials, code) in [
        (Credentials::new("nobody", "secret"), "InvalidAccessKeyId"),
        (Credentials::new("sts", "secret-2"), "InvalidAccessKeyId"),
        (Credentials::new("sts", "secret-2").with_security_token("old"), "InvalidSecurityToken"),
        (known().with_security_token("token"), "InvalidSecurityToken"),
    ] {
        let answer = client(Signer::v4("cn-hangzhou"), credentials).send(object()).await;
        assert_eq!(answer.refusal(), refused(403, code));
    }
}

#[tokio::test]
async fn a_clock_is_accepted_within_fifteen_minutes() {
    for signer in both() {
        let mut client = client(signer, known());
        for (offset, status) in [(-890, 200), (890, 200), (-1000, 403), (1000, 403)] {
            client.time = now().checked_add_signed(offset).unwrap();
            let answer = client.send(object()).await;
            assert_eq!(answer.status, status, "{offset}");
            if status == 403 {
                assert_eq!(answer.text("Code"), "RequestTimeTooSkewed");
                let server = oss_proto::parse_iso8601(&answer.text("ServerTime")).unwrap();
                assert!(server.abs_diff(now()) < 60);
            }
        }
    }
}

#[tokio::test]
async fn the_server_clock_can_be_off_and_says_so_in_its_date() {
    let client = Client::new(builder().clock_offset(3600));
    let answer = client.send(object()).await;
    assert_eq!(answer.refusal(), refused(403, "RequestTimeTooSkewed"));
    let date = oss_proto::parse_iso8601(&answer.text("ServerTime")).unwrap();
    let client = Client { time: date, ..client };
    assert_eq!(client.send(object()).await.status, 200);
}

#[tokio::test]
async fn the_region_must_be_the_servers() {
    let answer = client(Signer::v4("cn-shenzhen"), known()).send(object()).await;
    assert_eq!(answer.refusal(), refused(400, "InvalidArgument"));
    assert!(answer.text("Message").contains("cn-hangzhou"));
}

#[tokio::test]
async fn presigned_urls_work_until_they_expire() {
    for signer in both() {
        for credentials in [known(), temporary()] {
            let client = client(signer.clone(), credentials);
            client.put("k", b"x").await;
            for (age, status) in [(0, 200), (50, 200), (70, 403)] {
                let ask = get("k").query("response-content-type", "a/b");
                let time = client.time - age;
                let lifetime = Duration::from_secs(60);
                let query = signer.presign(ask.resource(), &ask.headers, &client.credentials, time, lifetime).unwrap();
                let answer = client.try_raw(Ask { query, ..ask }.request()).await.unwrap();
                assert_eq!(answer.status, status, "{signer:?} {age}: {answer:?}");
                if status == 403 {
                    assert_eq!(answer.refusal(), refused(403, "AccessDenied"));
                    assert_eq!(answer.text("Message"), "Request has expired.");
                }
            }
        }
    }
}

#[tokio::test]
async fn anonymous_requests_need_leave() {
    let strict = Client::new(builder());
    assert_eq!(strict.try_raw(object().request()).await.unwrap().refusal(), refused(403, "AccessDenied"));
    let open = Client::new(builder().anonymous(true));
    assert_eq!(open.try_raw(object().request()).await.unwrap().status, 200);
    let wrong = Client { credentials: Credentials::new("ak", "wrong"), ..open };
    assert_eq!(
        wrong.send(object()).await.refusal(),
        refused(403, "SignatureDoesNotMatch"),
        "signatures are checked anyway"
    );
}

#[tokio::test]
async fn an_authorization_that_cannot_be_read_is_refused() {
    let client = Client::new(builder());
    let ask = object().header("authorization", "OSS4-HMAC-SHA256 nonsense");
    assert_eq!(client.try_raw(ask.request()).await.unwrap().status, 400);
}

#[tokio::test]
async fn a_granted_token_signs_until_its_second_by_the_servers_clock() {
    for signer in both() {
        let client = client(signer.clone(), Credentials::new("brief", "secret-3").with_security_token("ends"));
        client.emulator.grant("brief", "secret-3", "ends", client.emulator.now() + 60);
        assert_eq!(client.send(object()).await.status, 200, "{signer:?}");
        client.emulator.set_clock_offset(61);
        assert_eq!(client.send(object()).await.refusal(), refused(403, "SecurityTokenExpired"));
    }
}

//! Every public type that holds a secret, printed: none shows it.

use oss_client::{
    AssumeRoleCredentials, BoxFuture, CachedCredentials, Client, Credentials, CredentialsError, CredentialsOptions,
    CredentialsProvider, CredentialsSource, DefaultCredentials, EnvironmentCredentials, Issued, OidcCredentials,
    Payload, ProcessCredentials, ReplyBody, ResponseTimeout, Role, StaticCredentials, Sts, Transport, TransportError,
};
use std::fmt::Debug;
use std::sync::Arc;

const SECRET: &str = "the-secret-of-this-test";
const TOKEN: &str = "the-token-of-this-test";

fn keys() -> Credentials {
    Credentials::new("the-id", SECRET).with_security_token(TOKEN)
}

fn assert_redacted(name: &str, value: &dyn Debug) {
    for words in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!words.contains(SECRET) && !words.contains(TOKEN), "{name}: {words}");
    }
}

/// Nobody there.
#[derive(Debug)]
struct Nowhere;

impl Transport for Nowhere {
    fn send(
        &self,
        _: http::Request<Payload>,
        _: ResponseTimeout,
    ) -> BoxFuture<'_, Result<http::Response<ReplyBody>, TransportError>> {
        Box::pin(std::future::pending())
    }
}

#[derive(Debug)]
struct Source;

impl CredentialsSource for Source {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(std::future::ready(Ok(Issued { credentials: keys(), life: None })))
    }
}

#[tokio::test]
async fn no_public_type_prints_the_secret_it_holds() {
    let nowhere = Arc::new(Nowhere);
    let given = StaticCredentials::new(keys());
    let sts = Sts::new("sts.aliyuncs.com", nowhere.clone()).unwrap();
    let cached = CachedCredentials::new(Source);
    cached.credentials().await.unwrap();
    assert_redacted("Credentials", &keys());
    assert_redacted("StaticCredentials", &given);
    assert_redacted("Issued", &Issued { credentials: keys(), life: None });
    assert_redacted("CachedCredentials", &cached);
    assert_redacted("EnvironmentCredentials", &EnvironmentCredentials::new());
    assert_redacted(
        "AssumeRoleCredentials",
        &AssumeRoleCredentials::new(sts.clone(), Arc::new(given), Role::new("arn")),
    );
    assert_redacted("OidcCredentials", &OidcCredentials::new(sts, Role::new("arn"), "provider", "/token"));
    // A program's arguments are its own.
    assert_redacted("ProcessCredentials", &ProcessCredentials::new(&format!("tool --key {SECRET}")).unwrap());
    let options = CredentialsOptions { profile: Some("p".to_owned()), ..CredentialsOptions::default() };
    assert_redacted("DefaultCredentials", &DefaultCredentials::new(options, nowhere.clone(), nowhere));
}

#[tokio::test]
async fn no_client_prints_the_secret_it_signs_with() {
    let builder = || Client::builder().region("cn-hangzhou").credentials(keys());
    assert_redacted("ClientBuilder", &builder());
    let client = builder().build().unwrap();
    assert_redacted("Client", &client);
    assert_redacted("Caller", client.caller());
    let url = client
        .presign(
            oss_client::Method::GET,
            &oss_client::Bucket::new("bucket").unwrap(),
            &oss_client::Key::new("key").unwrap(),
            HOUR,
        )
        .await;
    assert!(!url.unwrap().contains(SECRET));
}

const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

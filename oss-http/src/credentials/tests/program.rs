use crate::credentials::{CredentialsError, CredentialsSource, ProcessCredentials};

fn shell(script: &str) -> ProcessCredentials {
    ProcessCredentials::new(&format!("sh -c '{script}'")).unwrap()
}

async fn words(source: ProcessCredentials) -> String {
    match source.fetch().await.unwrap_err() {
        CredentialsError::Invalid(words) => words,
        other => panic!("{other:?}"),
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_prints_credentials() {
    let source = shell(r#"echo "{\"mode\": \"AK\", \"access_key_id\": \"id\", \"access_key_secret\": \"secret\"}""#);
    assert_eq!(source.fetch().await.unwrap().credentials.access_key_id(), "id");
    assert!(!format!("{source:?}").contains("secret"), "its arguments are nobody's business");
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_fails_babbles_or_is_not_there_is_named_without_its_output() {
    assert!(words(shell("echo secret; exit 3")).await.contains("sh failed"));
    let babble = words(shell("echo secret")).await;
    assert!(babble.contains("no credentials as JSON") && !babble.contains("secret"), "{babble}");
    assert!(words(shell("head -c 100000 /dev/zero; sleep 100")).await.contains("64 KiB"));
    assert!(words(ProcessCredentials::new("/no/such/program").unwrap()).await.contains("/no/such/program"));
}

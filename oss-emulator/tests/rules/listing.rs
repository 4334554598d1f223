use crate::client::{Answer, Client, builder, list};
use http::Method;

async fn with_keys(keys: &[&str]) -> Client {
    let client = Client::new(builder());
    for key in keys {
        client.put(key, key.as_bytes()).await;
    }
    client
}

fn keys(answer: &Answer) -> Vec<String> {
    answer.each("Contents", "Key")
}

#[tokio::test]
async fn version_two_goes_through_all_pages() {
    let client = with_keys(&["a", "b/1", "b/2", "c", "d"]).await;
    let (mut found, mut token) = (Vec::new(), None::<String>);
    loop {
        let ask = list(Method::GET).query("list-type", 2).query("max-keys", 2);
        let ask = match &token {
            Some(token) => ask.query("continuation-token", token),
            None => ask,
        };
        let answer = client.send(ask).await;
        assert_eq!(answer.text("KeyCount"), keys(&answer).len().to_string());
        found.extend(keys(&answer));
        if answer.text("IsTruncated") == "false" {
            break;
        }
        token = Some(answer.text("NextContinuationToken"));
    }
    assert_eq!(found, ["a", "b/1", "b/2", "c", "d"]);
}

#[tokio::test]
async fn version_one_goes_on_after_the_marker() {
    let client = with_keys(&["a", "b/1", "b/2", "c"]).await;
    let first = client.send(list(Method::GET).query("delimiter", "/").query("max-keys", 2)).await;
    assert_eq!((keys(&first), first.each("CommonPrefixes", "Prefix")), (vec!["a".into()], vec!["b/".into()]));
    assert_eq!(first.text("NextMarker"), "b/");
    let next = client.send(list(Method::GET).query("delimiter", "/").query("marker", "b/")).await;
    assert_eq!((keys(&next), next.text("IsTruncated")), (vec!["c".into()], "false".into()));
}

#[tokio::test]
async fn a_page_has_a_hundred_keys_unless_asked() {
    let names: Vec<String> = (0..101).map(|n| format!("{n:03}")).collect();
    let client = with_keys(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let answer = client.send(list(Method::GET).query("list-type", 2)).await;
    assert_eq!((keys(&answer).len(), answer.text("IsTruncated")), (100, "true".into()));
    for bad in ["0", "1001", "x"] {
        let answer = client.send(list(Method::GET).query("max-keys", bad)).await;
        assert_eq!((answer.status, answer.text("ArgumentName")), (400, "max-keys".into()));
    }
}

#[tokio::test]
async fn names_are_encoded_only_when_asked() {
    let client = with_keys(&["p/a b&c", "p/\u{1}"]).await;
    let plain = client.send(list(Method::GET).query("prefix", "p/a").query("list-type", 2)).await;
    assert_eq!((keys(&plain), plain.text("Prefix")), (vec!["p/a b&c".into()], "p/a".into()));
    let encoded = client.send(list(Method::GET).query("prefix", "p/").query("encoding-type", "url")).await;
    assert_eq!(encoded.text("EncodingType"), "url");
    assert_eq!(
        (keys(&encoded), encoded.text("Prefix")),
        (vec!["p%2F%01".into(), "p%2Fa%20b%26c".into()], "p%2F".into())
    );
}

#[tokio::test]
async fn an_entry_says_what_head_says() {
    let client = with_keys(&["k"]).await;
    let answer = client.send(list(Method::GET).query("list-type", 2).query("fetch-owner", "true")).await;
    let entry = answer.xml().child("Contents").unwrap().clone();
    assert_eq!((entry.text_of("Size"), entry.text_of("Type")), (Some("1"), Some("Normal")));
    assert_eq!(entry.text_of("ETag"), Some("\"8CE4B16B22B58894AA86C421E8759DF3\""));
    assert!(entry.child("Owner").is_some());
}

#[tokio::test]
async fn uploads_are_listed_by_key_and_id_over_pages() {
    let client = Client::new(builder());
    for key in ["b", "a", "b", "b", "c"] {
        client.initiate(key).await;
    }
    let mut expected =
        client.emulator.uploads("media").into_iter().map(|upload| (upload.key, upload.upload_id)).collect::<Vec<_>>();
    expected.sort();
    let (mut found, mut ask) = (Vec::new(), list(Method::GET).bare("uploads").query("max-uploads", 2));
    loop {
        let answer = client.send(ask).await;
        found.extend(answer.each("Upload", "Key").into_iter().zip(answer.each("Upload", "UploadId")));
        if answer.text("IsTruncated") == "false" {
            break;
        }
        ask = list(Method::GET)
            .bare("uploads")
            .query("max-uploads", 2)
            .query("key-marker", answer.text("NextKeyMarker"))
            .query("upload-id-marker", answer.text("NextUploadIdMarker"));
    }
    assert_eq!(found, expected);
    let after = client.send(list(Method::GET).bare("uploads").query("key-marker", "b")).await;
    assert_eq!(after.each("Upload", "Key"), ["c"], "a key marker alone leaves its own key out");
}

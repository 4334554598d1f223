//! Buckets that keep versions.

use crate::client::{Answer, Client, ask, builder, complete, delete, get, head, list, put, refused};
use http::Method;
use oss_emulator::{Store, Versioning};

async fn set(client: &Client, status: &str) {
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    let answer = client.send(list(Method::PUT).bare("versioning").body(body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn version(answer: &Answer) -> String {
    answer.header("x-oss-version-id").unwrap_or_else(|| panic!("no version in {answer:?}")).to_owned()
}

#[tokio::test]
async fn versioning_is_off_until_it_is_asked_for_and_then_told() {
    let client = Client::new(builder());
    let told = client.send(list(Method::GET).bare("versioning")).await;
    assert_eq!(told.xml().text_of("Status"), None);
    for status in ["Enabled", "Suspended"] {
        set(&client, status).await;
        assert_eq!(client.send(list(Method::GET).bare("versioning")).await.text("Status"), status);
    }
    let bad = list(Method::PUT).bare("versioning").body("<VersioningConfiguration/>");
    assert_eq!(client.send(bad).await.refusal(), refused(400, "MalformedXML"));
}

#[tokio::test]
async fn every_write_makes_a_version_that_can_be_read_and_deleted_by_its_id() {
    let client = Client::new(builder());
    client.put("k", b"before").await;
    set(&client, "Enabled").await;
    let first = version(&client.put("k", b"first").await);
    let id = client.initiate("k").await;
    let etag = client.part("k", &id, 1, b"second").await.etag();
    let second = version(&client.complete("k", &id, &[(1, etag)]).await);

    let current = client.send(get("k")).await;
    assert_eq!((version(&current), &current.body[..]), (second.clone(), &b"second"[..]));
    for (id, body) in [("null", "before"), (&first, "first"), (&second, "second")] {
        let got = client.send(get("k").query("versionId", id)).await;
        assert_eq!((version(&got).as_str(), &got.body[..]), (id, body.as_bytes()));
        assert_eq!(version(&client.send(head("k").query("versionId", id)).await), id);
    }
    assert_eq!(client.send(get("k").query("versionId", "CAEQ")).await.refusal(), refused(404, "NoSuchVersion"));

    let gone = client.send(delete("k").query("versionId", &second)).await;
    assert_eq!((gone.status, version(&gone), gone.header("x-oss-delete-marker")), (204, second, None));
    assert_eq!(client.send(get("k")).await.body, "first", "the version below is the current one");
}

#[tokio::test]
async fn a_deletion_puts_a_marker_on_top_and_its_deletion_brings_the_object_back() {
    let client = Client::new(builder());
    set(&client, "Enabled").await;
    let first = version(&client.put("k", b"first").await);
    let deleted = client.send(delete("k")).await;
    let marker = version(&deleted);
    assert_eq!((deleted.status, deleted.header("x-oss-delete-marker")), (204, Some("true")));

    let missing = client.send(get("k")).await;
    assert_eq!(missing.refusal(), refused(404, "NoSuchKey"));
    assert_eq!((missing.header("x-oss-delete-marker"), version(&missing)), (Some("true"), marker.clone()));
    let refusal = client.send(get("k").query("versionId", &marker)).await;
    assert_eq!((refusal.refusal(), refusal.header("allow")), (refused(405, "MethodNotAllowed"), Some("DELETE")));
    assert_eq!(client.send(get("k").query("versionId", &first)).await.body, "first");
    assert!(client.emulator.keys("media").is_empty());
    assert_eq!(client.emulator.versions("media", "k"), [(first, false), (marker.clone(), true)]);
    assert_eq!(client.send(list(Method::DELETE)).await.refusal(), refused(409, "BucketNotEmpty"));

    let gone = client.send(delete("k").query("versionId", &marker)).await;
    assert_eq!((gone.status, gone.header("x-oss-delete-marker")), (204, Some("true")));
    assert_eq!(client.send(get("k")).await.body, "first");
}

#[tokio::test]
async fn a_suspended_bucket_replaces_the_version_null_and_keeps_the_others() {
    let client = Client::new(builder());
    set(&client, "Enabled").await;
    let kept = version(&client.put("k", b"kept").await);
    set(&client, "Suspended").await;
    assert_eq!(version(&client.put("k", b"one").await), "null");
    assert_eq!(version(&client.put("k", b"two").await), "null");
    assert_eq!(client.send(get("k")).await.body, "two");
    let deleted = client.send(delete("k")).await;
    assert_eq!((version(&deleted).as_str(), deleted.header("x-oss-delete-marker")), ("null", Some("true")));
    assert_eq!(client.emulator.versions("media", "k"), [(kept.clone(), false), ("null".to_owned(), true)]);
    assert_eq!(client.send(get("k").query("versionId", &kept)).await.body, "kept");
}

#[tokio::test]
async fn a_ban_on_overwriting_is_not_looked_at_where_nothing_is_overwritten() {
    for versioning in [Versioning::Enabled, Versioning::Suspended] {
        let client = Client::new(builder());
        assert!(client.emulator.set_versioning("media", versioning));
        client.put("k", b"first").await;
        let forbid = |ask: crate::client::Ask| ask.header("x-oss-forbid-overwrite", "true");
        assert_eq!(client.send(forbid(put("k", "second"))).await.status, 200);
        let id = client.send(forbid(ask(Method::POST, "k").bare("uploads"))).await.text("UploadId");
        let etag = client.part("k", &id, 1, b"third").await.etag();
        assert_eq!(client.send(forbid(complete("k", &id, &[(1, etag)]))).await.status, 200);
        assert_eq!(client.send(get("k")).await.body, "third");
    }
}

#[tokio::test]
async fn versions_markers_tags_and_acls_are_there_again_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Client::new(builder().store(Store::Disk(dir.path().to_owned())));
    let client = open();
    client.put("k", b"null").await;
    set(&client, "Enabled").await;
    let first = version(&client.put("k", b"first").await);
    let id = client.initiate("k").await;
    let etag = client.part("k", &id, 1, b"second").await.etag();
    let second = version(&client.complete("k", &id, &[(1, etag)]).await);
    let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    client.send(put("k", tagging).bare("tagging").query("versionId", &first)).await;
    client.send(put("k", "").bare("acl").header("x-oss-object-acl", "private")).await;
    version(&client.send(delete("k")).await);
    let before = client.emulator.versions("media", "k");
    drop(client);

    let client = open();
    assert_eq!(client.emulator.versions("media", "k"), before);
    assert_eq!(client.send(list(Method::GET).bare("versioning")).await.text("Status"), "Enabled");
    for (id, body) in [("null", "null"), (&first, "first"), (&second, "second")] {
        assert_eq!(client.send(get("k").query("versionId", id)).await.body, body.as_bytes());
    }
    let tagged = client.send(head("k").query("versionId", &first)).await;
    assert_eq!(tagged.header("x-oss-tagging-count"), Some("1"));
    assert_eq!(client.send(get("k")).await.header("x-oss-delete-marker"), Some("true"));
    let third = version(&client.put("k", b"third").await);
    drop(client);
    assert_eq!(open().emulator.object("media", "k").unwrap().version_id, Some(third), "the newest is the current one");
}

#[tokio::test]
async fn a_store_of_before_there_were_versions_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Client::new(builder().store(Store::Disk(dir.path().to_owned())));
    let client = open();
    client.put("k", b"old").await;
    drop(client);
    let bucket = dir.path().join("buckets/media");
    let object = std::fs::read_dir(bucket.join("objects")).unwrap().next().unwrap().unwrap().path();
    for path in [bucket.join("bucket.json"), object] {
        let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let fields = record.as_object_mut().unwrap();
        for name in ["versioning", "version", "sequence", "delete_marker"] {
            fields.remove(name);
        }
        std::fs::write(&path, record.to_string()).unwrap();
    }
    let client = open();
    assert_eq!(client.send(get("k")).await.body, "old");
    client.put("k", b"new").await;
    assert_eq!(client.emulator.versions("media", "k"), [("null".to_owned(), false)]);
}

#[tokio::test]
async fn versions_are_listed_newest_first_and_page_by_page() {
    let client = Client::new(builder());
    set(&client, "Enabled").await;
    let mut expected = Vec::new();
    for key in ["a", "b", "dir/c"] {
        let one = version(&client.put(key, b"1").await);
        let two = version(&client.put(key, b"22").await);
        expected.extend([two, one]);
    }
    let marker = version(&client.send(delete("b")).await);
    expected.insert(2, marker.clone());

    let (mut listed, mut after) = (Vec::new(), None::<(String, String)>);
    loop {
        let ask = list(Method::GET).bare("versions").query("max-keys", 2);
        let ask = match &after {
            Some((key, id)) => ask.query("key-marker", key).query("version-id-marker", id),
            None => ask,
        };
        let answer = client.send(ask).await;
        let page = answer.xml();
        let entries: Vec<_> =
            page.children.iter().filter(|child| ["Version", "DeleteMarker"].contains(&child.name)).collect();
        assert!(entries.len() <= 2);
        listed.extend(entries.iter().map(|entry| {
            let id = entry.text_of("VersionId").unwrap().to_owned();
            assert_eq!(entry.name == "DeleteMarker", id == marker);
            id
        }));
        match page.text_of("IsTruncated") {
            Some("true") => {
                let next = |name: &str| page.text_of(name).unwrap().to_owned();
                after = Some((next("NextKeyMarker"), next("NextVersionIdMarker")));
            }
            _ => break,
        }
    }
    assert_eq!(listed, expected);

    let grouped = client.send(list(Method::GET).bare("versions").query("delimiter", "/").query("prefix", "d")).await;
    assert_eq!(
        (grouped.each("CommonPrefixes", "Prefix"), grouped.each("Version", "Key").len()),
        (vec!["dir/".into()], 0)
    );
    let latest = client.send(list(Method::GET).bare("versions")).await.each("Version", "IsLatest");
    assert_eq!(latest, ["true", "false", "false", "false", "true", "false"], "of b the marker is");
}

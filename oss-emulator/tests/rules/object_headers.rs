//! What is stored with an object, told, changed and refused.

use crate::client::{Ask, Client, ask, builder, delete, get, head, part, put, refused};
use http::Method;

const HEADERS: &[(&str, &str)] = &[
    ("content-type", "text/plain"),
    ("cache-control", "no-cache"),
    ("content-disposition", "attachment"),
    ("content-encoding", "br"),
    ("content-language", "zh-CN"),
    ("expires", "Fri, 28 Feb 2031 05:38:42 GMT"),
    ("x-oss-meta-a", "b"),
    ("x-oss-storage-class", "IA"),
    ("x-oss-server-side-encryption", "KMS"),
    ("x-oss-server-side-encryption-key-id", "9468da86"),
    ("x-oss-server-side-data-encryption", "SM4"),
];

fn with(ask: Ask, headers: &[(&str, &str)]) -> Ask {
    headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value))
}

/// Stores `k` in one piece or by parts, and gives the replies that were given meanwhile.
async fn stored(client: &Client, headers: &[(&str, &str)], parts: bool) -> Vec<crate::client::Answer> {
    if !parts {
        return vec![client.send(with(put("k", "x"), headers)).await];
    }
    let initiated = client.send(with(ask(Method::POST, "k").bare("uploads"), headers)).await;
    let id = initiated.text("UploadId");
    let sent = client.part("k", &id, 1, b"x").await;
    let completed = client.complete("k", &id, &[(1, sent.etag())]).await;
    vec![initiated, sent, completed]
}

#[tokio::test]
async fn every_header_comes_back_from_head_and_get_and_encryption_from_every_reply() {
    for parts in [false, true] {
        let client = Client::new(builder());
        let replies = stored(&client, HEADERS, parts).await;
        for reply in replies {
            assert_eq!(reply.status, 200, "{reply:?}");
            assert_eq!(reply.header("x-oss-server-side-encryption"), Some("KMS"));
            assert_eq!(reply.header("x-oss-server-side-encryption-key-id"), Some("9468da86"));
        }
        for reply in [client.send(head("k")).await, client.send(get("k")).await] {
            for (name, value) in HEADERS {
                assert_eq!(reply.header(name), Some(*value), "{name}");
            }
            assert_eq!(reply.header("x-oss-version-id"), None, "no versions are kept");
        }
    }
}

#[tokio::test]
async fn values_oss_does_not_know_are_refused_and_nothing_is_stored() {
    let client = Client::new(builder());
    let tags = (0..11).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&");
    for (headers, code) in [
        (&[("x-oss-storage-class", "Frozen")][..], "InvalidArgument"),
        (&[("x-oss-object-acl", "secret")], "InvalidArgument"),
        (&[("x-oss-server-side-encryption", "DES")], "InvalidEncryptionAlgorithmError"),
        (
            &[("x-oss-server-side-encryption", "KMS"), ("x-oss-server-side-data-encryption", "DES")],
            "InvalidEncryptionAlgorithmError",
        ),
        (
            &[("x-oss-server-side-encryption", "AES256"), ("x-oss-server-side-encryption-key-id", "k")],
            "InvalidArgument",
        ),
        (&[("x-oss-tagging", "a=b=c")], "InvalidArgument"),
        (&[("x-oss-tagging", tags.as_str())], "InvalidArgument"),
        (&[("x-oss-traffic-limit", "819199")], "InvalidArgument"),
        (&[("x-oss-traffic-limit", "fast")], "InvalidArgument"),
        (&[("x-oss-request-payer", "owner")], "InvalidArgument"),
    ] {
        let put = client.send(with(put("k", "x"), headers)).await;
        assert_eq!(put.refusal(), refused(400, code), "{headers:?}");
        let initiate = client.send(with(ask(Method::POST, "k").bare("uploads"), headers)).await;
        assert_eq!(initiate.refusal(), refused(400, code), "{headers:?}");
    }
    assert!(client.emulator.keys("media").is_empty() && client.emulator.uploads("media").is_empty());
    let allowed = [("x-oss-traffic-limit", "819200"), ("x-oss-request-payer", "requester")];
    assert_eq!(client.send(with(put("k", "x"), &allowed)).await.status, 200);
    let id = client.initiate("k").await;
    for name in ["x-oss-server-side-encryption-key-id", "x-oss-server-side-data-encryption"] {
        let part = part("k", &id, 1, b"x").header(name, "SM4");
        assert_eq!(client.send(part).await.refusal(), refused(400, "InvalidArgument"), "{name}");
    }
}

#[tokio::test]
async fn the_acl_is_taken_at_put_and_at_complete_and_can_be_changed() {
    let client = Client::new(builder());
    let acl = || get("k").bare("acl");
    let grant = |answer: crate::client::Answer| {
        let list = answer.xml();
        list.children_named("AccessControlList").next().unwrap().text_of("Grant").unwrap().to_owned()
    };
    client.put("k", b"x").await;
    assert_eq!(grant(client.send(acl()).await), "default");
    client.send(put("k", "x").header("x-oss-object-acl", "public-read")).await;
    assert_eq!(grant(client.send(acl()).await), "public-read");
    let before = client.send(head("k")).await.header("last-modified").unwrap().to_owned();
    client.emulator.set_clock_offset(60);
    let changed = client.send(put("k", "").bare("acl").header("x-oss-object-acl", "private")).await;
    assert_eq!(changed.status, 200);
    assert_eq!(grant(client.send(acl()).await), "private");
    assert_eq!(client.send(head("k")).await.header("last-modified"), Some(before.as_str()));
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "x", "the bytes are as they were");
    assert_eq!(client.send(put("k", "").bare("acl")).await.refusal(), refused(400, "MissingArgument"));
    let missing = put("none", "").bare("acl").header("x-oss-object-acl", "private");
    assert_eq!(client.send(missing).await.refusal(), refused(404, "NoSuchKey"));

    let id = client.initiate("k").await;
    let etag = client.part("k", &id, 1, b"y").await.etag();
    let complete = crate::client::complete("k", &id, &[(1, etag)]);
    let refusal = client.send(complete.clone().header("x-oss-object-acl", "secret")).await;
    assert_eq!(refusal.refusal(), refused(400, "InvalidArgument"));
    assert_eq!(client.send(complete.header("x-oss-object-acl", "public-read-write")).await.status, 200);
    assert_eq!(grant(client.send(acl()).await), "public-read-write");
}

#[tokio::test]
async fn tags_are_set_with_the_object_and_by_calls_of_their_own() {
    let client = Client::new(builder());
    client.send(put("k", "x").header("x-oss-tagging", "a%20b=c%2Fd&e")).await;
    let tags = |answer: crate::client::Answer| {
        let root = answer.xml();
        let set = root.children_named("TagSet").next().unwrap();
        let text = |tag: &oss_proto::xml::Element, name| tag.text_of(name).unwrap_or_default().to_owned();
        set.children_named("Tag").map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect::<Vec<_>>()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(tags(client.send(get("k").bare("tagging")).await), [pair("a b", "c/d"), pair("e", "")]);
    assert_eq!(client.send(head("k")).await.header("x-oss-tagging-count"), Some("2"));

    let body = |tags: &str| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
    let one = body("<Tag><Key>owner</Key><Value>Kim</Value></Tag>");
    assert_eq!(client.send(put("k", one).bare("tagging")).await.status, 200);
    assert_eq!(tags(client.send(get("k").bare("tagging")).await), [pair("owner", "Kim")]);
    for bad in ["<Tag><Key></Key><Value>v</Value></Tag>", "<Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag>"] {
        let answer = client.send(put("k", body(bad)).bare("tagging")).await;
        assert_eq!(answer.refusal(), refused(400, "InvalidTag"), "{bad}");
    }
    assert_eq!(client.send(put("k", "<Tag/>").bare("tagging")).await.refusal(), refused(400, "MalformedXML"));
    assert_eq!(client.send(delete("k").bare("tagging")).await.status, 204);
    assert_eq!(tags(client.send(get("k").bare("tagging")).await), []);
    assert_eq!(client.send(head("k")).await.header("x-oss-tagging-count"), None);
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "x");
}

#[tokio::test]
async fn an_archived_object_is_described_and_not_read() {
    let client = Client::new(builder());
    client.send(put("k", "x").header("x-oss-storage-class", "ColdArchive")).await;
    assert_eq!(client.send(head("k")).await.header("x-oss-storage-class"), Some("ColdArchive"));
    assert_eq!(client.send(get("k")).await.refusal(), refused(403, "InvalidObjectState"));
}

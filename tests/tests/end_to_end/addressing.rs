//! Keys are literal, whatever the style of the URL and the version of the signature.

use crate::{PART, request};
use oss_http::{Addressing, Caller, Signer};
use oss_multipart::upload;
use oss_proto::ops::{DeleteObject, GetObject, HeadObject, ListObjectsV2};
use oss_proto::{Bucket, Key};
use oss_tests::{BUCKET, REGION, World, bytes};

const KEYS: &[&str] = &[
    "plain",
    "a b",
    " leading and trailing ",
    "a+b",
    "100%",
    "%41%2F%",
    "ключ/日本語/🦀",
    "e\u{301}",
    "folder//file",
    "folder/",
    "a/../b",
    "../up",
    "./here",
    "..",
    "?question",
    "a?uploads&partNumber=1#fragment",
    "back\\slash",
    "quotes'\"<>&amp;",
    "~!*();:@=,$[]{}|^`",
    "line\nbreak\ttab",
];

fn callers(world: &World) -> Vec<(&'static str, Caller)> {
    vec![
        ("v4 virtual", world.caller_of("http://oss.test", Addressing::Virtual, Signer::v4(REGION))),
        ("v4 path", world.caller_of("http://127.0.0.1:80", Addressing::Path, Signer::v4(REGION))),
        ("v1 virtual", world.caller_of("http://oss.test", Addressing::Virtual, Signer::V1)),
        ("v1 path", world.caller_of("http://127.0.0.1:80", Addressing::Path, Signer::V1)),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_key_is_stored_listed_read_and_deleted_as_it_is_written() {
    let world = World::new();
    let bucket = Bucket::new(BUCKET).unwrap();
    for (style, caller) in callers(&world) {
        for (index, text) in KEYS.iter().enumerate() {
            let place = format!("{style} {text:?}");
            let key = Key::new(*text).unwrap();
            let content = bytes(PART + 1 + index);
            let file = world.file("data.bin", &content);
            upload(&caller, REGION, request(text, &file)).await.unwrap_or_else(|error| panic!("{place}: {error}"));
            world.assert_published(text, &content, &["data.bin"]);

            let head = HeadObject { bucket: bucket.clone(), key: key.clone(), version_id: None };
            assert_eq!(
                caller.call(&head, Default::default()).await.unwrap().output.size,
                content.len() as u64,
                "{place}"
            );
            let get = GetObject { bucket: bucket.clone(), key: key.clone(), range: None, version_id: None };
            let (_, body) = caller.open(&get).await.unwrap();
            assert!(body.read_whole(1 << 20).await.unwrap() == content, "{place}");
        }
        assert_eq!(listed(&caller, &bucket).await, sorted(KEYS), "{style}");
        for text in KEYS {
            let key = Key::new(*text).unwrap();
            let delete = DeleteObject { bucket: bucket.clone(), key, version_id: None };
            caller.call(&delete, Default::default()).await.unwrap();
        }
        assert_eq!(world.emulator.keys(BUCKET), Vec::<String>::new());
    }
}

/// All keys, in pages of three.
async fn listed(caller: &Caller, bucket: &Bucket) -> Vec<String> {
    let (mut keys, mut token) = (Vec::new(), None);
    loop {
        let list = ListObjectsV2 {
            bucket: bucket.clone(),
            prefix: None,
            delimiter: None,
            start_after: None,
            continuation_token: token,
            max_keys: Some(3),
            fetch_owner: false,
        };
        let page = caller.call(&list, Default::default()).await.unwrap().output;
        keys.extend(page.objects.into_iter().map(|object| object.key));
        if !page.is_truncated {
            return keys;
        }
        token = page.next_continuation_token;
    }
}

fn sorted(keys: &[&str]) -> Vec<String> {
    let mut keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
    keys.sort();
    keys
}

#[tokio::test(start_paused = true)]
async fn a_v4_signature_for_another_region_is_refused_and_nothing_is_stored() {
    let world = World::new();
    for signer in [Signer::v4("cn-beijing"), Signer::v4(REGION)] {
        let right = signer == Signer::v4(REGION);
        let caller = world.caller_of("http://oss.test", Addressing::Virtual, signer);
        let file = world.file("data.bin", bytes(10));
        let ended = upload(&caller, REGION, request("key", &file)).await;
        assert_eq!(ended.is_ok(), right, "V4 must name the server's region");
        assert_eq!(world.emulator.object(BUCKET, "key").is_some(), right);
    }
}

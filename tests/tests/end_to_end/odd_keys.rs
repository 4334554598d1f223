//! Keys of every class of bytes, over a socket, with both signatures: what is written under a key is read under it.

use crate::{PART, request};
use oss_http::{Caller, Signer, Timeouts};
use oss_multipart::upload;
use oss_proto::ops::{GetObject, HeadObject};
use oss_proto::{Bucket, Key, ObjectHeaders};
use oss_tests::{BUCKET, REGION, World, bytes};

/// Every ASCII byte in the middle of a key, and what a path, a query, a header or XML could take amiss.
fn keys() -> Vec<String> {
    let mut keys: Vec<String> = (0_u8..=0x7f).map(|byte| format!("a{}b", char::from(byte))).collect();
    let odd = [
        "..",
        ".",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        "a?b=c&uploads",
        "?",
        "%",
        "%2F",
        "%zz",
        "100%25",
        "a+b c",
        "a#b",
        "a\\..\\b",
        "~user",
        "$'{x}'",
        "<Key>&amp;</Key>",
        "]]>",
        "a\r\nx-oss-object-acl: public-read",
        "a\0b",
        "trailing space ",
        " leading",
        "日本語/ключ/\u{1f600}",
        "e\u{301}",
        "\u{200f}rtl",
        "\u{feff}bom",
        "\u{85}",
        "a:b",
        "a;b,c",
        "a|b^c`d",
        "=",
        "&",
        "uploadId=1",
        "acl",
    ];
    keys.extend(odd.map(str::to_owned));
    keys.push("k".repeat(1023));
    keys.push("ü".repeat(511));
    keys.sort();
    keys.dedup();
    keys
}

async fn read_back(caller: &Caller, key: &str) -> (Vec<u8>, Option<String>) {
    let (bucket, key) = (Bucket::new(BUCKET).unwrap(), Key::new(key).unwrap());
    let head = HeadObject { bucket: bucket.clone(), key: key.clone(), version_id: None };
    let head = caller.attempt(&head, oss_http::Payload::empty()).await.unwrap().output;
    let get = GetObject { bucket, key, range: None, version_id: None };
    let (_, body) = caller.open(&get).await.unwrap();
    (body.read_whole(1 << 20).await.unwrap().to_vec(), head.meta.get("name").cloned())
}

#[tokio::test]
async fn any_key_is_put_and_read_with_either_signature() {
    for signer in [Signer::v4(REGION), Signer::V1] {
        let world = World::new();
        let (caller, _serving) = world.socket(signer.clone(), Timeouts::default()).await;
        let file = world.file("small", b"x");
        for (index, key) in keys().into_iter().enumerate() {
            let content = bytes(index + 1);
            std::fs::write(&file, &content).unwrap();
            let done = upload(&caller, REGION, request(&key, &file)).await;
            done.unwrap_or_else(|error| panic!("{key:?} {signer:?}: {error} {:?}", error.service()));
            assert_eq!(read_back(&caller, &key).await.0, content, "{key:?} {signer:?}");
        }
        assert!(world.emulator.keys(BUCKET) == keys(), "{signer:?}");
    }
}

#[tokio::test]
async fn a_multipart_upload_of_an_odd_key_with_odd_metadata_arrives_as_it_was_given() {
    let names = ["你好 \u{1f600}", "a, b; c=\"d\"", "tilde ~ percent % plus +", "ÿ\u{a0}x"];
    for signer in [Signer::v4(REGION), Signer::V1] {
        let world = World::new();
        let (caller, _serving) = world.socket(signer, Timeouts::default()).await;
        let content = bytes(2 * PART);
        let file = world.file("data.bin", &content);
        for (key, name) in ["a?b&c=d/%2F+é\u{1}", "<a>&\"'", "..//.", "\u{7f}\t\n"].into_iter().zip(names) {
            let mut headers = ObjectHeaders::new();
            headers.set("x-oss-meta-name", name).unwrap();
            headers.add_tag("a b", "c/d+e").unwrap();
            upload(&caller, REGION, request(key, &file).headers(headers)).await.unwrap();
            let (read, meta) = read_back(&caller, key).await;
            assert!(read == content, "{key:?}");
            assert_eq!(meta.as_deref(), Some(name), "{key:?}");
        }
    }
}

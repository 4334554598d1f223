use crate::client::{Client, ask, builder, complete, delete, get, head, part, refused};
use http::Method;
use oss_proto::Crc64;

const FULL: usize = 100 * 1024;

/// An upload of `k` with parts 1 (full), 3 (full) and 7 (3 bytes).
async fn three_parts(client: &Client) -> (String, Vec<(u32, String)>) {
    let id = client.initiate("k").await;
    let mut parts = Vec::new();
    for (number, body) in [(1, vec![1; FULL]), (3, vec![3; FULL]), (7, b"end".to_vec())] {
        let answer = client.part("k", &id, number, &body).await;
        assert_eq!((answer.status, answer.crc64()), (200, Crc64::of(&body).get()));
        parts.push((number, answer.etag()));
    }
    (id, parts)
}

fn whole() -> Vec<u8> {
    [vec![1; FULL], vec![3; FULL], b"end".to_vec()].concat()
}

#[tokio::test]
async fn parts_become_an_object_at_complete_and_not_before() {
    let client = Client::new(builder());
    let initiate =
        ask(Method::POST, "k").bare("uploads").header("content-type", "image/png").header("x-oss-meta-a", "b");
    let id = client.send(initiate).await.text("UploadId");
    let first = client.part("k", &id, 1, &vec![1; FULL]).await.etag();
    let second = client.part("k", &id, 2, b"end").await.etag();
    assert_eq!(client.send(get("k")).await.status, 404);

    let answer = client.complete("k", &id, &[(1, first.clone()), (2, second.clone())]).await;
    let bytes = [vec![1; FULL], b"end".to_vec()].concat();
    let etags = [first, second].map(|etag| oss_proto::ETag::new(&etag).unwrap());
    assert_eq!((answer.status, answer.crc64()), (200, Crc64::of(&bytes).get()));
    assert_eq!(answer.text("ETag"), oss_proto::ETag::of_multipart(&etags).quoted());
    assert_eq!((answer.text("Bucket"), answer.text("Key")), ("media".into(), "k".into()));

    let answer = client.send(get("k")).await;
    assert_eq!(answer.body, bytes);
    assert_eq!((answer.header("content-type"), answer.header("x-oss-meta-a")), (Some("image/png"), Some("b")));
    assert_eq!((answer.header("x-oss-object-type"), answer.header("content-md5")), (Some("Multipart"), None));
    assert!(client.emulator.uploads("media").is_empty());
}

#[tokio::test]
async fn gaps_are_fine_and_parts_left_out_are_dropped() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    assert_eq!(client.complete("k", &id, &[parts[0].clone(), parts[2].clone()]).await.status, 200);
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), [vec![1; FULL], b"end".to_vec()].concat());
}

#[tokio::test]
async fn a_range_may_span_parts() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    client.complete("k", &id, &parts).await;
    let range = format!("bytes={}-{}", FULL - 2, 2 * FULL + 1);
    let answer = client.send(get("k").header("range", &range)).await;
    assert_eq!((answer.status, &answer.body[..]), (206, &whole()[FULL - 2..=2 * FULL + 1]));
}

#[tokio::test]
async fn complete_refuses_a_bad_list_and_keeps_the_upload() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    let small_first = client.part("k", &id, 2, b"small").await.etag();
    let [one, three, seven] = [0, 1, 2].map(|index| parts[index].clone());
    for (list, code) in [
        (vec![], "MalformedXML"),
        (vec![three.clone(), one.clone()], "InvalidPartOrder"),
        (vec![one.clone(), one.clone()], "InvalidPartOrder"),
        (vec![(10_001, one.1.clone())], "InvalidPartOrder"),
        (vec![one.clone(), (5, three.1.clone())], "InvalidPart"),
        (vec![one.clone(), (3, one.1.clone())], "InvalidPart"),
        (vec![one.clone(), (2, small_first), seven.clone()], "EntityTooSmall"),
    ] {
        assert_eq!(client.complete("k", &id, &list).await.refusal(), refused(400, code), "{list:?}");
    }
    let cut = complete("k", &id, &parts);
    let half = cut.body.slice(..cut.body.len() / 2);
    assert_eq!(client.send(cut.body(half)).await.refusal(), refused(400, "MalformedXML"));
    assert_eq!(client.complete("k", &id, &parts).await.status, 200, "nothing was lost");
}

#[tokio::test]
async fn a_rejected_part_is_named() {
    let client = Client::new(builder());
    let (id, mut parts) = three_parts(&client).await;
    parts[1].1 = parts[0].1.clone();
    assert_eq!(client.complete("k", &id, &parts).await.text("PartNumber"), "3");
}

#[tokio::test]
async fn etags_may_come_without_quotes_and_in_lower_case() {
    let client = Client::new(builder());
    let (id, mut parts) = three_parts(&client).await;
    parts.iter_mut().for_each(|(_, etag)| *etag = etag.trim_matches('"').to_lowercase());
    assert_eq!(client.complete("k", &id, &parts).await.status, 200);
}

#[tokio::test]
async fn complete_all_takes_every_part_and_no_body() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    let with_body = complete("k", &id, &parts).header("x-oss-complete-all", "yes");
    assert_eq!(client.send(with_body).await.refusal(), refused(400, "InvalidArgument"));
    let answer = client.send(ask(Method::POST, "k").query("uploadId", &id).header("x-oss-complete-all", "yes")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), whole());
}

#[tokio::test]
async fn a_finished_upload_is_unknown() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    client.complete("k", &id, &parts).await;
    let list = get("k").query("uploadId", &id);
    for ask in [complete("k", &id, &parts), list, delete("k").query("uploadId", &id), part("k", &id, 1, b"x")] {
        assert_eq!(client.send(ask).await.refusal(), refused(404, "NoSuchUpload"));
    }
    assert_eq!(client.send(head("k")).await.status, 200);
}

#[tokio::test]
async fn an_upload_belongs_to_its_key() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    assert_eq!(client.part("other", &id, 1, b"x").await.refusal(), refused(404, "NoSuchUpload"));
}

#[tokio::test]
async fn abort_forgets_the_parts_and_leaves_the_object() {
    let client = Client::new(builder());
    client.put("k", b"old").await;
    let (id, _) = three_parts(&client).await;
    assert_eq!(client.send(delete("k").query("uploadId", &id)).await.status, 204);
    assert_eq!(client.send(delete("k").query("uploadId", &id)).await.refusal(), refused(404, "NoSuchUpload"));
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "old");
}

#[tokio::test]
async fn the_same_part_number_again_replaces_the_part() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    let old = client.part("k", &id, 1, b"old").await.etag();
    let new = client.part("k", &id, 1, b"new").await.etag();
    assert_eq!(client.complete("k", &id, &[(1, old)]).await.refusal(), refused(400, "InvalidPart"));
    assert_eq!(client.complete("k", &id, &[(1, new)]).await.status, 200, "a part alone may be small");
    assert_eq!(client.emulator.object_bytes("media", "k").unwrap(), "new");
}

#[tokio::test]
async fn parts_are_listed_with_their_checksums_over_pages() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    let first = client.send(get("k").query("uploadId", &id).query("max-parts", 2)).await;
    assert_eq!(first.each("Part", "PartNumber"), ["1", "3"]);
    assert_eq!((first.text("IsTruncated"), first.text("NextPartNumberMarker")), ("true".into(), "3".into()));
    assert_eq!(first.each("Part", "HashCrc64ecma")[0], Crc64::of(&[1; FULL]).to_string());
    assert_eq!(first.each("Part", "ETag"), [parts[0].1.clone(), parts[1].1.clone()]);
    let rest = client.send(get("k").query("uploadId", &id).query("part-number-marker", 3)).await;
    assert_eq!((rest.each("Part", "PartNumber"), rest.each("Part", "Size")), (vec!["7".into()], vec!["3".into()]));
    assert_eq!(rest.text("IsTruncated"), "false");
}

#[tokio::test]
async fn part_numbers_have_bounds() {
    let client = Client::new(builder());
    let id = client.initiate("k").await;
    for number in [0, 10_001] {
        let answer = client.part("k", &id, number, b"x").await;
        assert_eq!(
            (answer.refusal(), answer.text("ArgumentName")),
            (refused(400, "InvalidArgument"), "PartNumber".into())
        );
    }
    assert_eq!(client.part("k", &id, 10_000, b"x").await.status, 200);
}

#[tokio::test]
async fn overwriting_is_forbidden_at_initiate_and_at_complete() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    client.put("k", b"old").await;
    let forbid = |ask: crate::client::Ask| ask.header("x-oss-forbid-overwrite", "true");
    for ask in [ask(Method::POST, "k").bare("uploads"), complete("k", &id, &parts)] {
        assert_eq!(client.send(forbid(ask)).await.refusal(), refused(409, "FileAlreadyExists"));
    }
    assert_eq!(client.complete("k", &id, &parts).await.status, 200);
}

#[tokio::test]
async fn sse_belongs_to_initiate_and_callbacks_to_complete() {
    let client = Client::new(builder());
    let (id, parts) = three_parts(&client).await;
    let sse = part("k", &id, 1, b"x").header("x-oss-server-side-encryption", "AES256");
    assert_eq!(client.send(sse).await.refusal(), refused(400, "InvalidArgument"));
    let initiate = ask(Method::POST, "k").bare("uploads").header("x-oss-callback", "e30=");
    assert_eq!(client.send(initiate).await.text("Code"), "NotImplemented");
    let callback = complete("k", &id, &parts).header("x-oss-callback", "e30=");
    assert_eq!(client.send(callback).await.refusal(), refused(400, "InvalidArgument"));
    assert!(client.emulator.object("media", "k").is_none());
}

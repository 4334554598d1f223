//! The public client, over a socket: every call of it against the server's own rules.

use crate::{PART, request};
use oss_client::ops::{
    AbortMultipartUpload, CompleteMultipartUpload, DeleteObject, GetObject, HeadObject, InitiateMultipartUpload,
    ListMultipartUploads, ListObjectsV2, ListParts, PutObject, UploadPart,
};
use oss_client::{Bucket, Client, Crc64, Credentials, ErrorCode, Key, ObjectHeaders, PartNumber, UploadId};
use oss_emulator::Serving;
use oss_tests::{BUCKET, ID, REGION, SECRET, World, bytes};

async fn client(world: &World) -> (Client, Serving) {
    let serving = world.emulator.spawn().await.unwrap();
    let client =
        Client::builder().endpoint(serving.endpoint()).region(REGION).credentials(Credentials::new(ID, SECRET));
    (client.build().unwrap(), serving)
}

fn place() -> (Bucket, Key) {
    (Bucket::new(BUCKET).unwrap(), Key::new("folder/a b").unwrap())
}

#[tokio::test]
async fn an_object_is_put_described_read_listed_and_deleted() {
    let world = World::new();
    let (client, _serving) = client(&world).await;
    let (bucket, key) = place();
    let content = bytes(200_000);

    let mut headers = ObjectHeaders::new();
    headers.set("content-type", "text/x-test").unwrap();
    headers.set("x-oss-meta-owner", "somebody").unwrap();
    let put = PutObject { bucket: bucket.clone(), key: key.clone(), headers, content_md5: None };
    let stored = client.put_object(&put, content.clone()).await.unwrap();
    assert_eq!(stored.output.crc64, Some(Crc64::of(&content)));
    assert!(stored.request_id.is_some());

    let head = HeadObject { bucket: bucket.clone(), key: key.clone(), version_id: None };
    let described = client.head_object(&head).await.unwrap().output;
    assert_eq!((described.size, described.etag), (200_000, stored.output.etag));
    assert_eq!(described.content_type.as_deref(), Some("text/x-test"));
    assert_eq!(described.meta["owner"], "somebody");

    let get = GetObject { bucket: bucket.clone(), key: key.clone(), range: Some(1000..=1999), version_id: None };
    let (opened, body) = client.get_object(&get).await.unwrap();
    assert_eq!((opened.output.size, opened.output.crc64), (200_000, Some(Crc64::of(&content))));
    assert!(body.read_whole(1000).await.unwrap() == content[1000..2000]);

    let list = ListObjectsV2 {
        bucket: bucket.clone(),
        prefix: None,
        delimiter: Some("/".to_owned()),
        start_after: None,
        continuation_token: None,
        max_keys: None,
        fetch_owner: false,
    };
    let page = client.list_objects_v2(&list).await.unwrap().output;
    assert_eq!((page.objects.len(), page.common_prefixes), (0, vec!["folder/".to_owned()]));

    client.delete_object(&DeleteObject { bucket, key, version_id: None }).await.unwrap();
    let error = client.head_object(&head).await.unwrap_err();
    assert_eq!(error.service().map(|service| &service.code), Some(&ErrorCode::NO_SUCH_KEY));
}

#[tokio::test]
async fn a_multipart_upload_by_hand_is_listed_completed_and_another_aborted() {
    let world = World::new();
    let (client, _serving) = client(&world).await;
    let (bucket, key) = place();
    let content = bytes(2 * PART + 5);
    let upload_id = initiate(&client).await;

    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(content.chunks(PART)) {
        let part_number = PartNumber::new(number).unwrap();
        let (bucket, key, upload_id) = (bucket.clone(), key.clone(), upload_id.clone());
        let part = UploadPart { bucket, key, upload_id, part_number, content_md5: None };
        let sent = client.upload_part(&part, piece.to_vec()).await.unwrap().output;
        assert_eq!(sent.crc64, Some(Crc64::of(piece)));
        parts.push((part_number, sent.etag.unwrap()));
    }
    let list = ListParts {
        bucket: bucket.clone(),
        key: key.clone(),
        upload_id: upload_id.clone(),
        part_number_marker: Some(1),
        max_parts: Some(1),
    };
    let page = client.list_parts(&list).await.unwrap().output;
    assert_eq!((page.parts[0].part_number.get(), page.is_truncated), (2, true));

    let (to, at) = (bucket.clone(), key.clone());
    let complete = CompleteMultipartUpload { bucket: to, key: at, upload_id, parts, headers: ObjectHeaders::new() };
    let done = client.complete_multipart_upload(&complete).await.unwrap().output;
    assert_eq!(done.crc64, Some(Crc64::of(&content)));
    assert_eq!(world.emulator.object_bytes(BUCKET, "folder/a b").unwrap(), content);

    let upload_id = initiate(&client).await;
    let list = ListMultipartUploads {
        bucket: bucket.clone(),
        prefix: None,
        delimiter: None,
        key_marker: None,
        upload_id_marker: None,
        max_uploads: None,
    };
    let open = client.list_multipart_uploads(&list).await.unwrap().output.uploads;
    assert_eq!(open.iter().map(|upload| &upload.upload_id).collect::<Vec<_>>(), [&upload_id]);
    client.abort_multipart_upload(&AbortMultipartUpload { bucket, key, upload_id }).await.unwrap();
    assert_eq!(world.emulator.uploads(BUCKET), []);
}

async fn initiate(client: &Client) -> UploadId {
    let (bucket, key) = place();
    let initiate = InitiateMultipartUpload { bucket, key, headers: ObjectHeaders::new() };
    client.initiate_multipart_upload(&initiate).await.unwrap().output.upload_id
}

#[tokio::test]
async fn the_main_call_uploads_a_file_and_its_error_says_what_the_service_said() {
    let world = World::new();
    let (client, _serving) = client(&world).await;
    let content = bytes(5 * PART);
    let file = world.file("data.bin", &content);
    let done = client.resumable_upload_object(request("key", &file)).await.unwrap();
    assert_eq!((done.parts_sent, done.crc64), (5, Crc64::of(&content)));
    world.assert_published("key", &content, &["data.bin"]);

    let nowhere = oss_client::UploadObjectRequest::new("no-such-bucket", "key", &file);
    let error = client.resumable_upload_object(nowhere).await.unwrap_err();
    assert!(!error.is_resumable());
    assert_eq!(error.service().map(|service| &service.code), Some(&ErrorCode::NO_SUCH_BUCKET));
    assert!(error.request_id().is_some());
}

//! The facade over a socket, against the embedded server.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

use oss_client::{
    Bucket, Client, Crc64, Credentials, Error, ErrorCode, ErrorKind, Key, Method, ObjectHeaders, PartNumber,
    SignatureVersion, UploadId, UploadObjectRequest, ops,
};
use oss_emulator::{Emulator, Serving};
use std::error::Error as _;
use std::time::Duration;

struct Server {
    emulator: Emulator,
    serving: Serving,
}

impl Server {
    async fn start() -> Self {
        let emulator = Emulator::builder().credentials("id", "secret").bucket("media").build().unwrap();
        let serving = emulator.spawn().await.unwrap();
        Self { emulator, serving }
    }

    fn client(&self, version: SignatureVersion) -> Client {
        Client::builder()
            .endpoint(self.serving.endpoint())
            .region("cn-hangzhou")
            .signature_version(version)
            .credentials(Credentials::new("id", "secret"))
            .build()
            .unwrap()
    }
}

fn media() -> Bucket {
    Bucket::new("media").unwrap()
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn put(name: &str) -> ops::PutObject {
    ops::PutObject { bucket: media(), key: key(name), headers: ObjectHeaders::new(), content_md5: None }
}

#[tokio::test]
async fn an_object_is_put_headed_read_listed_and_deleted_with_both_signatures() {
    let server = Server::start().await;
    for version in [SignatureVersion::V4, SignatureVersion::V1] {
        let client = server.client(version);
        let name = "a b/+%ü//..";
        let stored = client.put_object(&put(name), "hello").await.unwrap();
        assert_eq!(stored.output.crc64, Some(Crc64::of(b"hello")));
        assert!(stored.request_id.is_some());

        let head = ops::HeadObject { bucket: media(), key: key(name), version_id: None };
        assert_eq!(client.head_object(&head).await.unwrap().output.size, 5);
        let get = ops::GetObject { bucket: media(), key: key(name), range: Some(1..=3), version_id: None };
        let (_, body) = client.get_object(&get).await.unwrap();
        assert_eq!(body.read_whole(1024).await.unwrap(), "ell");

        let list = ops::ListObjectsV2 {
            bucket: media(),
            prefix: Some("a b/".into()),
            delimiter: None,
            start_after: None,
            continuation_token: None,
            max_keys: None,
            fetch_owner: false,
        };
        let keys: Vec<_> =
            client.list_objects_v2(&list).await.unwrap().output.objects.into_iter().map(|object| object.key).collect();
        assert_eq!(keys, [name]);

        client.delete_object(&ops::DeleteObject { bucket: media(), key: key(name), version_id: None }).await.unwrap();
        let error = client.head_object(&head).await.unwrap_err();
        assert_eq!(error.service().map(|error| &error.code), Some(&ErrorCode::NO_SUCH_KEY));
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(!error.is_resumable() && error.request_id().is_some());
    }
}

#[tokio::test]
async fn a_multipart_upload_goes_by_hand_from_initiate_to_complete() {
    let server = Server::start().await;
    let client = server.client(SignatureVersion::V4);
    let upload_id = initiate(&client, "big").await;
    let number = PartNumber::new(1).unwrap();
    let part = ops::UploadPart {
        bucket: media(),
        key: key("big"),
        upload_id: upload_id.clone(),
        part_number: number,
        content_md5: None,
    };
    let etag = client.upload_part(&part, "part").await.unwrap().output.etag.unwrap();
    let list = ops::ListParts {
        bucket: media(),
        key: key("big"),
        upload_id: upload_id.clone(),
        part_number_marker: None,
        max_parts: None,
    };
    assert_eq!(client.list_parts(&list).await.unwrap().output.parts.len(), 1);
    let complete = ops::CompleteMultipartUpload {
        bucket: media(),
        key: key("big"),
        upload_id,
        parts: vec![(number, etag)],
        headers: ObjectHeaders::new(),
    };
    let done = client.complete_multipart_upload(&complete).await.unwrap();
    assert_eq!(done.output.crc64, Some(Crc64::of(b"part")));
    assert_eq!(server.emulator.object_bytes("media", "big").unwrap(), "part");
}

#[tokio::test]
async fn an_open_upload_is_listed_and_aborted() {
    let server = Server::start().await;
    let client = server.client(SignatureVersion::V4);
    let upload_id = initiate(&client, "left").await;
    let list = ops::ListMultipartUploads {
        bucket: media(),
        prefix: None,
        delimiter: None,
        key_marker: None,
        upload_id_marker: None,
        max_uploads: None,
    };
    let uploads = client.list_multipart_uploads(&list).await.unwrap().output.uploads;
    assert_eq!(uploads.iter().map(|upload| &upload.upload_id).collect::<Vec<_>>(), [&upload_id]);
    let abort = ops::AbortMultipartUpload { bucket: media(), key: key("left"), upload_id };
    client.abort_multipart_upload(&abort).await.unwrap();
    assert!(server.emulator.uploads("media").is_empty());
}

async fn initiate(client: &Client, name: &str) -> UploadId {
    let initiate = ops::InitiateMultipartUpload { bucket: media(), key: key(name), headers: ObjectHeaders::new() };
    client.initiate_multipart_upload(&initiate).await.unwrap().output.upload_id
}

#[tokio::test]
async fn a_file_is_uploaded_and_proven() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"123456789").unwrap();
    let request = UploadObjectRequest::new("media", "file", &path);
    let done = server.client(SignatureVersion::V4).resumable_upload_object(request).await.unwrap();
    assert_eq!(done.crc64.get(), 0x995d_c9bb_df19_39fa);
    assert_eq!(server.emulator.object_bytes("media", "file").unwrap(), "123456789");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "only the file is left");
}

#[tokio::test]
async fn a_refused_upload_tells_code_and_request_id() {
    let server = Server::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, b"123456789").unwrap();
    let request = UploadObjectRequest::new("no-such-bucket", "file", &path);
    let error = server.client(SignatureVersion::V4).resumable_upload_object(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(error.service().map(|error| &error.code), Some(&ErrorCode::NO_SUCH_BUCKET));
    assert!(error.request_id().is_some());
    let cause = error.source().expect("the call is behind the upload's words");
    assert_ne!(cause.to_string(), error.to_string());
}

#[tokio::test]
async fn a_presigned_url_needs_credentials_and_a_life_v4_allows() {
    let server = Server::start().await;
    let client = server.client(SignatureVersion::V4);
    let hour = Duration::from_secs(3600);
    let url = client.presign(Method::GET, &media(), &key("a/b"), hour).await.unwrap();
    assert!(url.starts_with(&format!("{}/media/a/b?", server.serving.endpoint())), "{url}");
    let error = client.presign(Method::GET, &media(), &key("a/b"), hour * 24 * 8).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_server_that_is_gone_is_no_reason_to_change_anything() {
    let server = Server::start().await;
    let client = Client::builder()
        .endpoint(server.serving.endpoint())
        .region("cn-hangzhou")
        .credentials(Credentials::new("id", "secret"))
        .retry(oss_client::RetryPolicy { attempts: 1, ..Default::default() })
        .build()
        .unwrap();
    server.serving.shutdown().await;
    let error = client.put_object(&put("x"), "x").await.unwrap_err();
    assert!(error.is_resumable(), "{error:?}");
    assert!(error.service().is_none() && error.upload_id().is_none());
}

#[test]
fn a_client_that_cannot_sign_or_find_its_server_is_not_built() {
    let refused = |builder: oss_client::ClientBuilder| builder.build().unwrap_err();
    assert!(matches!(refused(Client::builder()), Error::NoEndpoint));
    assert!(matches!(refused(Client::builder().endpoint("http://127.0.0.1:9")), Error::NoRegion { .. }));
    assert!(matches!(refused(Client::builder().endpoint("ftp://host").region("cn-x")), Error::Endpoint(_)));
    assert!(matches!(refused(Client::builder().region("oss-cn-hangzhou")), Error::Endpoint(_)));
    assert!(matches!(refused(Client::builder().region("cn-x").ca_file("/no/such.pem")), Error::Tls(_)));
    assert!(matches!(refused(Client::builder().region("cn-x").user_agent("a\nb")), Error::UserAgent));
    let v1 = Client::builder().endpoint("http://127.0.0.1:9").signature_version(SignatureVersion::V1);
    assert_eq!(v1.build().unwrap().region(), "");
    let hinted = Client::builder().endpoint("oss-cn-beijing-internal.aliyuncs.com").build().unwrap();
    assert_eq!(hinted.region(), "cn-beijing");
    assert!(matches!(refused(Client::builder().region("CN HANGZHOU")), Error::Endpoint(_)));
}

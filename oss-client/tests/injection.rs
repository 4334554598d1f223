//! No text of a caller becomes anything but the one value it is for: not another header, parameter, host or object.
//! One test for each way in.

#![expect(clippy::unwrap_used, reason = "the helpers of a test fail it, as the test itself does")]

use http::{HeaderMap, Request, Response, Uri};
use oss_client::ops::{AbortMultipartUpload, DeleteObject, HeadObject, ListMultipartUploads, ListObjectsV2, PutObject};
use oss_client::{
    BoxFuture, Bucket, CallCause, Client, ClientBuilder, Credentials, CredentialsError, ETag, Error, Key, Method,
    ObjectHeaders, Payload, Proxies, ReplyBody, ResponseTimeout, SignatureVersion, Transport, TransportError, UploadId,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What would end a header, a line, a parameter, a path or a host, if it were not taken for what it is.
const HOSTILE: &[&str] = &[
    "a\r\nx-oss-object-acl: public-read",
    "a\nx: y",
    "a\0b",
    "a&uploads&acl=public",
    "a?acl",
    "a#fragment",
    "a b=c;d",
    "a%0d%0ax: y",
    "a%00%26acl",
    "../../other",
    "a/../b//c",
    "a@evil.example",
    "a\u{2028}\u{85}é",
];

/// Keeps what it is given, and answers that there is no such thing.
#[derive(Default)]
struct Recorder(Mutex<Vec<Sent>>);

#[derive(Debug, Clone)]
struct Sent {
    uri: Uri,
    headers: HeaderMap,
}

impl Transport for Recorder {
    fn send(
        &self,
        request: Request<Payload>,
        _: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>> {
        let (head, _) = request.into_parts();
        self.0.lock().unwrap().push(Sent { uri: head.uri, headers: head.headers });
        Box::pin(async { Ok(Response::builder().status(404).body(ReplyBody::bytes("")).unwrap()) })
    }
}

impl Sent {
    /// Names of headers, sorted; some come and go with the kind of reply that is hoped for, none with a value.
    fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The pairs of the query, decoded.
    fn query(&self) -> Vec<(String, String)> {
        let pairs = self.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let split = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        pairs.map(split).collect()
    }

    /// The same request but for the value itself.
    fn assert_shaped_like(&self, plain: &Self, text: &str) {
        assert_eq!(self.uri.authority(), plain.uri.authority(), "{text:?}");
        assert_eq!(self.header_names(), plain.header_names(), "{text:?}");
        let names = |sent: &Self| sent.query().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(self), names(plain), "{text:?}");
        let visible = |bytes: &[u8]| bytes.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
        assert!(visible(self.uri.to_string().as_bytes()), "{text:?}");
        assert!(self.headers.values().all(|value| visible(value.as_bytes())), "{text:?}");
    }
}

fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}

fn builder() -> ClientBuilder {
    Client::builder().endpoint("https://oss.test").region("cn-hangzhou").credentials(Credentials::new("id", "secret"))
}

/// What this call sends, with a client that is made so.
async fn sent<F: AsyncFnOnce(Client)>(builder: ClientBuilder, call: F) -> Sent {
    let recorder = Arc::new(Recorder::default());
    call(builder.transport(recorder.clone()).build().unwrap()).await;
    let mut all = recorder.0.lock().unwrap().clone();
    assert_eq!(all.len(), 1, "one request");
    all.remove(0)
}

/// The value of one parameter of the query, when `call` is given each hostile text.
async fn stays_in_the_query(name: &str, call: impl AsyncFn(Client, String)) {
    for version in [SignatureVersion::V4, SignatureVersion::V1] {
        let ask = async |text: &str| {
            sent(builder().signature_version(version), async |client| call(client, text.to_owned()).await).await
        };
        let plain = ask("plain").await;
        for text in HOSTILE {
            let hostile = ask(text).await;
            hostile.assert_shaped_like(&plain, text);
            assert_eq!(hostile.uri.path(), plain.uri.path(), "{text:?}");
            assert!(hostile.query().contains(&(name.to_owned(), (*text).to_owned())), "{text:?}: {}", hostile.uri);
        }
    }
}

fn bucket() -> Bucket {
    Bucket::new("demo").unwrap()
}

fn key() -> Key {
    Key::new("key").unwrap()
}

fn list() -> ListObjectsV2 {
    ListObjectsV2 {
        bucket: bucket(),
        prefix: None,
        delimiter: None,
        start_after: None,
        continuation_token: None,
        max_keys: None,
        fetch_owner: false,
    }
}

#[test]
fn a_bucket_holds_nothing_but_its_letters() {
    for text in HOSTILE.iter().chain(&["demo.evil", "demo/x", "demo:80", "DEMO", "demo\u{200b}"]) {
        assert!(Bucket::new(*text).is_err(), "{text:?}");
    }
}

#[tokio::test]
async fn a_key_stays_in_the_path() {
    let ask = async |text: &str| {
        let key = Key::new(text).unwrap();
        let delete = DeleteObject { bucket: bucket(), key, version_id: None };
        sent(builder(), async |client| drop(client.delete_object(&delete).await)).await
    };
    let plain = ask("plain").await;
    for text in HOSTILE {
        let hostile = ask(text).await;
        hostile.assert_shaped_like(&plain, text);
        assert_eq!(decode(hostile.uri.path()), format!("/{text}"));
    }
}

#[tokio::test]
async fn a_key_stays_in_the_path_of_a_presigned_url() {
    for text in HOSTILE {
        let client = builder().build().unwrap();
        let key = Key::new(*text).unwrap();
        let url: Uri =
            client.presign(Method::GET, &bucket(), &key, Duration::from_secs(60)).await.unwrap().parse().unwrap();
        assert_eq!((url.host(), decode(url.path())), (Some("demo.oss.test"), format!("/{text}")));
        let names: Vec<_> = url.query().unwrap().split('&').map(|pair| pair.split('=').next().unwrap()).collect();
        assert!(names.iter().all(|name| name.starts_with("x-oss-")), "{names:?}");
    }
}

#[tokio::test]
async fn an_upload_id_is_refused_or_stays_in_the_query() {
    let ask = async |text: &str| {
        let abort = AbortMultipartUpload { bucket: bucket(), key: key(), upload_id: UploadId::new(text).unwrap() };
        sent(builder(), async |client| drop(client.abort_multipart_upload(&abort).await)).await
    };
    let plain = ask("0004B9894A22E5B1888A1E29F8236E2D").await;
    for text in HOSTILE {
        if UploadId::new(*text).is_ok() {
            let hostile = ask(text).await;
            hostile.assert_shaped_like(&plain, text);
            assert_eq!(hostile.query(), [("uploadId".to_owned(), (*text).to_owned())]);
        } else {
            assert!(!text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_version_id_stays_in_the_query() {
    stays_in_the_query("versionId", async |client, text| {
        let head = HeadObject { bucket: bucket(), key: key(), version_id: Some(text) };
        drop(client.head_object(&head).await);
    })
    .await;
}

#[tokio::test]
async fn a_prefix_stays_in_the_query() {
    stays_in_the_query("prefix", async |client, text| {
        drop(client.list_objects_v2(&ListObjectsV2 { prefix: Some(text), ..list() }).await);
    })
    .await;
}

#[tokio::test]
async fn a_delimiter_stays_in_the_query() {
    stays_in_the_query("delimiter", async |client, text| {
        drop(client.list_objects_v2(&ListObjectsV2 { delimiter: Some(text), ..list() }).await);
    })
    .await;
}

#[tokio::test]
async fn a_start_stays_in_the_query() {
    stays_in_the_query("start-after", async |client, text| {
        drop(client.list_objects_v2(&ListObjectsV2 { start_after: Some(text), ..list() }).await);
    })
    .await;
}

#[tokio::test]
async fn a_servers_continuation_token_stays_in_the_query() {
    stays_in_the_query("continuation-token", async |client, text| {
        drop(client.list_objects_v2(&ListObjectsV2 { continuation_token: Some(text), ..list() }).await);
    })
    .await;
}

#[tokio::test]
async fn a_servers_markers_stay_in_the_query() {
    let list = |key_marker, upload_id_marker| ListMultipartUploads {
        bucket: bucket(),
        prefix: None,
        delimiter: None,
        key_marker,
        upload_id_marker,
        max_uploads: None,
    };
    stays_in_the_query("key-marker", async |client, text| {
        drop(client.list_multipart_uploads(&list(Some(text), None)).await);
    })
    .await;
    stays_in_the_query("upload-id-marker", async |client, text| {
        drop(client.list_multipart_uploads(&list(Some("k".into()), Some(text))).await);
    })
    .await;
}

#[test]
fn an_etag_is_one_line_without_quotes() {
    for text in ["a\r\nx: y", "a\nb", "a\0b", "a\"b"] {
        assert!(ETag::new(text).is_err(), "{text:?}");
    }
}

#[test]
fn an_object_header_is_one_line_with_a_known_name() {
    let mut headers = ObjectHeaders::new();
    for text in HOSTILE.iter().filter(|text| text.chars().any(char::is_control)) {
        assert!(headers.set("cache-control", text).is_err(), "{text:?}");
        assert!(headers.set("x-oss-meta-name", text).is_err(), "{text:?}");
        assert!(headers.set(&format!("x-oss-meta-{text}"), "value").is_err(), "{text:?}");
    }
    for name in ["host", "authorization", "content-length", "transfer-encoding", "x-oss-security-token", "a b", ""] {
        assert!(headers.set(name, "value").is_err(), "{name:?}");
    }
    assert!(headers.is_empty());
}

#[tokio::test]
async fn a_tag_stays_one_tag() {
    for text in HOSTILE {
        let mut headers = ObjectHeaders::new();
        if headers.add_tag("name", text).is_err() {
            continue;
        }
        let put = PutObject { bucket: bucket(), key: key(), headers, content_md5: None };
        let request = sent(builder(), async |client| drop(client.put_object(&put, "").await)).await;
        let tagging = request.headers["x-oss-tagging"].to_str().unwrap();
        assert_eq!(tagging.split('&').count(), 1, "{tagging}");
        assert_eq!(decode(tagging.strip_prefix("name=").unwrap()), *text);
    }
}

#[test]
fn a_region_holds_nothing_but_its_letters() {
    for text in HOSTILE.iter().chain(&["oss-cn-hangzhou", "cn-hangzhou.evil", "cn-hangzhou/x", "cn:1"]) {
        let built = Client::builder().region(*text).build();
        assert!(matches!(built, Err(Error::Endpoint(_))), "{text:?}");
        let built = builder().region(*text).build();
        assert!(matches!(built, Err(Error::Endpoint(_))), "{text:?}");
    }
}

#[test]
fn an_endpoint_is_a_host_and_a_port() {
    for text in HOSTILE {
        for spelled in [(*text).to_owned(), format!("https://{text}"), format!("https://oss.test:{text}")] {
            let built = builder().endpoint(spelled).build();
            assert!(matches!(built, Err(Error::Endpoint(_))), "{text:?}");
        }
    }
}

#[test]
fn a_user_agent_is_one_line() {
    for text in HOSTILE.iter().filter(|text| text.bytes().any(|byte| byte.is_ascii_control())) {
        assert!(matches!(builder().user_agent(*text).build(), Err(Error::UserAgent)), "{text:?}");
    }
}

#[test]
fn a_proxy_is_a_host_and_a_port_and_its_user_one_word() {
    for text in HOSTILE.iter().filter(|text| !text.contains('@')) {
        assert!(Proxies::parse(&format!("http://{text}")).is_err(), "{text:?}");
        assert!(Proxies::parse(&format!("http://proxy:{text}")).is_err(), "{text:?}");
    }
    for text in HOSTILE.iter().filter(|text| text.chars().any(char::is_control)) {
        assert!(Proxies::parse(&format!("http://me:{text}@proxy")).is_err(), "{text:?}");
    }
}

#[tokio::test]
async fn credentials_stay_in_their_headers() {
    for version in [SignatureVersion::V4, SignatureVersion::V1] {
        let with = |id: &str, token: &str| {
            let credentials = Credentials::new(id, "secret").with_security_token(token);
            builder().signature_version(version).credentials(credentials)
        };
        let head = HeadObject { bucket: bucket(), key: key(), version_id: None };
        let ask = async |client: Client| client.head_object(&head).await;
        let plain = sent(with("plain", "plain"), async |client| drop(ask(client).await)).await;
        for text in HOSTILE {
            for builder in [with(text, "plain"), with("plain", text)] {
                if text.contains(|character: char| character.is_ascii_control()) {
                    let recorder = Arc::new(Recorder::default());
                    let client = builder.transport(recorder.clone()).build().unwrap();
                    let Error::Call(error) = ask(client).await.unwrap_err() else { panic!("{text:?}") };
                    let refused = matches!(error.cause, CallCause::Credentials(CredentialsError::Invalid(_)));
                    assert!(refused, "{text:?}: {error}");
                    assert_eq!(recorder.0.lock().unwrap().len(), 0, "{text:?}: nothing is asked");
                } else {
                    sent(builder, async |client| drop(ask(client).await)).await.assert_shaped_like(&plain, text);
                }
            }
        }
    }
}

#[test]
fn a_network_and_an_endpoint_are_not_mixed() {
    use oss_client::Network;
    assert!(matches!(builder().network(Network::Internal).build(), Err(Error::TwoEndpoints)));
    assert!(matches!(Client::builder().network(Network::Accelerate).build(), Err(Error::NoEndpoint)));
    let client = Client::builder().region("cn-hangzhou").network(Network::Accelerate).build().unwrap();
    assert_eq!(client.endpoint().to_string(), "https://oss-accelerate.aliyuncs.com");
    assert_eq!(client.endpoint().region_hint(), None);
}

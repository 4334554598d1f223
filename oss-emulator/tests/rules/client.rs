//! A client that signs with V4 and shows the whole answer.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use oss_emulator::{Builder, Dropped, Emulator};
use oss_proto::xml::{self, Element};
use oss_sign::{Credentials, Resource, Signer, encode_path, encode_query};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const BUCKET: &str = "media";

pub(crate) struct Client {
    pub(crate) emulator: Emulator,
    pub(crate) signer: Signer,
    pub(crate) credentials: Credentials,
    pub(crate) time: u64,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// One request, unsigned.
#[derive(Clone)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) query: Vec<(String, Option<String>)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) fn ask(method: Method, key: impl Into<Option<&'static str>>) -> Ask {
    Ask {
        method,
        bucket: Some(BUCKET.to_owned()),
        key: key.into().map(str::to_owned),
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
    }
}

pub(crate) fn get(key: &'static str) -> Ask {
    ask(Method::GET, key)
}

pub(crate) fn head(key: &'static str) -> Ask {
    ask(Method::HEAD, key)
}

pub(crate) fn put(key: &'static str, body: impl Into<Bytes>) -> Ask {
    ask(Method::PUT, key).body(body)
}

pub(crate) fn delete(key: &'static str) -> Ask {
    ask(Method::DELETE, key)
}

/// A request of the bucket itself.
pub(crate) fn list(method: Method) -> Ask {
    ask(method, None)
}

impl Ask {
    pub(crate) fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    pub(crate) fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), Some(value.to_string())));
        self
    }

    pub(crate) fn bare(mut self, name: &str) -> Self {
        self.query.push((name.to_owned(), None));
        self
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn resource(&self) -> Resource<'_> {
        Resource { method: &self.method, bucket: self.bucket.as_deref(), key: self.key.as_deref(), query: &self.query }
    }

    /// The request as it goes over the wire, in the virtual-host style, with what headers it has.
    pub(crate) fn request(self) -> Request<Full<Bytes>> {
        let host = self.bucket.as_ref().map_or("localhost".to_owned(), |bucket| format!("{bucket}.localhost"));
        let path = encode_path(&format!("/{}", self.key.as_deref().unwrap_or_default()));
        let query = encode_query(&self.query);
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = format!("{path}{mark}{query}").parse().unwrap();
        *request.headers_mut() = self.headers;
        request.headers_mut().insert("host", HeaderValue::from_str(&host).unwrap());
        request.headers_mut().entry("content-length").or_insert(HeaderValue::from(self.body.len()));
        request
    }
}

pub(crate) fn builder() -> Builder {
    Emulator::builder().credentials("ak", "secret").bucket(BUCKET)
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Client {
    pub(crate) fn new(builder: Builder) -> Self {
        Self::of(builder.build().unwrap())
    }

    pub(crate) fn of(emulator: Emulator) -> Self {
        let credentials = Credentials::new("ak", "secret");
        Self { emulator, signer: Signer::v4("cn-hangzhou"), credentials, time: now() }
    }

    pub(crate) fn sign(&self, mut ask: Ask) -> Ask {
        let mut headers = std::mem::take(&mut ask.headers);
        self.signer.sign(ask.resource(), &mut headers, &self.credentials, self.time);
        Ask { headers, ..ask }
    }

    pub(crate) async fn try_send(&self, ask: Ask) -> Result<Answer, Dropped> {
        self.try_raw(self.sign(ask).request()).await
    }

    pub(crate) async fn try_raw(&self, request: Request<Full<Bytes>>) -> Result<Answer, Dropped> {
        let (head, body) = self.emulator.handle(request).await?.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.try_send(ask).await.unwrap()
    }

    pub(crate) async fn put(&self, key: &str, body: &[u8]) -> Answer {
        let answer = self.send(put("", body.to_vec()).key(key)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    pub(crate) async fn initiate(&self, key: &'static str) -> String {
        let answer = self.send(ask(Method::POST, key).bare("uploads")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("UploadId")
    }

    pub(crate) async fn part(&self, key: &'static str, id: &str, number: u32, body: &[u8]) -> Answer {
        self.send(part(key, id, number, body)).await
    }

    pub(crate) async fn complete(&self, key: &'static str, id: &str, parts: &[(u32, String)]) -> Answer {
        self.send(complete(key, id, parts)).await
    }
}

pub(crate) fn part(key: &'static str, id: &str, number: u32, body: &[u8]) -> Ask {
    put(key, body.to_vec()).query("partNumber", number).query("uploadId", id)
}

pub(crate) fn complete(key: &'static str, id: &str, parts: &[(u32, String)]) -> Ask {
    let mut writer = xml::Writer::new("CompleteMultipartUpload");
    for (number, etag) in parts {
        writer.element("Part", |part| {
            part.text("PartNumber", number);
            part.text("ETag", etag);
        });
    }
    ask(Method::POST, key).query("uploadId", id).body(writer.finish())
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }

    pub(crate) fn crc64(&self) -> u64 {
        self.header("x-oss-hash-crc64ecma").unwrap().parse().unwrap()
    }

    pub(crate) fn xml(&self) -> Element<'_> {
        xml::parse(&self.body).unwrap()
    }

    /// The text of an element under the root.
    pub(crate) fn text(&self, name: &str) -> String {
        self.xml().text_of(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_owned()
    }

    /// Status and error code.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.text("Code"))
    }

    /// `field` of every `element` under the root.
    pub(crate) fn each(&self, element: &str, field: &str) -> Vec<String> {
        self.xml().children_named(element).map(|one| one.text_of(field).unwrap().to_owned()).collect()
    }
}

pub(crate) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

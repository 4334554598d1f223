//! A service in this process: answers as a test says, and remembers what it was asked.

use crate::{BoxFuture, Payload, ReplyBody, ResponseTimeout, Transport, TransportError};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use std::sync::{Arc, Mutex};

pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Asked {
    /// The decoded value of a pair of the query or the form.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').chain(self.body.split('&'));
        let text = pairs.filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?.1;
        let mut bytes = Vec::new();
        let mut rest = text.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                }
                byte => bytes.push(byte),
            }
        }
        Some(String::from_utf8(bytes).unwrap())
    }

    pub(super) fn path(&self) -> &str {
        self.url.split_once("://").map_or("", |(_, rest)| &rest[rest.find('/').unwrap()..])
    }
}

/// Status and body; `None` never answers.
pub(super) type Answer = Option<(u16, String)>;

#[derive(Clone)]
pub(super) struct Desk {
    answer: Arc<dyn Fn(&Asked) -> Answer + Send + Sync>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Desk {
    pub(super) fn new(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default() }
    }

    pub(super) fn answer(&self, asked: &Asked) -> Answer {
        (self.answer)(asked)
    }

    /// Nobody is there.
    pub(super) fn silent() -> Self {
        Self::new(|_| None)
    }

    pub(super) fn asked(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap()
    }
}

impl Transport for Desk {
    fn send(
        &self,
        request: Request<Payload>,
        _: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
            let asked = Asked { method: head.method, url: head.uri.to_string(), headers: head.headers, body };
            let answer = (self.answer)(&asked);
            self.asked().push(asked);
            let Some((status, body)) = answer else { return std::future::pending().await };
            Ok(Response::builder().status(status).body(ReplyBody::bytes(body)).unwrap())
        })
    }
}

/// Credentials as these services write them, good for an hour from 2030 on (and much longer by today's clock).
pub(super) fn wire(id: &str) -> String {
    format!(
        r#"{{"AccessKeyId": "{id}", "AccessKeySecret": "sts-secret", "SecurityToken": "sts-token",
        "Expiration": "2099-01-01T00:00:00Z", "Code": "Success"}}"#
    )
}

/// The reply of STS around them.
pub(super) fn sts_reply(id: &str) -> String {
    format!(r#"{{"RequestId": "R1", "AssumedRoleUser": {{"Arn": "x"}}, "Credentials": {}}}"#, wire(id))
}

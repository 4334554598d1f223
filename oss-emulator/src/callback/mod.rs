//! The callback: once an object is stored, OSS posts what was asked for to the server that was named, and its answer
//! takes the place of OSS's own.

mod message;
mod post;

use crate::call::Call;
use crate::emulator::Shared;
use crate::refusal::Refusal;
use crate::reply::{Reply, ReplyBody};
use bytes::Bytes;
use message::Message;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// OSS waits no longer, and does not ask again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What OSS posts to a callback server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackRequest {
    /// Where to.
    pub url: String,
    /// `application/x-www-form-urlencoded` or `application/json`.
    pub content_type: String,
    /// `callbackBody` with its variables filled in.
    pub body: String,
}

/// Answers callbacks inside a test: status and body.
#[derive(Clone)]
pub(crate) struct CallbackServer(Arc<Serve>);

type Serve = dyn Fn(&CallbackRequest) -> (u16, String) + Send + Sync;

impl CallbackServer {
    pub(crate) fn new(serve: impl Fn(&CallbackRequest) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(serve))
    }
}

impl fmt::Debug for CallbackServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackServer")
    }
}

/// A callback that was asked for.
#[derive(Debug)]
pub(crate) struct Callback(Message);

impl Callback {
    /// Of a request that publishes an object; what cannot be made is refused before anything is done.
    pub(crate) fn of(call: &Call) -> Result<Option<Self>, Refusal> {
        if !call.operation.publishes() {
            return Ok(None);
        }
        let said = |header: &str, parameter: &str| call.header(header).or_else(|| call.parameter(parameter));
        match said("x-oss-callback", "callback") {
            None => Ok(None),
            Some(callback) => Message::read(callback, said("x-oss-callback-var", "callback-var")).map(Self).map(Some),
        }
    }

    /// Makes it, and lets its answer take the place of the reply; a failure is 203, and the object stands.
    pub(crate) async fn make(self, shared: &Shared, call: &About, reply: Reply) -> Result<Reply, Refusal> {
        match self.ask(shared, call).await {
            Ok(answer) => Ok(reply.with("content-type", "application/json").with_body(ReplyBody::whole(answer))),
            Err(reason) => Err(Refusal::new(203, "CallbackFailed", reason)),
        }
    }

    async fn ask(&self, shared: &Shared, about: &About) -> Result<Bytes, String> {
        let object = shared.shelf.read(&about.bucket, |bucket| bucket.object(&about.key));
        let object = object.map_err(|_| "The object is gone.".to_owned())?;
        let mut last = Err("No URL was named.".to_owned());
        for request in self.0.requests(about, &object.record) {
            let answer = match &shared.callbacks {
                Some(server) => Ok((server.0)(&request)).map(|(status, body)| (status, Bytes::from(body))),
                None => match tokio::time::timeout(PATIENCE, post::post(&request)).await {
                    Ok(answer) => answer,
                    Err(_) => Err("Response time out.".to_owned()),
                },
            };
            last = answer.and_then(|(status, body)| judge(status, body));
            if last.is_ok() {
                break;
            }
        }
        last
    }
}

/// The request a callback tells of.
#[derive(Debug)]
pub(crate) struct About {
    bucket: String,
    key: String,
    operation: &'static str,
    request_id: String,
}

impl About {
    pub(crate) fn new(call: &Call, request_id: &str) -> Self {
        Self {
            bucket: call.bucket().to_owned(),
            key: call.key().to_owned(),
            operation: call.operation.name(),
            request_id: request_id.to_owned(),
        }
    }
}

fn judge(status: u16, body: Bytes) -> Result<Bytes, String> {
    if status != 200 {
        return Err(format!("Error status : {status}."));
    }
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(_) => Ok(body),
        Err(_) => Err("Response body is not valid json format.".to_owned()),
    }
}

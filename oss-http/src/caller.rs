use crate::clock::{self, ClockOffset};
use crate::credentials;
use crate::request_headers::{REQUEST_PAYER, RequestHeaders};
use crate::retry::Attempts;
use crate::trace;
use crate::{
    CallCause, CallError, CredentialsProvider, Endpoint, Fault, Payload, ReplyBody, ResponseTimeout, RetryPolicy,
    Transport,
};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, HOST, USER_AGENT};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use oss_proto::ops::{GetObject, ObjectHead};
use oss_proto::{Bucket, ErrorCode, Key, Operation, Reply, Request, ServiceError};
use oss_sign::{Credentials, Resource, Signer};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Makes signed calls to one endpoint. A clone is the same caller: they share clock offset, connections, credentials.
#[derive(Clone)]
pub struct Caller {
    inner: Arc<Inner>,
    /// Its own, not shared.
    pub(crate) headers: RequestHeaders,
}

struct Inner {
    endpoint: Endpoint,
    signer: Signer,
    credentials: Arc<dyn CredentialsProvider>,
    transport: Arc<dyn Transport>,
    retry: RetryPolicy,
    user_agent: HeaderValue,
    offset: ClockOffset,
}

/// What an operation answered, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<T> {
    /// The typed reply.
    pub output: T,
    /// `x-oss-request-id`.
    pub request_id: Option<String>,
    /// The reply's `Date`, Unix seconds: the server's clock.
    pub date: Option<u64>,
}

/// Puts a [`Caller`] together.
pub struct CallerBuilder(Inner);

impl Caller {
    /// A caller of `endpoint`, with the default [`RetryPolicy`] and user agent.
    pub fn builder(
        endpoint: Endpoint,
        signer: Signer,
        credentials: Arc<dyn CredentialsProvider>,
        transport: Arc<dyn Transport>,
    ) -> CallerBuilder {
        CallerBuilder(Inner {
            endpoint,
            signer,
            credentials,
            transport,
            retry: RetryPolicy::default(),
            user_agent: HeaderValue::from_static(concat!("oss-http/", env!("CARGO_PKG_VERSION"))),
            offset: ClockOffset::default(),
        })
    }

    /// The server this caller asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// How far the server's clock is known to be ahead of the local one, in seconds.
    pub fn clock_offset(&self) -> i64 {
        self.inner.offset.seconds()
    }

    /// Exactly one attempt: credentials, signature with the time of now, request, reply read whole (16 MiB), parsed.
    ///
    /// `payload` is the object's data. An empty one is replaced by the operation's own body (XML), if it has one.
    /// A clock offset is learnt and credentials are invalidated here; whether to try again is up to the caller.
    ///
    /// # Errors
    /// [`CallError`]; decide by [`CallError::fault`].
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection; what was sent may still take effect on the server.
    pub async fn attempt<O: Operation>(&self, op: &O, payload: Payload) -> Result<Answered<O::Output>, CallError> {
        let mut call = self.begin(O::NAME, self.headers.on(op), payload).await?;
        let reply = call.read_reply().await?;
        let answered = call.answered(&reply.headers);
        match op.parse(&reply) {
            Ok(output) => {
                call.trace.succeeded(reply.status, &reply.headers);
                Ok(answered(output))
            }
            Err(error) => {
                let error = call.failed(error.into());
                call.trace.explain(&error, &reply.body);
                Err(error)
            }
        }
    }

    /// Attempts until one succeeds, the fault is final, or the [`RetryPolicy`] is used up; then the last error.
    ///
    /// When the outcome is unknown, idempotent operations are repeated; InitiateMultipartUpload and
    /// CompleteMultipartUpload are not: they return with [`Fault::OutcomeUnknown`].
    ///
    /// # Errors
    /// [`CallError`] of the last attempt.
    ///
    /// # Cancel safety
    /// As [`attempt`](Self::attempt).
    pub async fn call<O: Operation>(&self, op: &O, body: Bytes) -> Result<Answered<O::Output>, CallError> {
        self.repeat(O::NAME, || self.attempt(op, Payload::bytes(body.clone()))).await
    }

    /// Opens an object for reading: attempts, as in [`call`](Self::call), until its head is accepted; the data
    /// comes in the body, which is not retried.
    ///
    /// # Errors
    /// [`CallError`] of the last attempt.
    ///
    /// # Cancel safety
    /// Dropping the future or the body closes the connection.
    pub async fn open(&self, op: &GetObject) -> Result<(Answered<ObjectHead>, ReplyBody), CallError> {
        self.repeat(GetObject::NAME, || self.open_once(op)).await
    }

    /// The URL by which anyone may do `method` on an object for `expires` from now (by the server's clock, as far as
    /// it is known), signed with the credentials of now; temporary credentials end it earlier. No request is made.
    ///
    /// # Errors
    /// [`CallError`] without credentials, or when V4 does not allow so long a life (7 days).
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn presign(
        &self,
        method: Method,
        bucket: &Bucket,
        key: &Key,
        expires: Duration,
    ) -> Result<String, CallError> {
        const NAME: &str = "presign";
        let inner = &self.inner;
        let failed = |cause| CallError::new(NAME, inner.endpoint.host(), cause);
        let credentials =
            credentials::usable(&*inner.credentials).await.map_err(|e| failed(CallCause::Credentials(e)))?;
        let payer =
            self.headers.requester_pays().then(|| (REQUEST_PAYER.0.to_owned(), Some(REQUEST_PAYER.1.to_owned())));
        let query = Vec::from_iter(payer);
        let (bucket_name, key_name) = (Some(bucket.as_str()), Some(key.as_str()));
        let resource = Resource { method: &method, bucket: bucket_name, key: key_name, query: &query };
        let time = clock::now().saturating_add_signed(inner.offset.seconds());
        let query = inner
            .signer
            .presign(resource, &HeaderMap::new(), &credentials, time, expires)
            .map_err(|e| failed(CallCause::Presign(e)))?;
        let (uri, _) =
            inner.endpoint.url(Some(bucket), Some(key), &query).map_err(|e| failed(CallCause::Endpoint(e)))?;
        Ok(uri.to_string())
    }

    async fn open_once(&self, op: &GetObject) -> Result<(Answered<ObjectHead>, ReplyBody), CallError> {
        let mut call = self.begin(GetObject::NAME, self.headers.on(op), Payload::empty()).await?;
        if !call.status().is_success() {
            let reply = call.read_reply().await?;
            let error = op.parse(&reply).err().map(CallCause::from);
            let error = call.failed(error.unwrap_or_else(|| status_without_error(&reply)));
            call.trace.explain(&error, &reply.body);
            return Err(error);
        }
        let body = call.take_body();
        let head = Reply { status: call.status(), headers: call.head.headers().clone(), body: Bytes::new() };
        let answered = call.answered(&head.headers);
        match op.parse(&head) {
            Ok(output) => {
                call.trace.succeeded(head.status, &head.headers);
                Ok((answered(output), body))
            }
            Err(error) => Err(call.failed(error.into())),
        }
    }

    async fn repeat<T, F>(&self, name: &'static str, mut attempt: impl FnMut() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let start = Instant::now();
        let mut attempts = Attempts::new(self.inner.retry, name);
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match attempts.next_delay(&error.fault(), start.elapsed(), fastrand::f64()) {
                Some(delay) => {
                    tracing::debug!(operation = name, ?delay, "trying again");
                    tokio::time::sleep(delay).await;
                }
                None => return Err(error),
            }
        }
    }

    /// Signs and sends; returns with the reply's head.
    async fn begin(&self, name: &'static str, mut request: Request, payload: Payload) -> Result<Call<'_>, CallError> {
        let inner = &*self.inner;
        let (bucket, key) = (request.bucket.as_ref(), request.key.as_ref());
        let (uri, host) = inner
            .endpoint
            .url(bucket, key, &request.query)
            .map_err(|error| CallError::new(name, inner.endpoint.host(), CallCause::Endpoint(error)))?;
        let host_name = uri.authority().cloned();
        let failed = |cause| CallError::new(name, text_of(host_name.as_ref()), cause);
        let credentials =
            credentials::usable(&*inner.credentials).await.map_err(|e| failed(CallCause::Credentials(e)))?;

        let payload =
            if payload.remaining() == 0 { Payload::bytes(std::mem::take(&mut request.body)) } else { payload };
        let offset = inner.offset.seconds();
        inner.prepare(&mut request, host, &payload, &credentials, offset);
        let trace = trace::Attempt::begin(name, host_name.as_ref(), &request, &credentials, payload.remaining());
        let mut message = http::Request::new(payload);
        *message.method_mut() = request.method;
        *message.uri_mut() = uri;
        *message.headers_mut() = request.headers;

        let timeout = match name {
            "CompleteMultipartUpload" => ResponseTimeout::Complete,
            _ => ResponseTimeout::Usual,
        };
        let reply = inner.transport.send(message, timeout).await.map_err(|error| {
            let error = failed(error.into());
            trace.failed(&error);
            error
        })?;
        let (parts, body) = reply.into_parts();
        Ok(Call {
            inner,
            name,
            host: host_name,
            credentials,
            offset,
            trace,
            head: Response::from_parts(parts, ()),
            body: Some(body),
        })
    }
}

impl Inner {
    /// Everything the server sees beside the operation's own headers; the signature last, with the time of now.
    fn prepare(&self, request: &mut Request, host: HeaderValue, payload: &Payload, keys: &Credentials, offset: i64) {
        let headers = &mut request.headers;
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, self.user_agent.clone());
        // A PUT or POST without a body says so, else OSS answers 411.
        if payload.remaining() > 0 || matches!(request.method, Method::PUT | Method::POST) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(payload.remaining()));
        }
        let resource = Resource {
            method: &request.method,
            bucket: request.bucket.as_ref().map(Bucket::as_str),
            key: request.key.as_ref().map(Key::as_str),
            query: &request.query,
        };
        let time = clock::now().saturating_add_signed(offset);
        self.signer.sign(resource, headers, keys, time);
    }
}

/// One attempt whose head has come.
struct Call<'a> {
    inner: &'a Inner,
    name: &'static str,
    host: Option<Authority>,
    /// What it was signed with.
    credentials: Credentials,
    /// The clock offset it was signed with.
    offset: i64,
    trace: trace::Attempt,
    head: Response<()>,
    body: Option<ReplyBody>,
}

impl Call<'_> {
    fn status(&self) -> StatusCode {
        self.head.status()
    }

    fn take_body(&mut self) -> ReplyBody {
        self.body.take().expect("the body is taken once")
    }

    async fn read_reply(&mut self) -> Result<Reply, CallError> {
        let body = self.take_body().read_reply().await;
        let body = body.map_err(|error| self.failed(error.into()))?;
        Ok(Reply { status: self.status(), headers: std::mem::take(self.head.headers_mut()), body })
    }

    fn answered<T>(&self, headers: &HeaderMap) -> impl FnOnce(T) -> Answered<T> + use<T> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text("x-oss-request-id").map(str::to_owned);
        let date = text(DATE.as_str()).and_then(clock::from_http_date);
        move |output| Answered { output, request_id, date }
    }

    /// The error of this attempt, after learning from it what later attempts need.
    fn failed(&self, cause: CallCause) -> CallError {
        let temporary = self.credentials.security_token().is_some();
        let error = CallError { operation: self.name, host: text_of(self.host.as_ref()), cause, temporary };
        match error.fault() {
            Fault::ClockSkew => {
                let server = error.service().and_then(|error| error.server_time);
                self.inner.offset.learn(self.offset, server, clock::now());
            }
            Fault::CredentialsExpired => self.inner.credentials.invalidate(&self.credentials),
            _ => {}
        }
        self.trace.failed(&error);
        error
    }
}

fn text_of(host: Option<&Authority>) -> String {
    host.map_or_else(String::new, ToString::to_string)
}

/// The operation took a non-success for its reply: it is not one of an open object.
fn status_without_error(reply: &Reply) -> CallCause {
    CallCause::Service(Box::new(ServiceError {
        status: reply.status,
        code: ErrorCode::BAD_ERROR_RESPONSE,
        message: "no error came with this status".to_owned(),
        request_id: None,
        host_id: None,
        ec: None,
        recommend_doc: None,
        endpoint: None,
        part_number: None,
        server_time: None,
        retry_after: None,
    }))
}

impl CallerBuilder {
    /// How long [`Caller::call`] and [`Caller::open`] go on.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.0.retry = policy;
        self
    }

    /// What the server's log calls this program; the default is this crate and its version.
    #[must_use]
    pub fn user_agent(mut self, name: HeaderValue) -> Self {
        self.0.user_agent = name;
        self
    }

    /// The caller.
    pub fn build(self) -> Caller {
        Caller { inner: Arc::new(self.0), headers: RequestHeaders::default() }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.describe("Caller", f)
    }
}

impl fmt::Debug for CallerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("CallerBuilder", f)
    }
}

impl Inner {
    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("endpoint", &format_args!("{}", self.endpoint))
            .field("signer", &self.signer)
            .field("credentials", &self.credentials)
            .field("retry", &self.retry)
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

//! The path of one request: understand, fault, authenticate, receive, apply, answer.

use crate::addressing::{decode_query, locate};
use crate::authenticate::{Access, claimed_id};
use crate::call::Call;
use crate::callback::{About, Callback, CallbackServer};
use crate::clock::{Clock, http_date};
use crate::faults::{FaultScript, Seen};
use crate::ledger::{Ledger, LedgerEntry, Line};
use crate::link::Shaping;
use crate::receive::{self, Broken, Incoming};
use crate::refusal::Refusal;
use crate::reply::{Reply, ReplyBody};
use crate::store::{Received, Shelf};
use crate::{Builder, Fault, Operation, ops};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header, request};
use http_body::Body;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An OSS server in this process. Clones are the same server.
///
/// Requests come in by [`handle`](Emulator::handle) or over sockets by [`serve`](Emulator::serve); tests look at the
/// [`ledger`](Emulator::ledger) and into the store beside it.
#[derive(Debug, Clone)]
pub struct Emulator {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) shelf: Shelf,
    pub(crate) clock: Clock,
    pub(crate) access: Access,
    pub(crate) base_hosts: Vec<String>,
    pub(crate) auto_create_buckets: bool,
    pub(crate) body_timeout: Option<Duration>,
    pub(crate) callbacks: Option<CallbackServer>,
    pub(crate) shaping: Option<Shaping>,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Mutex<FaultScript>,
}

/// There is no reply: the connection broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connection broke before the reply: {reason}")]
pub struct Dropped {
    reason: &'static str,
}

impl Dropped {
    pub(crate) fn by_script() -> Self {
        Self { reason: "a scripted fault" }
    }

    pub(crate) fn by_client() -> Self {
        Self { reason: "the request's body ended with an error" }
    }
}

impl Emulator {
    /// An emulator with the default settings of [`Builder`], to be changed before it is built.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Handles one request, whose bucket is read from `Host` (or the URI's authority) and path.
    ///
    /// The body of a PutObject or UploadPart goes to the store piece by piece and is visible only once it came whole; the
    /// reply's body is read from there as it is polled. A store on disk needs a tokio runtime.
    ///
    /// # Errors
    /// [`Dropped`] when there is no reply: a scripted fault cut the connection, or the request's body ended with an error.
    /// Everything OSS would answer, also its errors, is `Ok`.
    ///
    /// # Cancel safety
    /// A dropped future is a client that went away: the request was applied wholly or not at all.
    pub async fn handle<B>(&self, request: Request<B>) -> Result<Response<ReplyBody>, Dropped>
    where
        B: Body<Data = Bytes> + Send,
    {
        let (head, body) = request.into_parts();
        let body = pin!(body);
        let mut body = Incoming::new(body);
        let request_id = random_hex(24);
        let (mut call, misplaced) = self.understand(head);
        let line = Arc::new(self.shared.ledger.write(entry(&call)));
        call.fault = self.lock_faults().take(seen(&call));
        line.note(|entry| entry.fault = call.fault.as_ref().map(Fault::name));
        let fault = call.fault.clone();
        let head = call.method == http::Method::HEAD;
        let authority = call.authority.clone();
        let outcome = match self.before(&fault).await? {
            Some(Injected::Reply(reply)) => Ok(reply),
            Some(Injected::Refusal(refusal)) => Err(refusal),
            None => match self.answer(call, misplaced, &line, &mut body, &request_id).await {
                Ok(reply) => Ok(reply),
                Err(Broken::Refused(refusal)) => Err(refusal),
                Err(Broken::Dropped(dropped)) => return Err(dropped),
            },
        };
        receive::drain(&mut body, &self.shared, &line).await;
        let reply = match after(&fault, outcome).await? {
            Ok(reply) => reply,
            Err(refusal) => {
                line.note(|entry| entry.code = Some(refusal.code.as_str().to_owned()));
                refusal.reply(&request_id, &authority, head)
            }
        };
        let mut reply = error_in_200(&fault, reply, &request_id, &authority);
        if head {
            reply.fill_length();
            reply.body = ReplyBody::default();
        }
        line.note(|entry| entry.status = Some(reply.status.as_u16()));
        Ok(self.seal(reply, &request_id))
    }

    /// Reads what the request is; when its address is none, the refusal comes beside it, so that the ledger has it anyway.
    fn understand(&self, head: request::Parts) -> (Call, Option<Refusal>) {
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let authority = host.or(head.uri.authority().map(http::uri::Authority::as_str)).unwrap_or_default().to_owned();
        let known = |name: &str| self.shared.shelf.lock().contains_key(name);
        let located = locate(&authority, head.uri.path(), &self.shared.base_hosts, known);
        let query = decode_query(head.uri.query().unwrap_or_default());
        let (bucket, key, misplaced) = match located {
            Ok(address) => {
                let forbidden = address.forbidden_style.then(|| {
                    Refusal::new(
                        403,
                        "SecondLevelDomainForbidden",
                        "The bucket you are attempting to access must be addressed using OSS third level domain.",
                    )
                });
                (address.bucket, address.key, forbidden)
            }
            Err(refusal) => (None, None, Some(refusal)),
        };
        let copies = head.headers.contains_key("x-oss-copy-source");
        let operation = match misplaced {
            Some(_) => Operation::Other,
            None => Operation::recognise(&head.method, bucket.is_some(), key.is_some(), &query, copies),
        };
        let (method, headers) = (head.method, head.headers);
        (Call { operation, method, bucket, key, query, headers, authority, signed: false, fault: None }, misplaced)
    }

    /// Faults that come before the request is looked at.
    async fn before(&self, fault: &Option<Fault>) -> Result<Option<Injected>, Dropped> {
        Ok(Some(match fault {
            Some(Fault::DropBefore) => return Err(Dropped::by_script()),
            Some(Fault::Stall(until)) => {
                until.wait().await;
                return Ok(None);
            }
            Some(Fault::Hook(hook)) => {
                hook.run(self);
                return Ok(None);
            }
            Some(Fault::ClockOffset(seconds)) => {
                self.shared.clock.shift(*seconds);
                return Ok(None);
            }
            Some(Fault::Status(status, code)) => Injected::Refusal(scripted(*status, code)),
            Some(Fault::WrongEndpoint(endpoint)) => Injected::Refusal(elsewhere(endpoint)),
            Some(Fault::Throttle(wait)) => Injected::Reply(throttled(*wait)),
            Some(Fault::Html(status)) => Injected::Reply(proxy_page(*status)),
            Some(Fault::ErrorIn200(code)) => Injected::Refusal(scripted(200, code)),
            _ => return Ok(None),
        }))
    }

    async fn answer<B>(
        &self,
        mut call: Call,
        misplaced: Option<Refusal>,
        line: &Arc<Line>,
        body: &mut Incoming<'_, B>,
        request_id: &str,
    ) -> Result<Reply, Broken>
    where
        B: Body<Data = Bytes> + Send,
    {
        if let Some(refusal) = misplaced {
            return Err(refusal.into());
        }
        call.signed = self.shared.access.check(&call, self.shared.clock.seconds())?;
        let callback = Callback::of(&call)?;
        let about = About::new(&call, request_id);
        let received = receive::body(&self.shared, &call, line, body).await?;
        let reply = self.apply(call, received, Arc::clone(line)).await?;
        match callback {
            Some(callback) => Ok(callback.make(&self.shared, &about, reply).await?),
            None => Ok(reply),
        }
    }

    /// Lets the operation do its work, on disk off the runtime's threads; it ends even when nobody waits any more, and the
    /// ledger knows it.
    async fn apply(&self, call: Call, received: Received, line: Arc<Line>) -> Result<Reply, Refusal> {
        let shared = Arc::clone(&self.shared);
        let work = move || {
            let (reply, upload_id) = ops::apply(&shared, &call, received)?;
            line.note(|entry| {
                entry.applied = true;
                entry.upload_id = upload_id.or(entry.upload_id.take());
            });
            Ok(reply)
        };
        if !self.shared.shelf.on_disk() {
            return work();
        }
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            Err(Refusal::new(500, "InternalError", "We encountered an internal error. Please try again."))
        })
    }

    /// The headers every reply has.
    fn seal(&self, reply: Reply, request_id: &str) -> Response<ReplyBody> {
        let date = http_date(self.shared.clock.seconds());
        let mut reply = reply
            .with("date", &date)
            .with("server", "AliyunOSS")
            .with("x-oss-request-id", request_id)
            .with("x-oss-server-time", "1");
        reply.fill_length();
        let mut response = Response::new(reply.body);
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response
    }

    pub(crate) fn lock_faults(&self) -> MutexGuard<'_, FaultScript> {
        // Only counters: whole whatever panicked.
        self.shared.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Injected {
    Reply(Reply),
    Refusal(Refusal),
}

/// Faults that come once the work is done.
async fn after(fault: &Option<Fault>, outcome: Result<Reply, Refusal>) -> Result<Result<Reply, Refusal>, Dropped> {
    match fault {
        Some(Fault::DropAfterApplied) => return Err(Dropped::by_script()),
        Some(Fault::StallAfterApplied(until)) => until.wait().await,
        Some(Fault::StatusAfterApplied(status, code)) => return Ok(Err(scripted(*status, code))),
        _ => {}
    }
    let Ok(mut reply) = outcome else { return Ok(outcome) };
    match fault {
        Some(Fault::CutReplyAfter(bytes)) if reply.body.len() <= *bytes => return Err(Dropped::by_script()),
        Some(Fault::CutReplyAfter(bytes)) => reply.body.cut_after(*bytes),
        Some(Fault::EmptyBody200) => {
            reply.status = StatusCode::OK;
            reply.body = ReplyBody::default();
            reply.headers.remove(header::CONTENT_LENGTH);
        }
        Some(Fault::TruncatedXml) => reply.body.halve(),
        _ => {}
    }
    Ok(Ok(reply))
}

/// A 200 keeps its error in the body, also where the method has none: then the body is simply missing.
fn error_in_200(fault: &Option<Fault>, reply: Reply, request_id: &str, authority: &str) -> Reply {
    match fault {
        Some(Fault::ErrorIn200(code)) => Reply::ok().with_xml(scripted(200, code).xml(request_id, authority)),
        _ => reply,
    }
}

fn elsewhere(endpoint: &str) -> Refusal {
    let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.";
    Refusal::new(403, "AccessDenied", message).with("Endpoint", endpoint)
}

fn scripted(status: u16, code: &str) -> Refusal {
    Refusal::new(status, code, "A scripted fault.")
}

fn throttled(wait: Duration) -> Reply {
    let refusal = Refusal::new(503, "SlowDown", "Please reduce your request rate.");
    refusal.reply("", "", false).with("retry-after", &wait.as_secs().to_string())
}

fn proxy_page(status: u16) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1><hr>proxy</body></html>");
    Reply::new(status).with_body(ReplyBody::whole(Bytes::from(page))).with("content-type", "text/html")
}

fn entry(call: &Call) -> LedgerEntry {
    LedgerEntry {
        sequence: 0,
        operation: call.operation,
        bucket: call.bucket.clone(),
        key: call.key.clone(),
        part_number: call.part_number(),
        upload_id: call.upload_id().map(str::to_owned),
        access_key_id: claimed_id(call),
        bytes_received: 0,
        status: None,
        code: None,
        applied: false,
        fault: None,
        finished: false,
    }
}

fn seen(call: &Call) -> Seen<'_> {
    Seen {
        operation: call.operation,
        bucket: call.bucket.as_deref(),
        key: call.key.as_deref(),
        part: call.part_number(),
    }
}

/// Upper case, as OSS's ids are.
pub(crate) fn random_hex(digits: usize) -> String {
    (0..digits).map(|_| char::from_digit(fastrand::u32(0..16), 16).unwrap_or('0').to_ascii_uppercase()).collect()
}

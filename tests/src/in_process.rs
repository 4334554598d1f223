use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use oss_emulator::Emulator;
use oss_http::{BoxFuture, Payload, ReplyBody, ResponseTimeout, Transport, TransportError};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Hands requests to an [`Emulator`] in this process: no socket, no timeouts, tokio's clock alone (a paused one too).
///
/// A dropped connection is [`TransportError::Lost`], as over a socket: what the server did is unknown.
#[derive(Debug, Clone)]
pub struct InProcess(Emulator);

impl InProcess {
    /// A transport whose every host is this emulator.
    pub fn new(emulator: Emulator) -> Self {
        Self(emulator)
    }
}

impl Transport for InProcess {
    fn send(
        &self,
        request: Request<Payload>,
        _: ResponseTimeout,
    ) -> BoxFuture<'_, Result<Response<ReplyBody>, TransportError>> {
        Box::pin(async move {
            let failure = Failure::default();
            let request = request.map(|payload| Watched { payload, failure: failure.clone() });
            match self.0.handle(request).await {
                Ok(reply) => {
                    Ok(reply.map(|body| ReplyBody::new(body.map_err(|cut| TransportError::Lost(Arc::new(cut))))))
                }
                Err(dropped) => Err(match failure.take() {
                    Some(error) => TransportError::Payload(Arc::new(error)),
                    None => TransportError::Lost(Arc::new(dropped)),
                }),
            }
        })
    }
}

/// The payload, remembering why it broke off: the emulator only says that it did.
struct Watched {
    payload: Payload,
    failure: Failure,
}

#[derive(Clone, Default)]
struct Failure(Arc<Mutex<Option<io::Error>>>);

impl Failure {
    fn keep(&self, error: io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = io::ErrorKind;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::ErrorKind>>> {
        Pin::new(&mut self.payload).poll_frame(cx).map_err(|error| {
            let kind = error.kind();
            self.failure.keep(error);
            kind
        })
    }

    fn is_end_stream(&self) -> bool {
        self.payload.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.payload.size_hint()
    }
}

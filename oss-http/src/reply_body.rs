use crate::{TransportError, Waiting};
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// No reply other than an object's data is larger (a full page of a listing is about 1 MiB).
const MAX_REPLY: usize = 16 * 1024 * 1024;
/// Nor does one take longer: a server that sends a byte now and then is not waited for without end.
const MAX_REPLY_TIME: Duration = Duration::from_secs(300);

/// A reply's body, as it comes. Dropping it before its end closes the connection.
pub struct ReplyBody(Pin<Box<dyn Body<Data = Bytes, Error = TransportError> + Send>>);

impl ReplyBody {
    /// Wraps a transport's body.
    pub fn new(body: impl Body<Data = Bytes, Error = TransportError> + Send + 'static) -> Self {
        Self(Box::pin(body))
    }

    /// A body that is in memory.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Full::new(bytes.into()).map_err(|never| match never {}))
    }

    /// The next piece of data, `None` at the end. Trailers are skipped.
    ///
    /// # Errors
    /// [`TransportError`]: the rest will not come.
    ///
    /// # Cancel safety
    /// A dropped call loses no data: the next call goes on.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole body of a reply that is no object's data, bounded in size and time.
    pub(crate) async fn read_reply(self) -> Result<Bytes, TransportError> {
        if self.is_end_stream() {
            return Ok(Bytes::new());
        }
        let (waiting, limit) = (Waiting::WholeReply, MAX_REPLY_TIME);
        let whole = tokio::time::timeout(limit, self.read_whole(MAX_REPLY)).await;
        whole.unwrap_or(Err(TransportError::Timeout { waiting, limit }))
    }

    /// The whole body, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`TransportError::ReplyTooLarge`] as soon as more than `limit` is announced or has come; otherwise the
    /// transport's.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn read_whole(mut self, limit: usize) -> Result<Bytes, TransportError> {
        if self.size_hint().lower() > limit as u64 {
            return Err(TransportError::ReplyTooLarge { limit });
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let mut whole = BytesMut::from(first);
        loop {
            if whole.len() > limit {
                return Err(TransportError::ReplyTooLarge { limit });
            }
            match self.chunk().await? {
                Some(more) => whole.extend_from_slice(&more),
                None => return Ok(whole.freeze()),
            }
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = TransportError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
        self.0.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for ReplyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyBody").field("size", &self.size_hint()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use tokio::time::{Instant, Sleep, sleep};

    const PAUSE: Duration = Duration::from_secs(20);

    /// A byte now and then, without an end.
    struct Drip(Pin<Box<Sleep>>);

    impl Body for Drip {
        type Data = Bytes;
        type Error = TransportError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, TransportError>>> {
            std::task::ready!(self.0.as_mut().poll(cx));
            self.0.as_mut().reset(Instant::now() + PAUSE);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_that_drips_is_given_up_after_five_minutes_and_an_objects_data_is_not() {
        let error = ReplyBody::new(Drip(Box::pin(sleep(PAUSE)))).read_reply().await.unwrap_err();
        assert_eq!(error.to_string(), "the reply did not come to its end for 300s");
        let begun = Instant::now();
        let data = ReplyBody::new(Drip(Box::pin(sleep(PAUSE)))).read_whole(100).await;
        assert!(matches!(data, Err(TransportError::ReplyTooLarge { .. })), "{data:?}");
        assert!(begun.elapsed() > PAUSE * 99);
    }
}

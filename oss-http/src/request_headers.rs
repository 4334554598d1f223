use crate::Caller;
use http::HeaderValue;
use oss_proto::{Operation, Request, TrafficLimit};

/// What is said with single requests, not with objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RequestHeaders {
    requester_pays: bool,
    traffic_limit: Option<TrafficLimit>,
}

pub(crate) const REQUEST_PAYER: (&str, &str) = ("x-oss-request-payer", "requester");

impl Caller {
    /// This caller, saying `x-oss-request-payer: requester` with every request and in every presigned URL, as a bucket
    /// that makes its readers and writers pay demands. Everything is shared with the caller it was made of.
    #[must_use]
    pub fn with_requester_pays(mut self, pays: bool) -> Self {
        self.headers.requester_pays = pays;
        self
    }

    /// This caller, with `x-oss-traffic-limit` on every request that moves data (PutObject, UploadPart, GetObject).
    /// Everything is shared with the caller it was made of.
    #[must_use]
    pub fn with_traffic_limit(mut self, limit: Option<TrafficLimit>) -> Self {
        self.headers.traffic_limit = limit;
        self
    }
}

impl RequestHeaders {
    pub(crate) fn requester_pays(self) -> bool {
        self.requester_pays
    }

    /// The operation's request with these headers, which every signature covers.
    pub(crate) fn on<O: Operation>(self, operation: &O) -> Request {
        let mut request = operation.request();
        if self.requester_pays {
            let (name, value) = REQUEST_PAYER;
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(limit) = self.traffic_limit.filter(|_| O::MOVES_DATA) {
            request.headers.insert("x-oss-traffic-limit", HeaderValue::from(limit.bits_per_second()));
        }
        request
    }
}

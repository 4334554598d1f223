use crate::{CallCause, CredentialsError, TransportError};
use http::StatusCode;
use oss_proto::{ErrorCode, ServiceError};
use std::time::Duration;

/// What a failed attempt means for what comes next. The set is closed: a decision table can be complete.
///
/// | fault | from |
/// |---|---|
/// | `Transient` | no connection (DNS, TCP, TLS, timeout, a proxy that may do it later); credentials not to be fetched now; 401, 408, 424; 400 `RequestTimeout`, 400 `BadRequest`, 409 `StaleFile` |
/// | `OutcomeUnknown` | connection lost, or no reply in time, once the request was begun; a reply that is not HTTP, not OSS's, or too large; 5xx other than 501 and 503 |
/// | `Throttled` | 429, 503, and every code that says so (`QpsLimitExceeded`, `SlowDown`, …) |
/// | `CredentialsExpired` | `SecurityTokenExpired`, `InvalidSecurityToken`; `InvalidAccessKeyId` of temporary credentials |
/// | `ClockSkew` | `RequestTimeTooSkewed` |
/// | `WrongEndpoint` | any refusal that names another endpoint for the bucket |
/// | `Corrupted` | `InvalidDigest` |
/// | `Unproven` | never from a call: a transfer's own, when a reply carries no checksum |
/// | `PartRejected` | `InvalidPart`, `FilePartNotExist`, `FilePartStale` |
/// | `NoSuchUpload` | `NoSuchUpload` |
/// | `AlreadyExists` | `FileAlreadyExists` |
/// | `CallbackFailed` | 203, `CallbackFailed` |
/// | `SourceChanged` | the payload stream failed with [`SourceChanged`](crate::SourceChanged) |
/// | `Rejected` | everything else: other 3xx and 4xx, 501, an untrusted certificate, a proxy that says no, no credentials, an unreadable source |
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The request had no effect; the same again may work.
    Transient,
    /// The request may or may not have been carried out. The same again is right for idempotent operations.
    OutcomeUnknown,
    /// Refused because of load; the same again, later.
    Throttled {
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// Again with fresh credentials (the provider has been told).
    CredentialsExpired,
    /// Again: the clock offset has been learnt.
    ClockSkew,
    /// The bucket is not reached through this endpoint.
    WrongEndpoint {
        /// The one the server named.
        endpoint: Option<String>,
    },
    /// The bytes did not arrive as they were sent; again, with bytes read anew.
    Corrupted,
    /// The server gave nothing to prove the bytes by.
    Unproven,
    /// Complete was refused because of parts: they have to be sent again.
    PartRejected {
        /// Those the server named; empty when it named none.
        numbers: Vec<u32>,
    },
    /// The upload id is unknown, completed or aborted.
    NoSuchUpload,
    /// The object exists and must not be overwritten.
    AlreadyExists,
    /// The object is stored, the callback failed. Never send it again.
    CallbackFailed,
    /// The file changed under the transfer.
    SourceChanged,
    /// Something must be changed first; the same again fails again.
    Rejected,
}

/// The table above. `temporary`: the attempt was signed with a security token.
pub(crate) fn classify(cause: &CallCause, temporary: bool) -> Fault {
    match cause {
        CallCause::Service(error) => of_service(error, temporary),
        CallCause::Transport(error) => of_transport(error),
        CallCause::Malformed { .. } => Fault::OutcomeUnknown,
        CallCause::Credentials(CredentialsError::Unavailable(_)) => Fault::Transient,
        CallCause::SourceChanged => Fault::SourceChanged,
        CallCause::Credentials(_) | CallCause::Source(_) | CallCause::Endpoint(_) | CallCause::Presign(_) => {
            Fault::Rejected
        }
    }
}

fn of_transport(error: &TransportError) -> Fault {
    match error {
        TransportError::Proxy { source, .. } if source.is_final() => Fault::Rejected,
        TransportError::Connect { .. } | TransportError::ConnectTimeout { .. } | TransportError::Proxy { .. } => {
            Fault::Transient
        }
        TransportError::Lost(_)
        | TransportError::Timeout { .. }
        | TransportError::NotHttp(_)
        | TransportError::ReplyTooLarge { .. } => Fault::OutcomeUnknown,
        TransportError::Request(_) | TransportError::Certificate { .. } | TransportError::Payload(_) => Fault::Rejected,
    }
}

fn of_service(error: &ServiceError, temporary: bool) -> Fault {
    match error.code.as_str() {
        "SecurityTokenExpired" | "InvalidSecurityToken" => return Fault::CredentialsExpired,
        "InvalidAccessKeyId" if temporary => return Fault::CredentialsExpired,
        "RequestTimeTooSkewed" => return Fault::ClockSkew,
        "NoSuchUpload" => return Fault::NoSuchUpload,
        "InvalidPart" | "FilePartNotExist" | "FilePartStale" => {
            return Fault::PartRejected { numbers: error.part_number.into_iter().collect() };
        }
        "FileAlreadyExists" => return Fault::AlreadyExists,
        "CallbackFailed" => return Fault::CallbackFailed,
        "InvalidDigest" => return Fault::Corrupted,
        "RequestTimeout" | "BadRequest" | "StaleFile" => return Fault::Transient,
        code if THROTTLES.contains(&code) => return throttled(error),
        _ => {}
    }
    let names_endpoint = error.endpoint.is_some() || is_addressed_wrongly(error);
    match error.status.as_u16() {
        300..=499 if names_endpoint => Fault::WrongEndpoint { endpoint: error.endpoint.clone() },
        203 => Fault::CallbackFailed,
        429 | 503 => throttled(error),
        401 | 408 | 424 => Fault::Transient,
        501 => Fault::Rejected,
        500..=599 => Fault::OutcomeUnknown,
        // A 2xx whose body is an error that none of the codes above explains: it may be followed by a success.
        200..=299 if error.code == ErrorCode::INTERNAL_ERROR => Fault::OutcomeUnknown,
        _ => Fault::Rejected,
    }
}

/// They come as 503 or 429, or inside a 200.
const THROTTLES: [&str; 11] = [
    "QpsLimitExceeded",
    "TooManyRequests",
    "ServiceUnavailable",
    "SlowDown",
    "TotalQpsLimitExceeded",
    "MetaOperationQpsLimitExceeded",
    "PartitionQpsLimitted",
    "ActiveRequestLimitExceeded",
    "UploadTrafficRateLimitExceeded",
    "DownloadTrafficRateLimitExceeded",
    "CpuLimitExceeded",
];

fn throttled(error: &ServiceError) -> Fault {
    Fault::Throttled { retry_after: error.retry_after }
}

fn is_addressed_wrongly(error: &ServiceError) -> bool {
    error.status == StatusCode::FORBIDDEN
        && error.code == ErrorCode::ACCESS_DENIED
        && error.message.contains("must be addressed using the specified endpoint")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CertificateProblem, ProxyRefusal, Waiting};
    use std::io;
    use std::sync::Arc;

    fn service(status: u16, code: &str) -> ServiceError {
        ServiceError {
            status: StatusCode::from_u16(status).unwrap(),
            code: ErrorCode::new(code),
            message: String::new(),
            request_id: None,
            host_id: None,
            ec: None,
            recommend_doc: None,
            endpoint: None,
            part_number: None,
            server_time: None,
            retry_after: None,
        }
    }

    fn fault(status: u16, code: &str) -> Fault {
        of_service(&service(status, code), false)
    }

    #[test]
    fn every_documented_code_has_its_fault() {
        use Fault::{
            AlreadyExists, CallbackFailed, ClockSkew, Corrupted, CredentialsExpired, NoSuchUpload, OutcomeUnknown,
            Rejected, Transient,
        };
        let throttled = Fault::Throttled { retry_after: None };
        let rejected_part = Fault::PartRejected { numbers: vec![] };
        let table = [
            (404, "NoSuchUpload", NoSuchUpload),
            (400, "InvalidPart", rejected_part.clone()),
            (400, "FilePartNotExist", rejected_part.clone()),
            (400, "FilePartStale", rejected_part),
            (400, "InvalidPartOrder", Rejected),
            (400, "EntityTooSmall", Rejected),
            (400, "EntityTooLarge", Rejected),
            (400, "PartNotSequential", Rejected),
            (400, "InvalidArgument", Rejected),
            (400, "MalformedXML", Rejected),
            (400, "InvalidDigest", Corrupted),
            (400, "RequestTimeout", Transient),
            (400, "BadRequest", Transient),
            (411, "MissingContentLength", Rejected),
            (400, "InvalidBucketName", Rejected),
            (400, "NotImplemented", Rejected),
            (501, "NotImplemented", Rejected),
            (403, "AccessDenied", Rejected),
            (403, "InvalidAccessKeyId", Rejected),
            (403, "SecurityTokenExpired", CredentialsExpired),
            (403, "InvalidSecurityToken", CredentialsExpired),
            (403, "SignatureDoesNotMatch", Rejected),
            (403, "RequestTimeTooSkewed", ClockSkew),
            (403, "UserDisable", Rejected),
            (404, "NoSuchBucket", Rejected),
            (404, "NoSuchKey", Rejected),
            (405, "MethodNotAllowed", Rejected),
            (409, "FileAlreadyExists", AlreadyExists),
            (409, "FileImmutable", Rejected),
            (409, "StaleFile", Transient),
            (412, "PreconditionFailed", Rejected),
            (416, "InvalidRange", Rejected),
            (424, "MirrorFailed", Transient),
            (401, "BadErrorResponse", Transient),
            (408, "BadErrorResponse", Transient),
            (429, "BadErrorResponse", throttled.clone()),
            (429, "QpsLimitExceeded", throttled.clone()),
            (203, "CallbackFailed", CallbackFailed),
            (203, "BadErrorResponse", CallbackFailed),
            (500, "InternalError", OutcomeUnknown),
            (200, "InternalError", OutcomeUnknown),
            (502, "BadErrorResponse", OutcomeUnknown),
            (504, "BadErrorResponse", OutcomeUnknown),
            (503, "CpuLimitExceeded", throttled.clone()),
            (503, "BadErrorResponse", throttled.clone()),
            (200, "SlowDown", throttled),
            (302, "BadErrorResponse", Rejected),
            (304, "BadErrorResponse", Rejected),
        ];
        for (status, code, expected) in table {
            assert_eq!(fault(status, code), expected, "{status} {code}");
        }
    }

    #[test]
    fn what_the_server_says_beside_the_code_is_kept() {
        let mut error = service(503, "SlowDown");
        error.retry_after = Some(Duration::from_secs(7));
        assert_eq!(of_service(&error, false), Fault::Throttled { retry_after: Some(Duration::from_secs(7)) });

        let mut error = service(400, "InvalidPart");
        error.part_number = Some(12);
        assert_eq!(of_service(&error, false), Fault::PartRejected { numbers: vec![12] });

        let mut error = service(403, "AccessDenied");
        error.message =
            "The bucket you are attempting to access must be addressed using the specified endpoint.".into();
        assert_eq!(of_service(&error, false), Fault::WrongEndpoint { endpoint: None });
        error.endpoint = Some("oss-cn-shenzhen.aliyuncs.com".into());
        assert_eq!(of_service(&error, false), Fault::WrongEndpoint { endpoint: error.endpoint.clone() });
    }

    #[test]
    fn an_unknown_key_of_temporary_credentials_has_expired() {
        let error = service(403, "InvalidAccessKeyId");
        assert_eq!(of_service(&error, true), Fault::CredentialsExpired);
        assert_eq!(of_service(&error, false), Fault::Rejected);
    }

    #[test]
    fn before_the_first_byte_nothing_happened_and_after_it_nobody_knows() {
        let cause = || -> Arc<dyn std::error::Error + Send + Sync> { Arc::new(io::Error::other("x")) };
        let host = String::new;
        let limit = Duration::ZERO;
        let proxy = |source| TransportError::Proxy { proxy: String::new(), host: host(), source };
        let table = [
            (TransportError::Connect { host: host(), source: cause() }, Fault::Transient),
            (TransportError::ConnectTimeout { host: host(), limit }, Fault::Transient),
            (
                TransportError::Certificate { host: host(), problem: CertificateProblem::Other, source: cause() },
                Fault::Rejected,
            ),
            (proxy(ProxyRefusal::Status(502)), Fault::Transient),
            (proxy(ProxyRefusal::Credentials), Fault::Rejected),
            (TransportError::Request(cause()), Fault::Rejected),
            (TransportError::Lost(cause()), Fault::OutcomeUnknown),
            (TransportError::Timeout { waiting: Waiting::Send, limit }, Fault::OutcomeUnknown),
            (TransportError::NotHttp(cause()), Fault::OutcomeUnknown),
            (TransportError::ReplyTooLarge { limit: 1 }, Fault::OutcomeUnknown),
        ];
        for (error, expected) in table {
            assert_eq!(of_transport(&error), expected, "{error}");
        }
    }
}

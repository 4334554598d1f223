use crate::{CallCause, CredentialsError, TransportError};
use http::StatusCode;
use oss_proto::{ErrorCode, ServiceError};
use std::time::Duration;

#[doc = include_str!("faults.md")]
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
        TransportError::Request(_)
        | TransportError::Certificate { .. }
        | TransportError::NoTls { .. }
        | TransportError::Payload(_) => Fault::Rejected,
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

    const TABLE: &str = include_str!("faults.md");

    fn service(status: u16, code: &str) -> ServiceError {
        ServiceError::new(StatusCode::from_u16(status).unwrap(), ErrorCode::new(code), "")
    }

    /// What stands between the first backticks.
    fn name(text: &str) -> Option<&str> {
        text.split('`').nth(1)
    }

    /// The document's rows: everything that comes, one by one, with the fault it is said to be.
    fn rows() -> Vec<(String, &'static str)> {
        let mut all = Vec::new();
        for line in TABLE.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            let Some(fault) = name(cells[2]) else { continue };
            let mut came = cells[1].to_owned();
            while let Some((from, to)) = came.find('(').zip(came.find(')')) {
                came.replace_range(from..=to, "");
            }
            all.extend(came.split(", ").map(|one| (one.to_owned(), fault)));
        }
        all
    }

    /// What a row speaks of, and whether it was signed with a security token.
    fn cause(row: &str) -> (CallCause, bool) {
        let Some(Ok(status)) = row.get(..3).map(str::parse) else { return (no_answer(row), false) };
        let mut error = service(status, name(row).unwrap_or("BadErrorResponse"));
        if row.contains("names another endpoint") {
            error.endpoint = Some("oss-cn-shenzhen.aliyuncs.com".to_owned());
        }
        (CallCause::Service(Box::new(error)), row.contains("temporary"))
    }

    fn no_answer(row: &str) -> CallCause {
        let cause = || -> Arc<dyn std::error::Error + Send + Sync> { Arc::new(io::Error::other("x")) };
        let (host, limit) = (String::new(), Duration::ZERO);
        CallCause::Transport(match name(row).unwrap() {
            "Connect" => TransportError::Connect { host, source: cause() },
            "ConnectTimeout" => TransportError::ConnectTimeout { host, limit },
            "NoTls" => TransportError::NoTls { host, source: cause() },
            "Certificate" => TransportError::Certificate { host, problem: CertificateProblem::Other, source: cause() },
            "Proxy" => {
                let source = if row.contains("later") { ProxyRefusal::Status(502) } else { ProxyRefusal::Credentials };
                TransportError::Proxy { proxy: String::new(), host, source }
            }
            "Request" => TransportError::Request(cause()),
            "Lost" => TransportError::Lost(cause()),
            "Timeout" => TransportError::Timeout { waiting: Waiting::Send, limit },
            "NotHttp" => TransportError::NotHttp(cause()),
            "ReplyTooLarge" => TransportError::ReplyTooLarge { limit: 1 },
            "Malformed" => return CallCause::Malformed { reason: String::new(), request_id: None },
            "Credentials" if row.contains("now") => return CallCause::Credentials(CredentialsError::unavailable("x")),
            "Credentials" => return CallCause::Credentials(CredentialsError::Missing(String::new())),
            "SourceChanged" => return CallCause::SourceChanged,
            "Source" => return CallCause::Source(Arc::new(io::Error::other("x"))),
            other => panic!("the table speaks of {other}"),
        })
    }

    #[test]
    fn every_row_of_the_table_is_what_happens() {
        let rows = rows();
        assert!(rows.len() > 70, "the table was not read: {rows:?}");
        for (row, expected) in rows {
            let (cause, temporary) = cause(&row);
            let fault = format!("{:?}", classify(&cause, temporary));
            let variant = fault.split([' ', '(', '{']).next();
            assert_eq!(variant, Some(expected), "{row}");
        }
    }

    #[test]
    fn the_table_leaves_no_fault_and_no_throttling_code_out() {
        let rows = rows();
        let faults = [
            "Transient",
            "OutcomeUnknown",
            "Throttled",
            "CredentialsExpired",
            "ClockSkew",
            "WrongEndpoint",
            "Corrupted",
            "PartRejected",
            "NoSuchUpload",
            "AlreadyExists",
            "CallbackFailed",
            "SourceChanged",
            "Rejected",
        ];
        for fault in faults {
            assert!(rows.iter().any(|(_, named)| *named == fault), "{fault}");
        }
        for code in THROTTLES {
            assert!(rows.iter().any(|(row, _)| name(row) == Some(code)), "{code}");
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
}

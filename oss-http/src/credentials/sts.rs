//! STS, the service that issues temporary credentials: where it is, and one call of it.

use super::exchange::{Wire, exchange};
use super::{CredentialsError, Issued};
use crate::{Addressing, Endpoint, Transport, clock};
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use oss_sign::{Credentials, encode_query, sign_rpc};
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(15);
const VERSION: &str = "2015-04-01";

/// The role that is assumed, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `acs:ram::ACCOUNT:role/NAME`.
    pub arn: String,
    /// What the action trail calls the session: 2 to 64 of `a-zA-Z0-9.@-_`.
    pub session_name: String,
    /// How long the token lives; 15 minutes up to what the role allows (an hour, unless it was changed).
    pub duration: Duration,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
    /// A policy (JSON) that narrows what the role may do.
    pub policy: Option<String>,
}

impl Role {
    /// An hour, with a session name that says where it came from.
    pub fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            session_name: "oss-transfer".to_owned(),
            duration: Duration::from_secs(3600),
            external_id: None,
            policy: None,
        }
    }

    /// The parameters of the call that name it.
    pub(super) fn form(&self) -> Vec<(String, String)> {
        let seconds = self.duration.as_secs().to_string();
        let mut form = vec![
            ("RoleArn".to_owned(), self.arn.clone()),
            ("RoleSessionName".to_owned(), self.session_name.clone()),
            ("DurationSeconds".to_owned(), seconds),
        ];
        form.extend(self.policy.iter().map(|policy| ("Policy".to_owned(), policy.clone())));
        form
    }
}

/// One STS endpoint.
#[derive(Clone)]
pub struct Sts {
    endpoint: Endpoint,
    transport: Arc<dyn Transport>,
}

impl Sts {
    /// `endpoint`: `sts.aliyuncs.com`, `sts.REGION.aliyuncs.com` or, within a VPC, `sts-vpc.REGION.aliyuncs.com`; always
    /// over https, but `http://` is taken for an address of this machine.
    ///
    /// # Errors
    /// [`CredentialsError::Invalid`]: mend it.
    pub fn new(endpoint: &str, transport: Arc<dyn Transport>) -> Result<Self, CredentialsError> {
        let parsed = Endpoint::parse(endpoint, Some(Addressing::Path))
            .map_err(|error| CredentialsError::Invalid(format!("the STS endpoint cannot be used: {error}")))?;
        if !parsed.is_https() && !is_local(parsed.host()) {
            let words = "the STS endpoint must be https: its replies hold secrets";
            return Err(CredentialsError::Invalid(words.to_owned()));
        }
        Ok(Self { endpoint: parsed, transport })
    }

    /// One call; signed, unless what it sends stands for itself (an OIDC token).
    pub(super) async fn call(
        &self,
        action: &str,
        form: Vec<(String, String)>,
        signer: Option<&Credentials>,
    ) -> Result<Issued, CredentialsError> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut query = vec![pair("Action", action), pair("Version", VERSION), pair("Format", "JSON")];
        let now = clock::now();
        match signer {
            Some(keys) => {
                let nonce = format!("{:032x}", fastrand::u128(..));
                query = sign_rpc(&Method::POST, query, &form, keys, now, &nonce);
            }
            // Whole seconds, as its SDKs write it.
            None => query.push(pair("Timestamp", &oss_proto::format_iso8601(now).replace(".000Z", "Z"))),
        }
        let url = format!("{}/?{}", self.endpoint, encoded(query));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let answer = exchange(&*self.transport, Method::POST, &url, headers, encoded(form), LIMIT).await?;
        if !answer.status.is_success() {
            return Err(refusal(action, self.endpoint.host(), answer.status.as_u16(), &answer.body));
        }
        let reply = serde_json::from_slice::<Reply>(&answer.body).ok();
        let issued = reply.and_then(|reply| reply.credentials.issued(answer.now));
        issued
            .ok_or_else(|| CredentialsError::unavailable(format!("{action}: STS gave no credentials that can be read")))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    credentials: Wire,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: String,
    message: Option<String>,
    request_id: Option<String>,
}

/// Load and failures of the service pass; anything else has to be mended. Source: "Common error codes" of STS.
fn refusal(action: &str, host: &str, status: u16, body: &[u8]) -> CredentialsError {
    let Ok(Refused { code, message, request_id }) = serde_json::from_slice(body) else {
        return CredentialsError::unavailable(format!("{action}: {host} answered {status}, and not as STS does"));
    };
    let passes = status >= 500 || status == 429 || code.starts_with("Throttling") || code == "ServiceUnavailable";
    let message = message.unwrap_or_default().chars().filter(|c| !c.is_control()).take(500).collect::<String>();
    let id = request_id.map_or(String::new(), |id| format!(" (request id {id})"));
    let words = format!("STS refused {action}: {code}: {message}{id}");
    if passes { CredentialsError::unavailable(words) } else { CredentialsError::Invalid(words) }
}

fn encoded(pairs: Vec<(String, String)>) -> String {
    encode_query(&pairs.into_iter().map(|(name, value)| (name, Some(value))).collect::<Vec<_>>())
}

fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for Sts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sts").field(&format_args!("{}", self.endpoint)).finish()
    }
}

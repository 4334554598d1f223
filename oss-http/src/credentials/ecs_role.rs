use super::exchange::{Answer, Wire, exchange};
use super::{CredentialsError, CredentialsSource, Issued};
use crate::{BoxFuture, Transport};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where every ECS instance finds its metadata.
pub const ECS_METADATA: &str = "http://100.100.100.200";

/// The service is on the same host: what does not answer at once is not there.
const LIMIT: Duration = Duration::from_secs(1);
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const TTL: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token-ttl-seconds");
const TOKEN: HeaderName = HeaderName::from_static("x-aliyun-ecs-metadata-token");

/// The RAM role of an ECS instance, from its metadata service.
///
/// The hardened mode comes first: a token is asked for by PUT and shown with every request, which no forwarded request
/// of somebody else can do. Where none is given, or the reply does not arrive (it may not cross into a container), the
/// plain mode is used, unless that is forbidden.
///
/// Source: "Instance RAM roles" and "Access instance metadata in security-hardened mode" in the documentation of ECS.
#[derive(Clone)]
pub struct EcsRoleCredentials {
    transport: Arc<dyn Transport>,
    service: String,
    role: Option<String>,
    plain_allowed: bool,
}

impl EcsRoleCredentials {
    /// `transport` must not go through a proxy. `service`: [`ECS_METADATA`]. `role`: the instance's own when not said.
    pub fn new(transport: Arc<dyn Transport>, service: impl Into<String>, role: Option<String>) -> Self {
        let service = service.into().trim_end_matches('/').to_owned();
        Self { transport, service, role, plain_allowed: true }
    }

    /// Never uses the plain mode.
    #[must_use]
    pub fn hardened_only(mut self, only: bool) -> Self {
        self.plain_allowed = !only;
        self
    }

    /// The name of the instance's role; `None` when it has none.
    ///
    /// # Errors
    /// [`CredentialsError`]: there is no such service here, or it does not answer.
    ///
    /// # Cancel safety
    /// Nothing is lost: ask again.
    pub async fn role(&self) -> Result<Option<String>, CredentialsError> {
        let token = self.token().await?;
        self.role_with(token.as_ref()).await
    }

    async fn role_with(&self, token: Option<&HeaderValue>) -> Result<Option<String>, CredentialsError> {
        if let Some(role) = &self.role {
            return Ok(Some(role.clone()));
        }
        let answer = self.get(ROLES, token).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let name = String::from_utf8_lossy(&answer.body).trim().to_owned();
                Ok(Some(name).filter(|name| is_name(name)))
            }
            status => Err(self.odd("the name of the role", status)),
        }
    }

    /// `None`: the instance knows the plain mode only.
    async fn token(&self) -> Result<Option<HeaderValue>, CredentialsError> {
        let mut headers = HeaderMap::new();
        headers.insert(TTL, HeaderValue::from_static("21600"));
        let answer = match self.ask(Method::PUT, "/latest/api/token", headers).await {
            Err(CredentialsError::Unavailable(_)) if self.plain_allowed => return Ok(None),
            answer => answer?,
        };
        match answer.status {
            status if status.is_success() => {
                let mut token = HeaderValue::from_bytes(answer.body.trim_ascii())
                    .map_err(|_| CredentialsError::unavailable("the metadata service gave a token that is none"))?;
                token.set_sensitive(true);
                Ok(Some(token))
            }
            _ if self.plain_allowed => Ok(None),
            status => Err(self.odd("a token (hardened mode)", status)),
        }
    }

    async fn get(&self, path: &str, token: Option<&HeaderValue>) -> Result<Answer, CredentialsError> {
        let mut headers = HeaderMap::new();
        headers.extend(token.map(|token| (TOKEN, token.clone())));
        self.ask(Method::GET, path, headers).await
    }

    async fn ask(&self, method: Method, path: &str, headers: HeaderMap) -> Result<Answer, CredentialsError> {
        let url = format!("{}{path}", self.service);
        exchange(&*self.transport, method, &url, headers, String::new(), LIMIT).await
    }

    fn odd(&self, wanted: &str, status: StatusCode) -> CredentialsError {
        CredentialsError::unavailable(format!(
            "{} was asked for {wanted} and answered {}",
            self.service,
            status.as_u16()
        ))
    }
}

impl CredentialsSource for EcsRoleCredentials {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let token = self.token().await?;
            let role = self.role_with(token.as_ref()).await?;
            let role = role.ok_or_else(|| CredentialsError::Invalid("this ECS instance has no RAM role".to_owned()))?;
            if !is_name(&role) {
                return Err(CredentialsError::Invalid(format!("{role:?} cannot be the name of a RAM role")));
            }
            let answer = self.get(&format!("{ROLES}{role}"), token.as_ref()).await?;
            match answer.status {
                StatusCode::NOT_FOUND => {
                    Err(CredentialsError::Invalid(format!("this ECS instance does not have the RAM role {role}")))
                }
                status if status.is_success() => {
                    // An extra field says Success; without the others it would not matter.
                    let wire = serde_json::from_slice::<Wire>(&answer.body).ok();
                    wire.and_then(|wire| wire.issued(answer.now)).ok_or_else(|| {
                        CredentialsError::unavailable(format!("the metadata service gave no credentials for {role}"))
                    })
                }
                status => Err(self.odd("credentials", status)),
            }
        })
    }
}

/// RAM's rule; nothing in it can lead to another path.
fn is_name(role: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=64).contains(&role.len()) && role.bytes().all(legal) && !role.starts_with('.')
}

impl fmt::Debug for EcsRoleCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EcsRoleCredentials")
            .field("service", &self.service)
            .field("role", &self.role)
            .field("plain_allowed", &self.plain_allowed)
            .finish_non_exhaustive()
    }
}

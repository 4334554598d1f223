use bytes::Bytes;
use http::uri::{self, Authority, PathAndQuery};
use http::{HeaderValue, Uri};
use oss_proto::{Bucket, Key};
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the bucket's name goes in a URL. The signature is the same for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Addressing {
    /// `BUCKET.HOST/KEY`: what the public service wants.
    Virtual,
    /// `HOST/BUCKET/KEY`: IP addresses and emulators; the public service refuses it (`SecondLevelDomainForbidden`).
    Path,
    /// `HOST/KEY`: a custom domain that is bound to one bucket. Service-level calls are impossible.
    Cname,
}

/// A server: scheme, host, port and addressing style.
///
/// [`Display`](fmt::Display) gives the canonical text (`https://oss-cn-hangzhou.aliyuncs.com`: lower case, no default
/// port, no trailing slash), which is the same for every spelling of one server. The addressing is not part of it.
///
/// A host that already begins with the bucket (`BUCKET.oss-cn-hangzhou.aliyuncs.com`, as the console shows it) is
/// taken as it is when it is one of OSS's own; for other domains say [`Addressing::Cname`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    addressing: Addressing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

/// A text that is no endpoint, or a call that cannot be addressed. Mend the value; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The text breaks a rule. It is not repeated here, since it may hold a password.
    #[error("not an endpoint: {reason}")]
    Endpoint {
        /// The rule.
        reason: &'static str,
    },
    /// Not a region.
    #[error("region {region:?} may hold only a-z, 0-9 and - (cn-hangzhou, without oss-)")]
    Region {
        /// The text.
        region: String,
    },
    /// The URL of a call is longer than HTTP libraries take (64 KiB).
    #[error("the URL of this call is too long")]
    TooLong,
}

impl Endpoint {
    /// Reads `https://HOST[:PORT]`, `http://HOST[:PORT]` or a bare host (https).
    ///
    /// Without an `addressing`, IP addresses (v4, v6 in brackets) and `localhost` are [`Addressing::Path`], all
    /// others [`Addressing::Virtual`].
    ///
    /// # Errors
    /// [`EndpointError::Endpoint`] for another scheme, user info, a path, a query, or a host that cannot be one.
    pub fn parse(text: &str, addressing: Option<Addressing>) -> Result<Self, EndpointError> {
        Self::checked(text, addressing).map_err(|reason| EndpointError::Endpoint { reason })
    }

    fn checked(text: &str, addressing: Option<Addressing>) -> Result<Self, &'static str> {
        let (scheme, authority) = split_scheme(text)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains('@') {
            return Err("it must not hold a user name or password");
        }
        if authority.contains(['/', '?', '#', '\\']) {
            return Err("it must be a host and a port, without a path or a query");
        }
        let (host, port) = split_port(authority)?;
        let (host, local) = check_host(host)?;
        let port = port.filter(|&port| port != scheme.default_port());
        let default = if local { Addressing::Path } else { Addressing::Virtual };
        Ok(Self { scheme, host, port, addressing: addressing.unwrap_or(default) })
    }

    /// The region in the name of one of OSS's own hosts: `oss-cn-hangzhou[-internal].aliyuncs.com` → `cn-hangzhou`.
    ///
    /// `None` for acceleration endpoints, CloudBox and every other domain: there the region must be given.
    pub fn region_hint(&self) -> Option<&str> {
        let front = self.host.strip_suffix(".aliyuncs.com")?;
        if let Some(dual_stack) = front.strip_suffix(".oss") {
            return dual_stack.rsplit('.').next();
        }
        let region = front.rsplit('.').next()?.strip_prefix("oss-")?;
        let region = region.strip_suffix("-internal").unwrap_or(region);
        (!matches!(region, "accelerate" | "accelerate-overseas" | "cloudbox")).then_some(region)
    }

    /// The addressing style.
    pub fn addressing(&self) -> Addressing {
        self.addressing
    }

    /// Requests go over TLS.
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// The host without a port, as it is dialled when no bucket stands before it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The absolute URL of a call and its `Host` header. The key's bytes are percent-encoded as OSS signs them and
    /// never normalised: `.`, `..` and `//` stay.
    ///
    /// # Errors
    /// [`EndpointError::TooLong`] when the URL exceeds 64 KiB.
    pub fn url(
        &self,
        bucket: Option<&Bucket>,
        key: Option<&Key>,
        query: &[(String, Option<String>)],
    ) -> Result<(Uri, HeaderValue), EndpointError> {
        let host = Bytes::from(self.authority(bucket));
        let key = key.map_or("", Key::as_str);
        let mut target = String::with_capacity(key.len() + 128);
        target.push('/');
        if let (Addressing::Path, Some(bucket)) = (self.addressing, bucket) {
            target.push_str(bucket.as_str());
            target.push('/');
        }
        target.push_str(&oss_sign::encode_path(key));
        if !query.is_empty() {
            target.push('?');
            target.push_str(&oss_sign::encode_query(query));
        }
        let header = HeaderValue::from_maybe_shared(host.clone()).map_err(|_| EndpointError::TooLong)?;
        let mut parts = uri::Parts::default();
        parts.scheme = Some(self.scheme.of_url());
        parts.authority = Some(Authority::from_maybe_shared(host).map_err(|_| EndpointError::TooLong)?);
        parts.path_and_query =
            Some(PathAndQuery::from_maybe_shared(Bytes::from(target)).map_err(|_| EndpointError::TooLong)?);
        Ok((Uri::from_parts(parts).map_err(|_| EndpointError::TooLong)?, header))
    }

    fn authority(&self, bucket: Option<&Bucket>) -> String {
        let mut authority = String::with_capacity(self.host.len() + 70);
        if let Some(bucket) = bucket.filter(|bucket| self.addressing == Addressing::Virtual && !self.names(bucket)) {
            authority.push_str(bucket.as_str());
            authority.push('.');
        }
        authority.push_str(&self.host);
        if let Some(port) = self.port {
            write!(authority, ":{port}").expect("a String takes everything");
        }
        authority
    }

    /// The host is one of OSS's own and begins with this bucket, which is therefore not put before it again.
    ///
    /// What follows the bucket must still be an OSS endpoint: a bucket may bear the name of a region, and
    /// `cn-hangzhou.oss.aliyuncs.com` is the dual-stack endpoint, not that bucket's host.
    pub fn names(&self, bucket: &Bucket) -> bool {
        let rest = self.host.strip_prefix(bucket.as_str()).and_then(|rest| rest.strip_prefix('.'));
        rest.and_then(|rest| rest.strip_suffix(".aliyuncs.com"))
            .is_some_and(|front| (front.starts_with("oss-") && !front.contains('.')) || front.ends_with(".oss"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority(None))
    }
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn of_url(self) -> uri::Scheme {
        match self {
            Self::Http => uri::Scheme::HTTP,
            Self::Https => uri::Scheme::HTTPS,
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), &'static str> {
    match text.split_once("://") {
        None => Ok((Scheme::Https, text)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok((Scheme::Https, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok((Scheme::Http, rest)),
        Some(_) => Err("the scheme must be https or http"),
    }
}

/// Host (an IPv6 address in its brackets) and port, when there is one; else the rule that is broken.
pub(crate) fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (host, port) = match authority.rfind(']') {
        Some(end) => (&authority[..=end], authority[end + 1..].strip_prefix(':')),
        None if authority.matches(':').count() > 1 => {
            return Err("an IPv6 address stands in brackets: [::1]:9000");
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.len() + port.map_or(0, |port| port.len() + 1) != authority.len() {
        return Err("after the bracket only a port may follow");
    }
    let Some(port) = port else { return Ok((host, None)) };
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host, Some(number))),
        _ => Err("the port must be 1 to 65535"),
    }
}

/// The host in its canonical spelling, and whether it is an address (or `localhost`) that takes no bucket before it.
pub(crate) fn check_host(host: &str) -> Result<(String, bool), &'static str> {
    if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return match inner.parse::<Ipv6Addr>() {
            Ok(address) => Ok((format!("[{address}]"), true)),
            Err(_) => Err("the text in brackets is not an IPv6 address"),
        };
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok((IpAddr::from(address).to_string(), true));
    }
    let host = host.to_ascii_lowercase();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(legal);
    if host.len() > 253 || !host.split('.').all(label) {
        return Err("the host must be a domain name or an IP address");
    }
    let local = host == "localhost";
    Ok((host, local))
}

use crate::{Client, Error};
use oss_http::proto::TrafficLimit;
use oss_http::{
    Addressing, BandwidthLimit, Caller, CredentialsOptions, CredentialsProvider, DefaultCredentials, Endpoint,
    EndpointError, HyperTransport, Network, Proxies, RetryPolicy, Signer, StaticCredentials, Timeouts, Transport,
    TransportOptions,
};
use oss_multipart::Memory;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Puts a [`Client`] together. An endpoint or a region is needed, everything else has a default.
///
/// ```
/// use oss_client::{Client, Credentials};
///
/// let client = Client::builder().region("cn-hangzhou").credentials(Credentials::new("id", "secret")).build()?;
/// assert_eq!(client.endpoint().to_string(), "https://oss-cn-hangzhou.aliyuncs.com");
///
/// // V4 signatures name a region: OSS's own hosts tell theirs, any other needs it said.
/// assert!(Client::builder().endpoint("https://oss-cn-beijing.aliyuncs.com").build().is_ok());
/// assert!(Client::builder().endpoint("https://files.example.com").build().is_err());
/// # Ok::<(), oss_client::Error>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct ClientBuilder {
    endpoint: Option<String>,
    region: Option<String>,
    network: Option<Network>,
    addressing: Option<Addressing>,
    signature: SignatureVersion,
    credentials: Option<Arc<dyn CredentialsProvider>>,
    credentials_options: CredentialsOptions,
    options: TransportOptions,
    proxies: Option<Proxies>,
    retry: Option<RetryPolicy>,
    user_agent: Option<String>,
    requester_pays: bool,
    traffic_limit: Option<TrafficLimit>,
    transport: Option<Arc<dyn Transport>>,
    memory: Option<Memory>,
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SignatureVersion {
    /// HMAC-SHA1, without a region: for servers that know nothing newer.
    V1,
    /// HMAC-SHA256; needs the region.
    #[default]
    V4,
}

impl ClientBuilder {
    /// The server: `https://HOST[:PORT]`, `http://HOST[:PORT]`, or a bare host (then https). When not said, the public
    /// endpoint of the region.
    pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.endpoint = Some(endpoint.into());
        self
    }

    /// The bucket's region, `cn-hangzhou` (without `oss-`). When not said, the one in the endpoint's name.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Which of the region's endpoints is asked, when no endpoint is given. When not said, the public one.
    pub fn network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Where the bucket's name goes in a URL. When not said, path style for IP addresses and `localhost`, else virtual.
    pub fn addressing(mut self, addressing: Addressing) -> Self {
        self.addressing = Some(addressing);
        self
    }

    /// V4 when not said.
    pub fn signature_version(mut self, version: SignatureVersion) -> Self {
        self.signature = version;
        self
    }

    /// One fixed access key. When nothing is said, the first of the places in
    /// [`CredentialsOptions`] that is configured.
    pub fn credentials(self, credentials: oss_http::Credentials) -> Self {
        self.credentials_provider(Arc::new(StaticCredentials::new(credentials)))
    }

    /// Where credentials are looked for when none are given.
    pub fn credentials_options(mut self, options: CredentialsOptions) -> Self {
        self.credentials_options = options;
        self
    }

    /// A source of credentials that change; it is asked before every attempt.
    pub fn credentials_provider(mut self, provider: Arc<dyn CredentialsProvider>) -> Self {
        self.credentials = Some(provider);
        self
    }

    /// PEM certificates that are trusted beside the system's and the bundled ones ([`TlsOptions`](crate::TlsOptions)).
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.tls.ca_file = Some(path.into());
        self
    }

    /// Takes any certificate: whoever is in the way can read and change everything. For tests only; say so to whoever
    /// asked for it.
    pub fn insecure_skip_verify(mut self, skip: bool) -> Self {
        self.options.tls.insecure_skip_verify = skip;
        self
    }

    /// Through which proxy each server is reached. When not said, what the environment says
    /// ([`Proxies::from_environment`]).
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// How long to wait for a connection, a byte, a reply.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.options.timeouts = timeouts;
        self
    }

    /// How many bytes a second all of the client's connections may move together, both ways. A clone of the limit
    /// changes it while transfers run; clients that are given clones share it.
    pub fn bandwidth_limit(mut self, limit: &BandwidthLimit) -> Self {
        self.options.bandwidth = limit.clone();
        self
    }

    /// How long the plain calls go on. The resumable upload has its own budget
    /// ([`UploadObjectRequest::retry_budget`](crate::UploadObjectRequest::retry_budget)).
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// The `User-Agent` of every request.
    pub fn user_agent(mut self, text: impl Into<String>) -> Self {
        self.user_agent = Some(text.into());
        self
    }

    /// Says with every request that this account pays for it (`x-oss-request-payer: requester`), as buckets demand whose
    /// owners do not.
    pub fn requester_pays(mut self, pays: bool) -> Self {
        self.requester_pays = pays;
        self
    }

    /// How fast OSS lets each request move data; an upload may have its own
    /// ([`UploadObjectRequest::traffic_limit`](crate::UploadObjectRequest::traffic_limit)).
    pub fn traffic_limit(mut self, limit: TrafficLimit) -> Self {
        self.traffic_limit = Some(limit);
        self
    }

    /// The most bytes that the buffers of all uploads of this client take together, 8 MiB or more: an upload that finds
    /// them used up waits. When not said, see [`Memory`].
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.memory = Some(Memory::new(bytes));
        self
    }

    /// Sends requests by other means than sockets (a server in the process, a recorder). Certificates, proxies, timeouts
    /// and bandwidth limit are then the transport's own business.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// The client. No request is made.
    ///
    /// # Errors
    /// [`Error::NoEndpoint`], [`Error::TwoEndpoints`], [`Error::NoRegion`], [`Error::Endpoint`],
    /// [`Error::Tls`], [`Error::Proxy`] and [`Error::UserAgent`]: mend the value.
    pub fn build(self) -> Result<Client, Error> {
        let region = self.region.as_deref().map(check_region).transpose()?;
        let endpoint = self.server(region.as_deref())?;
        let region = region.or_else(|| endpoint.region_hint().map(str::to_owned));
        let signer = match (self.signature, &region) {
            (SignatureVersion::V1, _) => Signer::V1,
            (SignatureVersion::V4, Some(region)) => Signer::v4(region),
            (SignatureVersion::V4, None) => return Err(Error::NoRegion { endpoint: endpoint.to_string() }),
        };
        let (transport, direct, sockets): (Arc<dyn Transport>, Arc<dyn Transport>, _) = match self.transport {
            Some(transport) => (transport.clone(), transport, None),
            None => {
                let proxies = self.proxies.map_or_else(Proxies::from_environment, Ok)?;
                let options = TransportOptions { proxies, ..self.options };
                let sockets = Arc::new(HyperTransport::new(options)?);
                (sockets.clone(), Arc::new(to_this_host()?), Some(sockets))
            }
        };
        let default = DefaultCredentials::new(self.credentials_options, Arc::clone(&transport), direct);
        let default = self.credentials.is_none().then(|| Arc::new(default));
        let credentials = self.credentials.or_else(|| Some(default.clone()? as Arc<dyn CredentialsProvider>));
        let credentials = credentials.expect("one of the two is there");
        let mut builder = Caller::builder(endpoint, signer, credentials, transport);
        if let Some(retry) = self.retry {
            builder = builder.retry(retry);
        }
        if let Some(text) = self.user_agent {
            let value = http::HeaderValue::try_from(text).map_err(|_| Error::UserAgent)?;
            builder = builder.user_agent(value);
        }
        let caller = builder.build().with_requester_pays(self.requester_pays).with_traffic_limit(self.traffic_limit);
        let memory = self.memory.unwrap_or_default();
        Ok(Client::new(caller, default, region.unwrap_or_default(), memory, sockets))
    }
}

impl ClientBuilder {
    fn server(&self, region: Option<&str>) -> Result<Endpoint, Error> {
        match (&self.endpoint, region, self.network) {
            (Some(_), _, Some(_)) => Err(Error::TwoEndpoints),
            (Some(text), _, None) => Ok(Endpoint::parse(text, self.addressing)?),
            (None, Some(region), network) => {
                let endpoint = Endpoint::of_region(region, network.unwrap_or_default())?;
                Ok(Endpoint::parse(endpoint.host(), self.addressing)?)
            }
            (None, None, _) => Err(Error::NoEndpoint),
        }
    }
}

/// For the metadata service: it is on the same host or nowhere.
fn to_this_host() -> Result<HyperTransport, Error> {
    let connect = Duration::from_secs(1);
    let timeouts = Timeouts { connect, ..Timeouts::default() };
    Ok(HyperTransport::new(TransportOptions { timeouts, ..TransportOptions::default() })?)
}

/// The rules of a region are those of the endpoint that is made of it; `oss-` is the endpoint's prefix, not the region's.
fn check_region(region: &str) -> Result<String, Error> {
    if region.starts_with("oss-") {
        return Err(EndpointError::Region { region: region.to_owned() }.into());
    }
    Endpoint::from_region(region)?;
    Ok(region.to_owned())
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("region", &self.region)
            .field("network", &self.network)
            .field("addressing", &self.addressing)
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

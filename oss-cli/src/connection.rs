//! From options and environment to a client.

use crate::args::{AddressingArg, Connection};
use crate::embedded::{self, Embedded};
use crate::failure::Failure;
use oss_client::{Bucket, Client, CredentialsError, CredentialsOptions, Endpoint, Proxies, RetryPolicy};
use std::io::{self, Write};
use std::path::PathBuf;

const INSECURE: &str = "warning: --insecure-skip-verify: the server's certificate is not checked, so that whoever is in \
the way can read and change what is sent";

/// A client, and the server behind it when that is in this process.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) embedded: Option<Embedded>,
    /// Which credentials are used, in a line for people.
    pub(crate) credentials: Option<String>,
}

impl Connection {
    /// The directory of the embedded server, when that is the endpoint.
    pub(crate) fn embedded_dir(&self) -> Option<PathBuf> {
        embedded::dir_of(&self.endpoint()?)
    }

    /// Checks everything that can be checked without a request, and starts the embedded server where one is asked for.
    pub(crate) async fn connect(&self) -> Result<Connected, Failure> {
        if self.trust.insecure_skip_verify {
            // At every run, also a quiet one.
            let _ = writeln!(io::stderr(), "{INSECURE}");
        }
        match self.embedded_dir() {
            Some(dir) => self.connect_embedded(dir).await,
            None => self.connect_remote().await,
        }
    }

    async fn connect_remote(&self) -> Result<Connected, Failure> {
        let options = self.credentials.options().map_err(|words| Failure::usage(anyhow::anyhow!(words)))?;
        let mut builder = self.builder().credentials_options(options.clone()).proxies(self.proxy.proxies()?);
        let (endpoint, region) = self.place(&options)?;
        let plain = endpoint.as_deref().is_some_and(|text| text.starts_with("http://"));
        if let (None, false, Some(file)) = (&self.trust.ca_file, plain, variable("SSL_CERT_FILE")) {
            builder = builder.ca_file(file);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(region) = region {
            builder = builder.region(region);
        }
        let client = builder.build().map_err(|error| self.with_hint(error))?;
        let credentials = credentials(&client).await?;
        Ok(Connected { client, embedded: None, credentials })
    }

    /// Endpoint and region: as typed, from the environment, from the profile. A profile's endpoint is not mixed with a
    /// region from elsewhere, nor its region with an endpoint that tells its own.
    fn place(&self, options: &CredentialsOptions) -> Result<(Option<String>, Option<String>), Failure> {
        let (endpoint, region) = (self.endpoint(), self.region.clone().or_else(|| variable("OSS_REGION")));
        let tells_region = |text: &String| Endpoint::parse(text, None).is_ok_and(|e| e.region_hint().is_some());
        if region.is_some() || endpoint.as_ref().is_some_and(tells_region) {
            return Ok((endpoint, region));
        }
        let settings = options.settings().map_err(no_credentials)?;
        let of_profile = || settings.endpoint.filter(|_| self.network.is_none());
        Ok((endpoint.or_else(of_profile), settings.region))
    }

    async fn connect_embedded(&self, dir: PathBuf) -> Result<Connected, Failure> {
        if self.addressing.is_some_and(|addressing| addressing != AddressingArg::Path) {
            return Err(Failure::usage(anyhow::anyhow!("addressing: the embedded server is reached by path only")));
        }
        let region = self.region.as_deref().unwrap_or(embedded::REGION);
        // Checked before the server makes its directory. It is in this process: no proxy stands before it.
        let builder = self.builder().proxies(Proxies::none()).region(region).credentials(Embedded::credentials());
        builder.endpoint("http://127.0.0.1").build().map_err(|error| self.with_hint(error))?;
        let embedded = Embedded::start(&dir, region).await?;
        let builder = self.builder().proxies(Proxies::none()).region(region).credentials(Embedded::credentials());
        let client = builder.endpoint(embedded.url()).build().map_err(|error| self.with_hint(error))?;
        Ok(Connected { client, embedded: Some(embedded), credentials: None })
    }

    fn builder(&self) -> oss_client::ClientBuilder {
        let mut builder = Client::builder()
            .signature_version(self.sign_version.into())
            .timeouts(self.limits.timeouts())
            .requester_pays(self.request_payer.is_some())
            .bandwidth_limit(&self.limits.bandwidth())
            .retry(RetryPolicy { budget: self.limits.retry_budget, ..RetryPolicy::default() })
            .user_agent(concat!("oss-cli/", env!("CARGO_PKG_VERSION")));
        if let Some(network) = self.network {
            builder = builder.network(network.into());
        }
        if let Some(addressing) = self.addressing {
            builder = builder.addressing(addressing.into());
        }
        if let Some(file) = &self.trust.ca_file {
            builder = builder.ca_file(file);
        }
        builder.insecure_skip_verify(self.trust.insecure_skip_verify)
    }

    fn with_hint(&self, error: oss_client::Error) -> Failure {
        let option = match &error {
            oss_client::Error::NoEndpoint if self.network.is_some() => {
                return Failure::usage(anyhow::anyhow!("--network needs the region: give --region (OSS_REGION)"));
            }
            oss_client::Error::Tls(_) if self.trust.ca_file.is_none() => "SSL_CERT_FILE cannot be used",
            _ => return with_hint(error),
        };
        Failure::usage(anyhow::Error::new(error).context(option))
    }

    /// `--network` names the endpoint as `--endpoint` does: the environment's gives way to either.
    fn endpoint(&self) -> Option<String> {
        let from_environment = || self.network.is_none().then(|| variable("OSS_ENDPOINT")).flatten();
        self.endpoint.clone().or_else(from_environment)
    }
}

impl Connected {
    /// Ends the embedded server, if there is one.
    pub(crate) async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.shutdown().await;
        }
    }
}

/// Finds the credentials and tries them once, so that what is broken is told before anything is sent. A service that
/// cannot be reached now is left to the upload, which goes on trying.
async fn credentials(client: &Client) -> Result<Option<String>, Failure> {
    let Some(chosen) = client.chosen_credentials().await.map_err(no_credentials)? else { return Ok(None) };
    // The debug log has them already.
    for warning in chosen.warnings.iter().filter(|_| !crate::log::is_on()) {
        let _ = writeln!(io::stderr(), "warning: {warning}");
    }
    let key = match chosen.credentials().await {
        Ok(credentials) => format!("access key {}", credentials.masked_id()),
        Err(CredentialsError::Unavailable(_)) => "which cannot be had at the moment".to_owned(),
        Err(error) => return Err(no_credentials(error)),
    };
    Ok(Some(format!("credentials: {}, {key}", chosen.origin)))
}

fn no_credentials(error: CredentialsError) -> Failure {
    let words = match error {
        CredentialsError::Missing(_) => {
            "no credentials: set OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET, or name a --profile"
        }
        _ => "no credentials",
    };
    Failure::usage(anyhow::Error::new(error).context(words))
}

/// What is worth a line about an endpoint that is taken although it is not spelled as it should be.
pub(crate) fn note(client: &Client, bucket: &Bucket) -> Option<String> {
    let endpoint = client.endpoint();
    let words = format!("note: {endpoint} names the bucket {bucket} already; the endpoint is what comes after it");
    endpoint.names(bucket).then_some(words)
}

/// An environment variable; an empty one is not set.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

/// The library's words, with the options that mend it.
fn with_hint(error: oss_client::Error) -> Failure {
    use oss_client::{EndpointError, Error};
    const WHERE: &str = "give --region or --endpoint (OSS_REGION, OSS_ENDPOINT), or try --endpoint embedded";
    let option = match &error {
        Error::NoEndpoint => return Failure::usage(anyhow::anyhow!("{error}: {WHERE}")),
        Error::NoRegion { .. } => {
            return Failure::usage(anyhow::anyhow!("{error}: give --region (OSS_REGION), or --sign-version v1"));
        }
        Error::Endpoint(EndpointError::Region { .. }) => "--region cannot be used",
        Error::Endpoint(_) => "--endpoint cannot be used",
        Error::Tls(_) => "--ca-file cannot be used",
        _ => return Failure::usage(error),
    };
    Failure::usage(anyhow::Error::new(error).context(option))
}

//! From options and environment to a client.

use crate::args::{AddressingArg, Connection};
use crate::embedded::{self, Embedded};
use crate::failure::Failure;
use oss_client::{Bucket, Client, CredentialsProvider, EnvironmentCredentials, RetryPolicy};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

const INSECURE: &str = "warning: --insecure-skip-verify: the server's certificate is not checked, so that whoever is in \
the way can read and change what is sent";

/// A client, and the server behind it when that is in this process.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) embedded: Option<Embedded>,
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
        let mut builder = self.builder();
        let endpoint = self.endpoint();
        let plain = endpoint.as_deref().is_some_and(|text| text.starts_with("http://"));
        if let (None, false, Some(file)) = (&self.trust.ca_file, plain, variable("SSL_CERT_FILE")) {
            builder = builder.ca_file(file);
        }
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some(region) = self.region.clone().or_else(|| variable("OSS_REGION")) {
            builder = builder.region(region);
        }
        let credentials = EnvironmentCredentials::new();
        let client = builder
            .credentials_provider(Arc::new(credentials.clone()))
            .build()
            .map_err(|error| self.with_hint(error))?;
        if let Err(error) = credentials.credentials().await {
            return Err(Failure::usage(anyhow::Error::new(error).context("no credentials")));
        }
        Ok(Connected { client, embedded: None })
    }

    async fn connect_embedded(&self, dir: PathBuf) -> Result<Connected, Failure> {
        if self.addressing.is_some_and(|addressing| addressing != AddressingArg::Path) {
            return Err(Failure::usage(anyhow::anyhow!("addressing: the embedded server is reached by path only")));
        }
        let region = self.region.as_deref().unwrap_or(embedded::REGION);
        // Checked before the server makes its directory.
        let builder = self.builder().region(region).credentials(Embedded::credentials());
        builder.endpoint("http://127.0.0.1").build().map_err(|error| self.with_hint(error))?;
        let embedded = Embedded::start(&dir, region).await?;
        let builder = self.builder().region(region).credentials(Embedded::credentials());
        let client = builder.endpoint(embedded.url()).build().map_err(|error| self.with_hint(error))?;
        Ok(Connected { client, embedded: Some(embedded) })
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

//! `--endpoint embedded[:DIR]`: an OSS server inside this process.

use crate::failure::Failure;
use oss_client::Credentials;
use oss_emulator::{BuildError, Emulator, Serving, Store, StoreError};
use std::path::{Path, PathBuf};

/// The region of the embedded server when none is said.
pub(crate) const REGION: &str = "cn-hangzhou";
/// The embedded server listens on loopback for the life of one command: its key is no secret.
pub(crate) const DEMO_ID: &str = "demo-access-key-id";
pub(crate) const DEMO_SECRET: &str = "demo-access-key-secret";
const DEFAULT_DIR: &str = ".oss-embedded";

#[derive(Debug)]
pub(crate) struct Embedded {
    serving: Serving,
    dir: PathBuf,
}

/// The directory, when the endpoint is an embedded one.
pub(crate) fn dir_of(endpoint: &str) -> Option<PathBuf> {
    match endpoint.strip_prefix("embedded")? {
        "" | ":" => Some(PathBuf::from(DEFAULT_DIR)),
        rest => rest.strip_prefix(':').map(PathBuf::from),
    }
}

impl Embedded {
    /// Opens the store under `dir` (made when missing) and serves it on a loopback port.
    pub(crate) async fn start(dir: &Path, region: &str) -> Result<Self, Failure> {
        let emulator = Emulator::builder()
            .store(Store::Disk(dir.to_owned()))
            .region(region)
            .credentials(DEMO_ID, DEMO_SECRET)
            .auto_create_buckets(true)
            .build()
            .map_err(refused)?;
        let unusable = |error: std::io::Error| {
            Failure::usage(anyhow::Error::new(error).context(format!("endpoint: {} cannot be used", dir.display())))
        };
        let dir = dir.canonicalize().map_err(unusable)?;
        let serving = emulator.spawn().await.map_err(|error| {
            Failure::again(anyhow::Error::new(error).context("the embedded server gets no loopback port"))
        })?;
        Ok(Self { serving, dir })
    }

    /// Its URL, another one in every run.
    pub(crate) fn url(&self) -> String {
        self.serving.endpoint()
    }

    /// Its name, the same in every run: what a checkpoint calls it.
    pub(crate) fn name(&self) -> String {
        format!("embedded:{}", self.dir.display())
    }

    /// The key it knows.
    pub(crate) fn credentials() -> Credentials {
        Credentials::new(DEMO_ID, DEMO_SECRET)
    }

    /// Lets what is under way end, and closes the store.
    pub(crate) async fn shutdown(self) {
        self.serving.shutdown().await;
    }
}

/// A store that another process has open is there again when that one ends; any other trouble is the user's to mend.
pub(crate) fn refused(error: BuildError) -> Failure {
    let again = matches!(error, BuildError::Store(StoreError::Locked { .. }));
    if again { Failure::again(error) } else { Failure::usage(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_endpoint_names_its_directory() {
        assert_eq!(dir_of("embedded"), Some(".oss-embedded".into()));
        assert_eq!(dir_of("embedded:/data/x:y"), Some("/data/x:y".into()));
        assert_eq!(dir_of("embedded.example.com"), None);
        assert_eq!(dir_of("https://embedded"), None);
    }
}

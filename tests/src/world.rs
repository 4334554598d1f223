use crate::InProcess;
use oss_emulator::{Builder, Emulator, LedgerEntry, Operation, Serving};
use oss_http::{
    Addressing, Caller, Credentials, Endpoint, HyperTransport, Signer, StaticCredentials, Timeouts, Transport,
    TransportOptions,
};
use oss_multipart::{Completed, UploadError, UploadObjectRequest, upload};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The region both sides sign for.
pub const REGION: &str = "cn-hangzhou";
/// The bucket every world has.
pub const BUCKET: &str = "media";

/// The access key id the server knows.
pub const ID: &str = "test-id";
/// Its secret.
pub const SECRET: &str = "test-secret";

/// One test's world: an emulator with [`BUCKET`], a folder of files, and a caller that reaches it in process.
#[derive(Debug)]
pub struct World {
    /// The server, for faults, ledger and store.
    pub emulator: Emulator,
    folder: TempDir,
}

impl World {
    /// In memory, without faults.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// An emulator set up by `set`.
    pub fn with(set: impl FnOnce(Builder) -> Builder) -> Self {
        Self::in_folder(|builder, _| set(builder))
    }

    /// An emulator set up by `set`, which is given the world's folder: the place for a store on disk.
    pub fn in_folder(set: impl FnOnce(Builder, &Path) -> Builder) -> Self {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let builder = Emulator::builder().region(REGION).credentials(ID, SECRET).bucket(BUCKET).base_host("oss.test");
        let emulator = set(builder, folder.path()).build().expect("the emulator's settings are good");
        Self { emulator, folder }
    }

    /// The world's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the folder `files`, which holds nothing but what a test and its uploads put there.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let folder = self.folder.path().join("files");
        fs::create_dir_all(&folder).expect("the folder can be made");
        let path = folder.join(name);
        fs::write(&path, content).expect("the file can be written");
        path
    }

    /// The names in the folder `files`, sorted: whatever an upload left is among them.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("files")).expect("there is a file");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// V4, virtual-host style, in process.
    pub fn caller(&self) -> Caller {
        self.caller_of("http://oss.test", Addressing::Virtual, Signer::v4(REGION))
    }

    /// In process, as told.
    pub fn caller_of(&self, endpoint: &str, addressing: Addressing, signer: Signer) -> Caller {
        let endpoint = Endpoint::parse(endpoint, Some(addressing)).expect("a good endpoint");
        caller(endpoint, signer, Arc::new(InProcess::new(self.emulator.clone())))
    }

    /// Over a loopback socket, with these timeouts; the server lives as long as the second value.
    pub async fn socket(&self, signer: Signer, timeouts: Timeouts) -> (Caller, Serving) {
        let serving = self.emulator.spawn().await.expect("a free port");
        let endpoint = Endpoint::parse(&serving.endpoint(), None).expect("a good endpoint");
        let transport = HyperTransport::new(TransportOptions { timeouts, ..TransportOptions::default() })
            .expect("no CA file to go wrong");
        (caller(endpoint, signer, Arc::new(transport)), serving)
    }

    /// Uploads in process.
    ///
    /// # Errors
    /// Those of [`upload`].
    pub async fn upload(&self, request: UploadObjectRequest) -> Result<Completed, UploadError> {
        upload(&self.caller(), REGION, request).await
    }

    /// The requests of one operation, in order.
    pub fn requests(&self, operation: Operation) -> Vec<LedgerEntry> {
        self.emulator.ledger().into_iter().filter(|entry| entry.operation == operation).collect()
    }

    /// The part numbers of all UploadPart requests after the first `skip` requests of any kind, sorted.
    pub fn parts_sent(&self, skip: usize) -> Vec<u32> {
        let ledger = self.emulator.ledger();
        let parts = ledger.iter().skip(skip).filter(|entry| entry.operation == Operation::UploadPart);
        let mut numbers: Vec<_> = parts.filter_map(|entry| entry.part_number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The object is these bytes, no upload is left on the server, and nothing but `files` in the folder.
    pub fn assert_published(&self, key: &str, content: &[u8], files: &[&str]) {
        let stored = self.emulator.object_bytes(BUCKET, key).expect("the object is there");
        assert!(stored == content, "{key:?} differs: {} bytes stored, {} expected", stored.len(), content.len());
        assert_eq!(self.emulator.uploads(BUCKET), [], "an upload was left on the server");
        assert_eq!(self.files(), files, "something was left beside the file");
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn caller(endpoint: Endpoint, signer: Signer, transport: Arc<dyn Transport>) -> Caller {
    let keys = StaticCredentials::new(Credentials::new(ID, SECRET));
    Caller::builder(endpoint, signer, Arc::new(keys), transport).build()
}

/// `len` bytes that repeat nowhere soon: a part in the wrong place is seen.
pub fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ len as u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

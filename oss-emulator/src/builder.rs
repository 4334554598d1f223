use crate::authenticate::Access;
use crate::callback::{CallbackRequest, CallbackServer};
use crate::clock::Clock;
use crate::emulator::Shared;
use crate::ledger::Ledger;
use crate::link::Shaping;
use crate::store::Shelf;
use crate::{Emulator, FaultScript, Link, Store, StoreError};
use oss_proto::{Bucket, NameError};
use oss_sign::Credentials;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What an [`Emulator`] is to be: by default in memory, region `cn-hangzhou`, no credentials known, anonymous requests
/// refused, buckets made by PutBucket only.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    access: Access,
    base_hosts: Vec<String>,
    buckets: Vec<String>,
    auto_create_buckets: bool,
    store: Store,
    faults: FaultScript,
    clock_offset: i64,
    body_timeout: Option<Duration>,
    link: Option<Link>,
    callbacks: Option<CallbackServer>,
}

/// Why there is no emulator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A bucket's name breaks OSS's rules.
    #[error("a bucket of the emulator has no good name")]
    Bucket(#[source] NameError),
    /// The folder of the store cannot be used.
    #[error("the emulator cannot open its store")]
    Store(#[from] StoreError),
    /// A bucket could not be written to the store.
    #[error("bucket {name:?} could not be made: {reason}")]
    CreateBucket {
        /// The bucket.
        name: String,
        /// What went wrong.
        reason: String,
    },
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            access: Access { region: "cn-hangzhou".to_owned(), known: Mutex::default(), anonymous: false },
            base_hosts: Vec::new(),
            buckets: Vec::new(),
            auto_create_buckets: false,
            store: Store::Memory,
            faults: FaultScript::new(),
            clock_offset: 0,
            body_timeout: None,
            link: None,
            callbacks: None,
        }
    }
}

impl Builder {
    /// The region V4 signatures must name, without `oss-`.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.access.region = region.into();
        self
    }

    /// A long-term key pair that may sign. May be called several times.
    pub fn credentials(self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        self.access.grant(Credentials::new(id, secret), None);
        self
    }

    /// A temporary key pair that may sign together with its security token. May be called several times.
    pub fn temporary_credentials(
        self,
        id: impl Into<String>,
        secret: impl Into<String>,
        token: impl Into<String>,
    ) -> Self {
        self.access.grant(Credentials::new(id, secret).with_security_token(token), None);
        self
    }

    /// Whether unsigned requests are let in. Signatures that come are checked in any case.
    pub fn anonymous(mut self, anonymous: bool) -> Self {
        self.access.anonymous = anonymous;
        self
    }

    /// A bucket that is there from the start. May be called several times.
    pub fn bucket(mut self, name: impl Into<String>) -> Self {
        self.buckets.push(name.into());
        self
    }

    /// Whether a bucket is made when it is first used.
    pub fn auto_create_buckets(mut self, auto: bool) -> Self {
        self.auto_create_buckets = auto;
        self
    }

    /// A host name, without port, under which buckets stand in the path, or before it as `BUCKET.host`. `localhost` and
    /// addresses need not be named.
    pub fn base_host(mut self, host: impl Into<String>) -> Self {
        self.base_hosts.push(host.into());
        self
    }

    /// Where data is kept.
    pub fn store(mut self, store: Store) -> Self {
        self.store = store;
        self
    }

    /// What goes wrong. More can be added later by [`Emulator::add_fault`].
    pub fn faults(mut self, faults: FaultScript) -> Self {
        self.faults = faults;
        self
    }

    /// Seconds the server's clock is ahead (behind, when negative).
    pub fn clock_offset(mut self, seconds: i64) -> Self {
        self.clock_offset = seconds;
        self
    }

    /// How long the next piece of a request's body may take before `RequestTimeout`; for ever by default. Needs a tokio
    /// runtime with time.
    pub fn body_timeout(mut self, limit: Duration) -> Self {
        self.body_timeout = Some(limit);
        self
    }

    /// What the way here is like for clients that come over sockets.
    pub fn link(mut self, link: Link) -> Self {
        self.link = Some(link);
        self
    }

    /// Answers callbacks by a function: status and body. Else they are posted to the loopback address they name.
    pub fn callbacks(mut self, serve: impl Fn(&CallbackRequest) -> (u16, String) + Send + Sync + 'static) -> Self {
        self.callbacks = Some(CallbackServer::new(serve));
        self
    }

    /// Opens the store and makes the buckets.
    ///
    /// # Errors
    /// [`BuildError::Store`] when the folder cannot be used, among that because another emulator has it open;
    /// [`BuildError::Bucket`] for a bad name.
    pub fn build(self) -> Result<Emulator, BuildError> {
        let clock = Clock::new(self.clock_offset);
        let shelf = Shelf::open(&self.store)?;
        for name in self.buckets {
            Bucket::new(&name).map_err(BuildError::Bucket)?;
            let made = shelf.create_bucket(&name, clock.seconds());
            made.map_err(|refusal| BuildError::CreateBucket { name, reason: refusal.message().to_owned() })?;
        }
        let shared = Shared {
            shelf,
            clock,
            access: self.access,
            base_hosts: self.base_hosts,
            auto_create_buckets: self.auto_create_buckets,
            body_timeout: self.body_timeout,
            callbacks: self.callbacks,
            shaping: self.link.map(Shaping::new),
            ledger: Ledger::new(),
            faults: Mutex::new(self.faults),
        };
        Ok(Emulator { shared: Arc::new(shared) })
    }
}

//! Credentials that end while parts are under way, and runs that go on with others.

use crate::{Events, PART, request, stop_at};
use oss_emulator::{Emulator, Operation};
use oss_http::{
    Addressing, BoxFuture, CachedCredentials, Caller, Credentials, CredentialsError, CredentialsProvider,
    CredentialsSource, Endpoint, Issued, Payload, ReplyBody, ResponseTimeout, Signer, StaticCredentials, Transport,
    TransportError,
};
use oss_multipart::{Completed, Event, UploadError, UploadObjectRequest, upload};
use oss_tests::{BUCKET, InProcess, REGION, World, bytes};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long every token is good for, and how long a part takes: the tokens of one upload end several times.
const LIFE: Duration = Duration::from_secs(60);
const PART_TAKES: Duration = Duration::from_secs(7);

/// A token service that the emulator believes. Each token takes a second to get.
#[derive(Debug, Clone)]
struct Sts {
    emulator: Emulator,
    issued: Arc<AtomicUsize>,
    /// What it says of the life of its tokens; they end after [`LIFE`] whatever it says.
    told: Option<Duration>,
}

impl Sts {
    fn new(world: &World, told: Option<Duration>) -> Self {
        Self { emulator: world.emulator.clone(), issued: Arc::default(), told }
    }
}

impl CredentialsSource for Sts {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let number = self.issued.fetch_add(1, Ordering::Relaxed);
            let (id, token) = (format!("STS.{number}"), format!("token-{number}"));
            self.emulator.grant(&id, "secret", &token, self.emulator.now() + LIFE.as_secs());
            sleep(Duration::from_secs(1)).await;
            Ok(Issued { credentials: Credentials::new(id, "secret").with_security_token(token), life: self.told })
        })
    }
}

/// The emulator's clock follows tokio's, and a reply to a part takes its time.
#[derive(Debug)]
struct Slow {
    inner: InProcess,
    emulator: Emulator,
    began: Instant,
}

impl Transport for Slow {
    fn send(
        &self,
        request: http::Request<Payload>,
        timeout: ResponseTimeout,
    ) -> BoxFuture<'_, Result<http::Response<ReplyBody>, TransportError>> {
        Box::pin(async move {
            let part = request.uri().query().is_some_and(|query| query.contains("partNumber"));
            self.emulator.set_clock_offset(i64::try_from(self.began.elapsed().as_secs()).unwrap());
            let reply = self.inner.send(request, timeout).await;
            if part {
                sleep(PART_TAKES).await;
            }
            reply
        })
    }
}

fn caller(world: &World, credentials: Arc<dyn CredentialsProvider>) -> Caller {
    let endpoint = Endpoint::parse("http://oss.test", Some(Addressing::Virtual)).unwrap();
    let (inner, emulator) = (InProcess::new(world.emulator.clone()), world.emulator.clone());
    let transport = Slow { inner, emulator, began: Instant::now() };
    Caller::builder(endpoint, Signer::v4(REGION), credentials, Arc::new(transport)).build()
}

async fn run(world: &World, sts: &Sts, request: UploadObjectRequest) -> Result<Completed, UploadError> {
    upload(&caller(world, Arc::new(CachedCredentials::new(sts.clone()))), REGION, request).await
}

/// How often the server refused a signature.
fn refusals(world: &World) -> usize {
    world.emulator.ledger().iter().filter(|entry| entry.status == Some(403)).count()
}

#[tokio::test(start_paused = true)]
async fn tokens_that_end_during_the_upload_cost_no_part_and_no_retry() {
    let world = World::new();
    let content = bytes(120 * PART);
    let file = world.file("data.bin", &content);
    let sts = Sts::new(&world, Some(LIFE));
    let events = Events::default();
    let done = run(&world, &sts, events.watch(request("key", &file).parallel(4))).await.unwrap();
    assert!(sts.issued.load(Ordering::Relaxed) >= 4, "the upload outlived several tokens");
    assert_eq!((done.retries, refusals(&world)), (0, 0));
    assert_eq!(world.parts_sent(0), (1..=120).collect::<Vec<_>>(), "no part was sent twice");
    assert!(!events.any(|event| matches!(event, Event::Retry { .. })));
    world.assert_published("key", &content, &["data.bin"]);
}

/// The source does not say when its tokens end (a program, say): the server does.
#[tokio::test(start_paused = true)]
async fn tokens_whose_end_is_not_known_cost_the_parts_in_flight_and_no_retry() {
    let world = World::new();
    let content = bytes(120 * PART);
    let file = world.file("data.bin", &content);
    let sts = Sts::new(&world, None);
    // More in flight than rounds of refusals are allowed: they are all refused at once.
    let done = run(&world, &sts, request("key", &file).parallel(8)).await.unwrap();
    let issued = sts.issued.load(Ordering::Relaxed);
    assert!(issued >= 2);
    assert_eq!(done.retries, 0);
    assert!(refusals(&world) <= 8 * (issued - 1), "{} refusals, {issued} tokens", refusals(&world));
    world.assert_published("key", &content, &["data.bin"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_always_refused_ends_the_upload_in_its_own_words() {
    let world = World::new();
    let file = world.file("data.bin", bytes(10 * PART));
    let keys = Credentials::new("STS.gone", "secret").with_security_token("gone");
    let caller = caller(&world, Arc::new(StaticCredentials::new(keys)));
    let error = upload(&caller, REGION, request("key", &file)).await.unwrap_err();
    assert_eq!(error.service().unwrap().code.as_str(), "InvalidAccessKeyId");
    assert!(world.emulator.ledger().len() <= 10, "it does not go on for ever");
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_with_other_credentials() {
    let world = World::new();
    world.emulator.grant("STS.a", "secret-a", "token-a", world.emulator.now() + 10_000);
    world.emulator.grant("STS.b", "secret-b", "token-b", world.emulator.now() + 10_000);
    let content = bytes(12 * PART);
    let file = world.file("data.bin", &content);
    let with = |name: &str| {
        let keys = Credentials::new(format!("STS.{name}"), format!("secret-{name}"));
        caller(&world, Arc::new(StaticCredentials::new(keys.with_security_token(format!("token-{name}")))))
    };
    let gate = stop_at(&world.emulator, Operation::UploadPart, 6);
    let cancel = oss_multipart::CancellationToken::new();
    let first = with("a");
    let (ended, ()) = tokio::join!(upload(&first, REGION, request("key", &file).cancellation(cancel.clone())), async {
        gate.arrived(1).await;
        cancel.cancel();
    });
    assert!(ended.unwrap_err().is_resumable());
    world.emulator.clear_faults();

    let held = world.emulator.uploads(BUCKET)[0].parts.len();
    assert!(held > 0);
    let done = upload(&with("b"), REGION, request("key", &file)).await.unwrap();
    assert_eq!(done.parts_reused as usize, held);
    world.assert_published("key", &content, &["data.bin"]);
}

//! The cache of credentials, in tokio's paused time, with a source that does what the test says.

use oss_http::{
    BoxFuture, CachedCredentials, Credentials, CredentialsError, CredentialsProvider, CredentialsSource, Issued,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, advance, sleep};

/// Issues `key1`, `key2`, …; each takes `takes` and lives for `life`. While it is `down`, it fails after that time.
#[derive(Debug, Default, Clone)]
struct Mint(Arc<Workings>);

#[derive(Debug, Default)]
struct Workings {
    takes: Duration,
    life: Option<Duration>,
    asked: AtomicUsize,
    down: AtomicBool,
}

impl Mint {
    fn new(takes: u64, life: Option<u64>) -> Self {
        let seconds = Duration::from_secs;
        Self(Arc::new(Workings { takes: seconds(takes), life: life.map(seconds), ..Workings::default() }))
    }

    fn asked(&self) -> usize {
        self.0.asked.load(Ordering::Relaxed)
    }

    fn down(&self, down: bool) {
        self.0.down.store(down, Ordering::Relaxed);
    }
}

impl CredentialsSource for Mint {
    fn fetch(&self) -> BoxFuture<'_, Result<Issued, CredentialsError>> {
        Box::pin(async move {
            let number = self.0.asked.fetch_add(1, Ordering::Relaxed) + 1;
            sleep(self.0.takes).await;
            if self.0.down.load(Ordering::Relaxed) {
                return Err(CredentialsError::Unavailable(Arc::new(std::io::Error::other("down"))));
            }
            let credentials = Credentials::new(format!("key{number}"), "secret").with_security_token("token");
            Ok(Issued { credentials, life: self.0.life })
        })
    }
}

async fn id(cache: &CachedCredentials) -> String {
    cache.credentials().await.unwrap().access_key_id().to_owned()
}

async fn advance_s(seconds: u64) {
    advance(Duration::from_secs(seconds)).await;
}

/// Lets the fetch that runs beside come to its end.
async fn landed(mint: &Mint) {
    sleep(mint.0.takes + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_parts_that_ask_at_once_wait_for_one_fetch_and_get_its_key() {
    let mint = Mint::new(2, Some(3_600));
    let cache = CachedCredentials::new(mint.clone());
    let began = Instant::now();
    let parts: Vec<_> = (0..100)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move { id(&cache).await })
        })
        .collect();
    for part in parts {
        assert_eq!(part.await.unwrap(), "key1");
    }
    assert_eq!((mint.asked(), began.elapsed()), (1, Duration::from_secs(2)));
}

#[tokio::test(start_paused = true)]
async fn the_old_token_is_used_while_the_new_one_is_fetched() {
    let mint = Mint::new(20, Some(3_600));
    let cache = CachedCredentials::new(mint.clone());
    assert_eq!(id(&cache).await, "key1");
    advance_s(3_300).await;
    let asked = Instant::now();
    for _ in 0..10 {
        assert_eq!(id(&cache).await, "key1");
    }
    assert_eq!(asked.elapsed(), Duration::ZERO, "nobody waited");
    landed(&mint).await;
    assert_eq!((id(&cache).await.as_str(), mint.asked()), ("key2", 2));
}

#[tokio::test(start_paused = true)]
async fn a_failing_source_holds_nobody_up_as_long_as_the_old_token_is_good() {
    let mint = Mint::new(0, Some(3_600));
    let cache = CachedCredentials::new(mint.clone());
    assert_eq!(id(&cache).await, "key1");
    mint.down(true);
    for age in (3_300..3_600).step_by(10) {
        assert_eq!(id(&cache).await, "key1");
        if age == 3_300 {
            advance_s(3_300).await;
        } else {
            advance_s(9).await;
        }
    }
    assert!((2..40).contains(&mint.asked()), "asked again, with pauses: {}", mint.asked());
    advance_s(60).await;
    assert!(matches!(cache.credentials().await, Err(CredentialsError::Unavailable(_))), "now it is dead");
    mint.down(false);
    assert!(id(&cache).await.starts_with("key"), "and it recovers");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_makes_one_refresh_however_many_attempts_report_it() {
    let mint = Mint::new(1, None);
    let cache = CachedCredentials::new(mint.clone());
    let old = cache.credentials().await.unwrap();
    for _ in 0..8 {
        cache.invalidate(&old);
    }
    let new = cache.credentials().await.unwrap();
    assert_eq!((new.access_key_id(), mint.asked()), ("key2", 2));
    // An attempt that was signed with the old ones is answered late.
    cache.invalidate(&old);
    assert_eq!((id(&cache).await.as_str(), mint.asked()), ("key2", 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_not_signed_with_again_while_the_new_one_is_fetched() {
    let mint = Mint::new(5, Some(3_600));
    let cache = CachedCredentials::new(mint.clone());
    let old = cache.credentials().await.unwrap();
    cache.invalidate(&old);
    let (one, other) = tokio::join!(id(&cache), id(&cache));
    assert_eq!((one.as_str(), other.as_str(), mint.asked()), ("key2", "key2", 2));
    mint.down(true);
    cache.invalidate(&cache.credentials().await.unwrap());
    assert!(cache.credentials().await.is_err(), "never the refused one");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_end_the_fetch_for_the_others() {
    let mint = Mint::new(10, None);
    let cache = CachedCredentials::new(mint.clone());
    let impatient = tokio::time::timeout(Duration::from_secs(1), cache.credentials()).await;
    assert!(impatient.is_err());
    let began = Instant::now();
    assert_eq!(id(&cache).await, "key1");
    assert_eq!((began.elapsed(), mint.asked()), (Duration::from_secs(9), 1));
}

#[test]
fn a_fetch_that_dies_with_its_runtime_is_begun_again_in_the_next() {
    let mint = Mint::new(3_600, None);
    let cache = CachedCredentials::new(mint.clone());
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime().block_on(async {
        let _ = tokio::time::timeout(Duration::from_secs(1), cache.credentials()).await;
    });
    assert_eq!(runtime().block_on(id(&cache)), "key2");
}

#[tokio::test(start_paused = true)]
async fn debug_shows_neither_secret_nor_token() {
    let cache = CachedCredentials::new(Mint::new(0, None));
    let issued = cache.credentials().await.unwrap();
    for words in [format!("{cache:?}"), format!("{:?}", Issued { credentials: issued, life: None })] {
        assert!(!words.contains("\"secret\"") && !words.contains("\"token\""), "{words}");
    }
}

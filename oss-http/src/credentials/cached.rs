use super::freshness::{Advice, Freshness};
use super::{CredentialsError, CredentialsProvider, CredentialsSource, Issued};
use crate::{BoxFuture, clock};
use oss_sign::Credentials;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// Credentials of a [`CredentialsSource`], kept until shortly before they end. A clone is the same cache.
///
/// - However many attempts ask at once, one fetch is under way (*single flight*); what it gives, all of them get, and
///   nothing counts as fresh before it is there.
/// - New credentials are fetched beside the old ones, 5 minutes before their end (or after two thirds of a short life),
///   a little earlier by chance. As long as the old ones are good, a slow or failing source holds nobody up.
/// - What the server refuses is not given again, unless the source has nothing else.
///
/// The fetch runs in a task of its own, so that a dropped caller does not end it for the others; a tokio runtime is
/// needed.
#[derive(Clone)]
pub struct CachedCredentials(Arc<Inner>);

struct Inner {
    source: Arc<dyn CredentialsSource>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    flight: Option<Flight>,
}

struct Held {
    credentials: Credentials,
    asked: Moment,
    freshness: Freshness,
}

type Outcome = Result<Credentials, CredentialsError>;
type Flight = watch::Receiver<Option<Outcome>>;

impl CachedCredentials {
    /// Nothing is fetched before it is asked for.
    pub fn new(source: impl CredentialsSource + 'static) -> Self {
        Self::of(Arc::new(source))
    }

    pub(crate) fn of(source: Arc<dyn CredentialsSource>) -> Self {
        Self(Arc::new(Inner { source, state: Mutex::default() }))
    }

    /// The credentials to use now, or the fetch to wait for and what to do when it fails.
    fn look(&self) -> Result<Credentials, (Flight, Option<Credentials>)> {
        let mut state = self.0.lock();
        let advice = state.held.as_ref().map_or(Advice::Refresh, |held| held.freshness.advice(held.asked.age()));
        let held = state.held.as_ref().map(|held| held.credentials.clone());
        match (advice, held) {
            (Advice::Use, Some(held)) => Ok(held),
            (Advice::UseAndRefresh, Some(held)) => {
                self.flight(&mut state);
                Ok(held)
            }
            (Advice::RefreshOrUse, held) => Err((self.flight(&mut state), held)),
            _ => Err((self.flight(&mut state), None)),
        }
    }

    /// The fetch that is under way, or a new one.
    fn flight(&self, state: &mut State) -> Flight {
        // One whose task has died (its runtime ended) will never land.
        if let Some(flight) = state.flight.as_ref().filter(|flight| flight.has_changed().is_ok()) {
            return flight.clone();
        }
        let (landed, flight) = watch::channel(None);
        state.flight = Some(flight.clone());
        tokio::spawn(fly(Arc::clone(&self.0), landed));
        flight
    }
}

async fn fly(inner: Arc<Inner>, landed: watch::Sender<Option<Outcome>>) {
    let asked = Moment::now();
    let outcome = inner.source.fetch().await;
    if let Err(error) = &outcome {
        tracing::debug!(source = ?inner.source, error = %Chain(error), "no new credentials");
    }
    let mut state = inner.lock();
    match &outcome {
        Ok(Issued { credentials, life }) => {
            let freshness = Freshness::new(*life, fastrand::f64());
            state.held = Some(Held { credentials: credentials.clone(), asked, freshness });
        }
        Err(_) => {
            if let Some(held) = &mut state.held {
                let age = held.asked.age();
                held.freshness.failed(age);
            }
        }
    }
    state.flight = None;
    drop(state);
    landed.send_replace(Some(outcome.map(|issued| issued.credentials)));
}

impl CredentialsProvider for CachedCredentials {
    fn credentials(&self) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let (mut flight, fallback) = match self.look() {
                Ok(credentials) => return Ok(credentials),
                Err(waiting) => waiting,
            };
            let outcome = match flight.wait_for(Option::is_some).await {
                Ok(landed) => landed.clone().expect("it was waited for"),
                Err(_) => Err(CredentialsError::unavailable("the task that fetches credentials was ended")),
            };
            outcome.or_else(|error| fallback.ok_or(error))
        })
    }

    fn invalidate(&self, refused: &Credentials) {
        if let Some(held) = self.0.lock().held.as_mut().filter(|held| held.credentials == *refused) {
            held.freshness.refuse();
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CachedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CachedCredentials").field(&self.0.source).finish()
    }
}

/// An error and its causes on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// A point in time by both clocks: the monotonic one stands still while the machine sleeps, the other can be set.
#[derive(Debug, Clone, Copy)]
struct Moment {
    tick: Instant,
    wall: u64,
}

impl Moment {
    fn now() -> Self {
        Self { tick: Instant::now(), wall: clock::now() }
    }

    /// The longer of both: too early a refresh costs little, too late a one costs an attempt.
    fn age(&self) -> Duration {
        self.tick.elapsed().max(Duration::from_secs(clock::now().saturating_sub(self.wall)))
    }
}

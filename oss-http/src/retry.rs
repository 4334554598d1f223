use crate::Fault;
use std::time::Duration;

/// How long a plain call ([`Caller::call`](crate::Caller::call)) goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included. 10.
    pub attempts: u32,
    /// No attempt is begun later than this after the first. 5 minutes.
    pub budget: Duration,
    /// The first delay is between nothing and this; it doubles from attempt to attempt. 200 ms.
    pub base: Duration,
    /// No delay is longer, unless the server asks for it. 20 s.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 10,
            budget: Duration::from_secs(300),
            base: Duration::from_millis(200),
            cap: Duration::from_secs(20),
        }
    }
}

/// What a loop of attempts has seen so far.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: RetryPolicy,
    /// Initiate and Complete are not repeated when the server may have carried them out.
    repeatable: bool,
    made: u32,
    refreshed: bool,
    corrected: bool,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy, operation: &str) -> Self {
        let repeatable = !matches!(operation, "InitiateMultipartUpload" | "CompleteMultipartUpload");
        Self { policy, repeatable, made: 0, refreshed: false, corrected: false }
    }

    /// After a failed attempt: how long to wait before the next one, or `None` to give up.
    ///
    /// `elapsed`: since the first attempt. `jitter`: a random number in 0..1.
    pub(crate) fn next_delay(&mut self, fault: &Fault, elapsed: Duration, jitter: f64) -> Option<Duration> {
        self.made += 1;
        let at_least = self.wait_for(fault)?;
        // From 2^20 on every base has reached the cap.
        let doubled = self.policy.base.saturating_mul(1 << (self.made - 1).min(20));
        let delay = doubled.min(self.policy.cap).mul_f64(jitter).max(at_least);
        let in_time = elapsed.saturating_add(delay) < self.policy.budget;
        (self.made < self.policy.attempts && in_time).then_some(delay)
    }

    /// The least delay the fault demands; `None` when it is not to be repeated.
    fn wait_for(&mut self, fault: &Fault) -> Option<Duration> {
        let again = match fault {
            Fault::Transient | Fault::Corrupted => true,
            Fault::Throttled { retry_after } => return Some(retry_after.unwrap_or_default()),
            Fault::OutcomeUnknown => self.repeatable,
            Fault::CredentialsExpired => !std::mem::replace(&mut self.refreshed, true),
            Fault::ClockSkew => !std::mem::replace(&mut self.corrected, true),
            Fault::WrongEndpoint { .. }
            | Fault::Unproven
            | Fault::PartRejected { .. }
            | Fault::NoSuchUpload
            | Fault::AlreadyExists
            | Fault::CallbackFailed
            | Fault::SourceChanged
            | Fault::Rejected => false,
        };
        again.then_some(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(operation: &str) -> Attempts {
        Attempts::new(RetryPolicy::default(), operation)
    }

    #[test]
    fn delays_double_from_200_ms_to_20_s_and_end_after_ten_attempts() {
        let mut attempts = attempts("GetObject");
        let delays: Vec<_> = std::iter::from_fn(|| attempts.next_delay(&Fault::Transient, Duration::ZERO, 1.0))
            .map(|delay| delay.as_millis())
            .collect();
        assert_eq!(delays, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 20_000, 20_000]);
    }

    #[test]
    fn no_attempt_begins_after_the_budget() {
        let mut attempts = attempts("GetObject");
        let late = Duration::from_secs(299);
        assert!(attempts.next_delay(&Fault::Transient, late, 0.5).is_some());
        let long = Fault::Throttled { retry_after: Some(Duration::from_secs(2)) };
        assert_eq!(attempts.next_delay(&long, late, 0.0), None);
    }

    #[test]
    fn a_throttling_server_is_obeyed() {
        let throttled = Fault::Throttled { retry_after: Some(Duration::from_secs(30)) };
        let delay = attempts("GetObject").next_delay(&throttled, Duration::ZERO, 0.0);
        assert_eq!(delay, Some(Duration::from_secs(30)));
    }

    #[test]
    fn initiate_and_complete_are_not_repeated_when_the_outcome_is_unknown() {
        for (operation, repeated) in
            [("InitiateMultipartUpload", false), ("CompleteMultipartUpload", false), ("UploadPart", true)]
        {
            let delay = attempts(operation).next_delay(&Fault::OutcomeUnknown, Duration::ZERO, 0.5);
            assert_eq!(delay.is_some(), repeated, "{operation}");
            assert!(attempts(operation).next_delay(&Fault::Transient, Duration::ZERO, 0.5).is_some());
        }
    }

    #[test]
    fn credentials_and_clock_get_one_more_chance_each() {
        let mut attempts = attempts("GetObject");
        for fault in [Fault::CredentialsExpired, Fault::ClockSkew] {
            assert!(attempts.next_delay(&fault, Duration::ZERO, 0.0).is_some());
            assert_eq!(attempts.next_delay(&fault, Duration::ZERO, 0.0), None);
        }
    }
}

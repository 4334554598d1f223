//! Who signed, whether it is true, and whether in time.

use crate::call::Call;
use crate::refusal::Refusal;
use oss_proto::format_iso8601;
use oss_sign::verify::{Claim, Mismatch};
use oss_sign::{Credentials, Resource};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// OSS accepts a clock that is off by 15 minutes.
const MAX_SKEW: u64 = 15 * 60;

#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) region: String,
    pub(crate) known: Mutex<Vec<Known>>,
    /// Unsigned requests are let in.
    pub(crate) anonymous: bool,
}

/// A key that may sign.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) credentials: Credentials,
    /// Unix seconds from which it may not any more.
    pub(crate) until: Option<u64>,
}

impl Access {
    /// `Ok(true)` for a good signature, `Ok(false)` for an anonymous request that is let in. `now`: Unix seconds.
    pub(crate) fn check(&self, call: &Call, now: u64) -> Result<bool, Refusal> {
        let Some(claim) = Claim::parse(&call.query, &call.headers).map_err(|error| unreadable(&error.reason))? else {
            let denied = || denied("Anonymous access is forbidden for this operation.");
            return if self.anonymous { Ok(false) } else { Err(denied()) };
        };
        let credentials = self.signer(&claim, now)?;
        in_time(&claim, now)?;
        self.in_region(&claim)?;
        let resource = Resource {
            method: &call.method,
            bucket: call.bucket.as_deref(),
            key: call.key.as_deref(),
            query: &call.query,
        };
        match claim.check(resource, &call.headers, credentials.access_key_secret()) {
            Ok(()) => Ok(true),
            Err(mismatch) => Err(does_not_match(&claim, &mismatch)),
        }
    }

    /// Lets a key sign until that Unix second, or for ever.
    pub(crate) fn grant(&self, credentials: Credentials, until: Option<u64>) {
        self.lock().push(Known { credentials, until });
    }

    fn signer(&self, claim: &Claim, now: u64) -> Result<Credentials, Refusal> {
        let id = claim.access_key_id();
        let all = self.lock();
        let mut known = all.iter().filter(|known| known.credentials.access_key_id() == id).peekable();
        if known.peek().is_none() {
            let message = "The OSS Access Key Id you provided does not exist in our records.";
            return Err(Refusal::new(403, "InvalidAccessKeyId", message).with("OSSAccessKeyId", id));
        }
        if let Some(known) = known.find(|known| known.credentials.security_token() == claim.security_token()) {
            if known.until.is_some_and(|until| now >= until) {
                return Err(Refusal::new(403, "SecurityTokenExpired", "The security token you provided has expired."));
            }
            return Ok(known.credentials.clone());
        }
        Err(match claim.security_token() {
            Some(_) => Refusal::new(403, "InvalidSecurityToken", "The security token you provided is invalid."),
            // OSS does not know a temporary key without its token.
            None => Refusal::new(
                403,
                "InvalidAccessKeyId",
                "The OSS Access Key Id you provided is temporary: its security token is missing.",
            )
            .with("OSSAccessKeyId", id),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_region(&self, claim: &Claim) -> Result<(), Refusal> {
        match claim.region() {
            Some(region) if region != self.region => {
                let message =
                    format!("Invalid signing region in Authorization header: this is {}, not {region}.", self.region);
                Err(Refusal::argument("region", region, message))
            }
            _ => Ok(()),
        }
    }
}

/// Who says to have signed a request; whether it is true is not looked at.
pub(crate) fn claimed_id(call: &Call) -> Option<String> {
    let claim = Claim::parse(&call.query, &call.headers).ok()??;
    Some(claim.access_key_id().to_owned())
}

fn in_time(claim: &Claim, now: u64) -> Result<(), Refusal> {
    if let Some(end) = claim.expires_at() {
        return if now <= end {
            Ok(())
        } else {
            Err(denied("Request has expired.")
                .with("Expires", format_iso8601(end))
                .with("ServerTime", format_iso8601(now)))
        };
    }
    let Some(signed) = claim.time() else {
        return Err(denied("OSS authentication requires a valid Date."));
    };
    if now.abs_diff(signed) <= MAX_SKEW {
        return Ok(());
    }
    let message = "The difference between the request time and the current time is too large.";
    Err(Refusal::new(403, "RequestTimeTooSkewed", message)
        .with("MaxAllowedSkewMilliseconds", (MAX_SKEW * 1000).to_string())
        .with("RequestTime", format_iso8601(signed))
        .with("ServerTime", format_iso8601(now)))
}

fn does_not_match(claim: &Claim, mismatch: &Mismatch) -> Refusal {
    let message = "The request signature we calculated does not match the signature you provided. Check your key and signing method.";
    let octets: Vec<String> = mismatch.string_to_sign.bytes().map(|byte| format!("{byte:02X}")).collect();
    let refusal = Refusal::new(403, "SignatureDoesNotMatch", message)
        .with("OSSAccessKeyId", claim.access_key_id())
        .with("SignatureProvided", &mismatch.signature_provided)
        .with("StringToSign", &mismatch.string_to_sign)
        .with("StringToSignBytes", octets.join(" "));
    match &mismatch.canonical_request {
        Some(canonical) => refusal.with("CanonicalRequest", canonical),
        None => refusal,
    }
}

fn denied(message: &str) -> Refusal {
    Refusal::new(403, "AccessDenied", message)
}

fn unreadable(reason: &str) -> Refusal {
    Refusal::new(400, "InvalidArgument", format!("Authorization is invalid: {reason}"))
}

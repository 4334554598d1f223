//! Who signed, whether it is true, and whether in time.

use crate::call::Call;
use crate::refusal::Refusal;
use oss_proto::format_iso8601;
use oss_sign::verify::{Claim, Mismatch};
use oss_sign::{Credentials, Resource};

/// OSS accepts a clock that is off by 15 minutes.
const MAX_SKEW: u64 = 15 * 60;

#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) region: String,
    pub(crate) credentials: Vec<Credentials>,
    /// Unsigned requests are let in.
    pub(crate) anonymous: bool,
}

impl Access {
    /// `Ok(true)` for a good signature, `Ok(false)` for an anonymous request that is let in. `now`: Unix seconds.
    pub(crate) fn check(&self, call: &Call, now: u64) -> Result<bool, Refusal> {
        let Some(claim) = Claim::parse(&call.query, &call.headers).map_err(|error| unreadable(&error.reason))? else {
            let denied = || denied("Anonymous access is forbidden for this operation.");
            return if self.anonymous { Ok(false) } else { Err(denied()) };
        };
        let credentials = self.signer(&claim)?;
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

    fn signer(&self, claim: &Claim) -> Result<&Credentials, Refusal> {
        let id = claim.access_key_id();
        let mut known = self.credentials.iter().filter(|known| known.access_key_id() == id).peekable();
        if known.peek().is_none() {
            let message = "The OSS Access Key Id you provided does not exist in our records.";
            return Err(Refusal::new(403, "InvalidAccessKeyId", message).with("OSSAccessKeyId", id));
        }
        if let Some(credentials) = known.find(|known| known.security_token() == claim.security_token()) {
            return Ok(credentials);
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

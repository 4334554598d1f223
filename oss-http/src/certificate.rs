use std::fmt;

/// What is wrong with a server's certificate.
///
/// `Display` ends the sentence "the certificate of HOST …", with what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// Its time is over, or this machine's clock is ahead.
    Expired,
    /// Its time has not come, or this machine's clock is behind.
    NotYetValid,
    /// It is for other host names than the one that was asked.
    OtherName,
    /// It is issued by a CA that is not trusted: a private one, or that of a proxy that looks into TLS.
    UnknownIssuer,
    /// It is issued by itself, and is not among those that are trusted.
    SelfSigned,
    /// It was revoked, is damaged, is for another purpose, or has some other fault.
    Other,
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "has expired: have it renewed, or set this machine's clock",
            Self::NotYetValid => "is not valid yet: set this machine's clock",
            Self::OtherName => "is for another host name: use a name that it holds",
            Self::UnknownIssuer => {
                "is not trusted, its issuer is unknown: add a private CA (or that of an inspecting proxy) with a CA file"
            }
            Self::SelfSigned => "is not trusted, it is self-signed: if it is the right one, add it with a CA file",
            Self::Other => "is not trusted",
        })
    }
}

use std::fmt;
use std::io;

/// Why a proxy opened no connection to the server.
///
/// `Display` is a sentence about the proxy, with what to do; it never holds the proxy's user name or password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyRefusal {
    /// HTTP 407, or SOCKS5's words for it: the proxy wants a user name and a password, or other ones.
    Credentials,
    /// The HTTP status with which it answered CONNECT.
    Status(u16),
    /// The SOCKS5 reply code (RFC 1928, section 6).
    Reply(u8),
    /// What answered does not speak the proxy's protocol.
    NotAProxy,
    /// The connection to it broke before it answered.
    Lost(io::ErrorKind),
}

impl ProxyRefusal {
    /// The same again fails again, until the proxy's URL, its rules or the server's name change.
    pub fn is_final(self) -> bool {
        match self {
            Self::Credentials | Self::NotAProxy => true,
            Self::Status(status) => !matches!(status, 408 | 425 | 429 | 500..=599),
            // "Not allowed by ruleset", "command not supported", "address type not supported".
            Self::Reply(code) => matches!(code, 2 | 7 | 8),
            Self::Lost(_) => false,
        }
    }
}

impl std::error::Error for ProxyRefusal {}

impl fmt::Display for ProxyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str(
                "it wants a user name and a password, or other ones (407): they stand in its URL, \
                 http://USER:PASSWORD@HOST:PORT",
            ),
            Self::Status(status @ (403 | 405)) => {
                write!(f, "it answered {status}: its rules allow no CONNECT to that host and port")
            }
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Reply(code) => write!(f, "it answered {code}: {}", meaning(*code)),
            Self::NotAProxy => f.write_str("what answers there is not such a proxy: correct its scheme, host and port"),
            Self::Lost(kind) => write!(f, "the connection to it broke before it answered: {kind}"),
        }
    }
}

fn meaning(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "its rules do not allow that host",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached (or its name not be looked up)",
        5 => "the host refused the connection",
        6 => "the connection took too long",
        7 | 8 => "it cannot do what was asked",
        _ => "an unknown code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_what_stands_is_final() {
        let passing = [408, 429, 500, 502, 503, 504].map(ProxyRefusal::Status);
        let standing = [301, 400, 401, 403, 404, 405, 418].map(ProxyRefusal::Status);
        assert!(passing.iter().all(|refusal| !refusal.is_final()));
        assert!(standing.iter().all(|refusal| refusal.is_final()));
        for code in 0..=255 {
            assert_eq!(ProxyRefusal::Reply(code).is_final(), [2, 7, 8].contains(&code), "{code}");
        }
        assert!(ProxyRefusal::Credentials.is_final() && ProxyRefusal::NotAProxy.is_final());
        assert!(!ProxyRefusal::Lost(io::ErrorKind::UnexpectedEof).is_final());
    }
}

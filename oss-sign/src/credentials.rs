use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// An access key, with the security token of STS where there is one.
///
/// Everything but the access key id is wiped from memory on drop and is `[redacted]` in `Debug`. The text is taken as
/// it is: whoever reads it from a file or the environment trims it.
///
/// ```
/// let credentials = oss_sign::Credentials::new("LTAI", "top secret").with_security_token("also secret");
/// assert_eq!(
///     format!("{credentials:?}"),
///     "Credentials { access_key_id: \"LTAI\", access_key_secret: [redacted], security_token: Some([redacted]) }"
/// );
/// ```
///
/// A clone is the same key, not a copy of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Arc<Keys>);

#[derive(Clone, PartialEq, Eq)]
struct Keys {
    id: String,
    secret: Secret,
    token: Option<Secret>,
}

impl Credentials {
    /// A long-term key pair.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self(Arc::new(Keys { id: id.into(), secret: Secret::new(secret), token: None }))
    }

    /// Adds the security token of temporary credentials.
    #[must_use]
    pub fn with_security_token(self, token: impl Into<String>) -> Self {
        let keys = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Keys { token: Some(Secret::new(token)), ..keys }))
    }

    /// The access key id (not a secret).
    pub fn access_key_id(&self) -> &str {
        &self.0.id
    }

    /// Enough of the access key id to know it again, for a log: `LTAI****Ab12`.
    ///
    /// ```
    /// assert_eq!(oss_sign::Credentials::new("LTAI5tExampleAb12", "").masked_id(), "LTAI****Ab12");
    /// assert_eq!(oss_sign::Credentials::new("short", "").masked_id(), "sh****");
    /// ```
    pub fn masked_id(&self) -> String {
        let id: Vec<char> = self.0.id.chars().collect();
        let text = |part: &[char]| part.iter().collect::<String>();
        match id.len() {
            0..12 => format!("{}****", text(&id[..id.len().min(2)])),
            length => format!("{}****{}", text(&id[..4]), text(&id[length - 4..])),
        }
    }

    /// The access key secret. Do not print or store it.
    pub fn access_key_secret(&self) -> &str {
        self.0.secret.expose()
    }

    /// Which of its texts holds a line break or another control character, in words: no header can carry that, and no key
    /// has one. Such credentials were copied wrongly.
    ///
    /// ```
    /// use oss_sign::Credentials;
    ///
    /// assert_eq!(Credentials::new("LTAI", "secret").broken(), None);
    /// assert_eq!(Credentials::new("LTAI", "secret\n").broken(), Some("access key secret"));
    /// ```
    pub fn broken(&self) -> Option<&'static str> {
        let texts = [
            ("access key id", Some(self.access_key_id())),
            ("access key secret", Some(self.access_key_secret())),
            ("security token", self.security_token()),
        ];
        let is_broken = |text: &str| text.bytes().any(|byte| byte.is_ascii_control());
        texts.into_iter().find(|(_, text)| text.is_some_and(is_broken)).map(|(name, _)| name)
    }

    /// The security token; only temporary credentials have one. Do not print or store it.
    pub fn security_token(&self) -> Option<&str> {
        self.0.token.as_ref().map(Secret::expose)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.0.id)
            .field("access_key_secret", &self.0.secret)
            .field("security_token", &self.0.token)
            .finish()
    }
}

/// Text that is wiped on drop and never printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

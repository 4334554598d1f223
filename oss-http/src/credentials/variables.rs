use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The process's environment, or a list in its place: it cannot be changed safely while threads run, so that tests
/// bring their own.
#[derive(Clone, Default)]
pub(super) struct Variables(Option<BTreeMap<String, String>>);

impl Variables {
    #[cfg(test)]
    pub(super) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
    }

    /// Without surrounding white space; an empty one is not set.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Some(list) => list.get(name).cloned(),
            None => std::env::var(name).ok(),
        };
        let trimmed = |value: String| if value.trim().len() == value.len() { value } else { value.trim().to_owned() };
        value.map(trimmed).filter(|value| !value.is_empty())
    }

    /// Says `true`, in any case.
    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn home(&self) -> Option<PathBuf> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from)
    }
}

/// They hold secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables")
    }
}

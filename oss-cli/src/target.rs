//! `oss://BUCKET/KEY`.

use anyhow::Context;
use oss_client::{Bucket, Key};
use std::path::Path;
use std::str::FromStr;

/// A bucket, and a key or the beginning of one. Nothing is decoded or normalised: `%`, `?`, `..` and `//` are
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) bucket: Bucket,
    key: String,
}

impl Target {
    /// The key of `file`: one that is empty or ends in `/` takes the file's name.
    pub(crate) fn key_for(&self, file: &Path) -> anyhow::Result<Key> {
        if !(self.key.is_empty() || self.key.ends_with('/')) {
            return self.key();
        }
        let name =
            file.file_name().with_context(|| format!("key: {} has no file name to take it from", file.display()))?;
        let name = name.to_str().with_context(|| {
            format!("key: the file name {} is not UTF-8, so no key can be made of it: name one", name.display())
        })?;
        Ok(Key::new(format!("{}{name}", self.key))?)
    }

    /// The key as it stands.
    pub(crate) fn key(&self) -> anyhow::Result<Key> {
        Ok(Key::new(&self.key)?)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("oss://").ok_or("a target is oss://BUCKET/KEY")?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = Bucket::new(bucket).map_err(|error| error.to_string())?;
        // A key that waits for its end is checked together with it; its beginning can be judged now.
        if !key.is_empty() {
            Key::new(key).map_err(|error| error.to_string())?;
        }
        Ok(Self { bucket, key: key.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        text.parse().unwrap()
    }

    fn key(target_text: &str, file: &str) -> String {
        target(target_text).key_for(Path::new(file)).unwrap().to_string()
    }

    #[test]
    fn a_key_is_taken_literally() {
        for text in ["a?b#c", "100%25 +x", "a//b/../c", "a\\b", "ключ ü", "a/./b", "a&b=c"] {
            assert_eq!(key(&format!("oss://demo/{text}"), "/data/file"), text);
        }
    }

    #[test]
    fn an_empty_key_or_one_that_ends_in_a_slash_takes_the_files_name() {
        assert_eq!(key("oss://demo", "/data/big.iso"), "big.iso");
        assert_eq!(key("oss://demo/", "big file.iso"), "big file.iso");
        assert_eq!(key("oss://demo/in/", "../x/big.iso"), "in/big.iso");
        assert_eq!(key("oss://demo/in//", "big.iso"), "in//big.iso");
    }

    #[test]
    fn a_file_without_a_usable_name_needs_a_key() {
        assert!(target("oss://demo/").key_for(Path::new("/")).is_err());
        assert!(target("oss://demo/").key_for(Path::new("..")).is_err());
        #[cfg(unix)]
        {
            use std::os::unix::ffi::OsStrExt;
            let name = std::ffi::OsStr::from_bytes(b"a\xff");
            let words = target("oss://demo/").key_for(Path::new(name)).unwrap_err().to_string();
            assert!(words.contains("not UTF-8"), "{words}");
            assert_eq!(target("oss://demo/k").key_for(Path::new(name)).unwrap().as_str(), "k");
        }
        let long = "n".repeat(255);
        assert!(target(&format!("oss://demo/{}/", "d".repeat(1000))).key_for(Path::new(&long)).is_err());
    }

    #[test]
    fn a_bad_target_is_refused_with_its_rule() {
        for (text, rule) in [
            ("demo/key", "oss://BUCKET/KEY"),
            ("s3://demo/key", "oss://BUCKET/KEY"),
            ("oss://", "bucket"),
            ("oss:///key", "bucket"),
            ("oss://Demo/key", "bucket"),
            ("oss://ab/key", "3 to 63"),
            ("oss://-demo/key", "bucket"),
            ("oss://demo//key", "key"),
            ("oss://demo/\\key", "key"),
        ] {
            let words = text.parse::<Target>().unwrap_err();
            assert!(words.contains(rule), "{text}: {words}");
        }
        let long = format!("oss://demo/{}", "k".repeat(1024));
        assert!(long.parse::<Target>().unwrap_err().contains("1,023"));
    }
}

//! What becomes part of the object, and what happens once it is stored.

use anyhow::Context;
use clap::ValueEnum;
use oss_client::{ObjectHeaders, TrafficLimit};

/// What becomes part of the object: a resume with other values is a new upload. Whether an object may be replaced, and how
/// fast the server lets data in, are the run's own.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "The object")]
pub(crate) struct Object {
    /// Its content type [default: guessed from the key's or the file's name]
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Its Cache-Control
    #[arg(long, value_name = "VALUE")]
    pub(crate) cache_control: Option<String>,
    /// Its Content-Disposition, such as 'attachment; filename="a.iso"'
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_disposition: Option<String>,
    /// Its Content-Encoding; the bytes are not changed
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_encoding: Option<String>,
    /// Its Content-Language
    #[arg(long, value_name = "VALUE")]
    pub(crate) content_language: Option<String>,
    /// Its Expires, such as 'Fri, 28 Feb 2031 05:38:42 GMT'
    #[arg(long, value_name = "DATE")]
    pub(crate) expires: Option<String>,
    /// User metadata, as often as needed: names of a-z, 0-9 and -, 8 KiB together
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub(crate) meta: Vec<(String, String)>,
    /// A tag, as often as needed, at most 10: plain text, it is encoded for you
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) tag: Vec<(String, String)>,
    /// Its storage class [default: the bucket's]
    #[arg(long, value_enum, ignore_case = true, value_name = "CLASS")]
    pub(crate) storage_class: Option<StorageClass>,
    /// Who may read it [default: as the bucket]
    #[arg(long, value_enum, value_name = "ACL")]
    pub(crate) acl: Option<Acl>,
    /// How the server encrypts it
    #[arg(long, alias = "sse", value_enum, ignore_case = true, value_name = "METHOD")]
    pub(crate) server_side_encryption: Option<Encryption>,
    /// The KMS key it is encrypted with [default: the one OSS manages]
    #[arg(long, alias = "sse-key-id", value_name = "ID")]
    pub(crate) server_side_encryption_key_id: Option<String>,
    /// How KMS encrypts the data [default: AES256]
    #[arg(long, alias = "sse-data", value_enum, ignore_case = true, value_name = "METHOD")]
    pub(crate) server_side_data_encryption: Option<DataEncryption>,
    /// Refuses to replace an object that is there
    #[arg(long, alias = "no-clobber")]
    pub(crate) forbid_overwrite: bool,
    /// Whom OSS tells once the object is stored: {"callbackUrl": …, "callbackBody": …}, or that in base64. Exit code 4
    /// says that it is stored and verified but the callback failed, or its outcome was lost
    #[arg(long, value_name = "JSON")]
    pub(crate) callback: Option<String>,
    /// The callback's own variables: {"x:name": "value"}, or that in base64
    #[arg(long, value_name = "JSON")]
    pub(crate) callback_var: Option<String>,
    /// How fast OSS lets each connection send, in bits a second: 819200 to 838860800
    #[arg(long, value_name = "BITS", value_parser = traffic_limit)]
    pub(crate) traffic_limit: Option<TrafficLimit>,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $($variant:ident = $word:literal),+ $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
        pub(crate) enum $name { $(#[value(name = $word)] $variant),+ }

        impl $name {
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}
words! {
    /// OSS's own words.
    StorageClass: Standard = "Standard", Ia = "IA", Archive = "Archive", ColdArchive = "ColdArchive",
    DeepColdArchive = "DeepColdArchive",
}
words! {
    /// OSS's own words.
    Acl: Default = "default", Private = "private", PublicRead = "public-read", PublicReadWrite = "public-read-write",
}
words! {
    /// OSS's own words.
    Encryption: Aes256 = "AES256", Kms = "KMS", Sm4 = "SM4",
}
words! {
    /// OSS's own word.
    DataEncryption: Sm4 = "SM4",
}

impl Object {
    /// The headers, or what is wrong with which option.
    pub(crate) fn headers(&self) -> anyhow::Result<ObjectHeaders> {
        let mut headers = ObjectHeaders::new();
        let given = [
            ("--content-type", "content-type", self.content_type.as_deref()),
            ("--cache-control", "cache-control", self.cache_control.as_deref()),
            ("--content-disposition", "content-disposition", self.content_disposition.as_deref()),
            ("--content-encoding", "content-encoding", self.content_encoding.as_deref()),
            ("--content-language", "content-language", self.content_language.as_deref()),
            ("--expires", "expires", self.expires.as_deref()),
            ("--storage-class", "x-oss-storage-class", self.storage_class.map(StorageClass::word)),
            ("--acl", "x-oss-object-acl", self.acl.map(Acl::word)),
            (
                "--server-side-encryption",
                "x-oss-server-side-encryption",
                self.server_side_encryption.map(Encryption::word),
            ),
            (
                "--server-side-encryption-key-id",
                "x-oss-server-side-encryption-key-id",
                self.server_side_encryption_key_id.as_deref(),
            ),
            (
                "--server-side-data-encryption",
                "x-oss-server-side-data-encryption",
                self.server_side_data_encryption.map(DataEncryption::word),
            ),
            ("--forbid-overwrite", "x-oss-forbid-overwrite", self.forbid_overwrite.then_some("true")),
        ];
        for (option, name, value) in given {
            if let Some(value) = value {
                headers.set(name, value).context(option)?;
            }
        }
        for (name, value) in &self.meta {
            let name = format!("x-oss-meta-{name}");
            if headers.get(&name.to_ascii_lowercase()).is_some() {
                anyhow::bail!("--meta: {name} is given twice");
            }
            headers.set(&name, value).context("--meta")?;
        }
        for (key, value) in &self.tag {
            headers.add_tag(key, value).context("--tag")?;
        }
        if let Some(callback) = &self.callback {
            headers.set_callback(callback).context("--callback")?;
        }
        if let Some(variables) = &self.callback_var {
            headers.set_callback_var(variables).context("--callback-var")?;
        }
        headers.check_together()?;
        Ok(headers)
    }
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("there is no =")?;
    if name.is_empty() { Err("there is nothing before the =") } else { Ok((name.to_owned(), value.to_owned())) }
}

fn traffic_limit(text: &str) -> Result<TrafficLimit, String> {
    let bits = text.parse().map_err(|_| "bits a second, as a plain number: 819200 to 838860800".to_owned())?;
    TrafficLimit::new(bits).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_the_headers_of_the_api() {
        let object = Object {
            content_type: Some("text/plain".into()),
            meta: vec![("Owner".into(), "a=b".into())],
            tag: vec![("a b".into(), "c/d".into()), ("e".into(), String::new())],
            storage_class: Some(StorageClass::Ia),
            acl: Some(Acl::PublicRead),
            server_side_encryption: Some(Encryption::Kms),
            server_side_data_encryption: Some(DataEncryption::Sm4),
            forbid_overwrite: true,
            ..Object::default()
        };
        let headers = object.headers().unwrap();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("x-oss-meta-owner", "a=b"),
            ("x-oss-tagging", "a%20b=c%2Fd&e="),
            ("x-oss-storage-class", "IA"),
            ("x-oss-object-acl", "public-read"),
            ("x-oss-server-side-encryption", "KMS"),
            ("x-oss-server-side-data-encryption", "SM4"),
            ("x-oss-forbid-overwrite", "true"),
        ] {
            assert_eq!(headers.get(name), Some(value));
        }
        assert_eq!(headers.iter().count(), 8);
    }

    #[test]
    fn what_oss_would_refuse_names_its_option() {
        let refused = |object: Object| format!("{:#}", object.headers().unwrap_err());
        let meta = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let words = refused(Object { meta: meta("a_b", "c"), ..Object::default() });
        assert!(words.starts_with("--meta: object header") && words.contains("a-z"), "{words}");
        let words = refused(Object { cache_control: Some("a\r\nb: c".into()), ..Object::default() });
        assert!(words.starts_with("--cache-control: ") && words.contains("control character"), "{words}");
        let twice = vec![("A".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        assert!(refused(Object { meta: twice, ..Object::default() }).contains("twice"));
        let words = refused(Object { callback: Some("{}".into()), ..Object::default() });
        assert!(words.contains("--callback") && words.contains("callbackUrl"), "{words}");
        let words = refused(Object { server_side_encryption_key_id: Some("k".into()), ..Object::default() });
        assert!(words.contains("KMS"), "{words}");
    }
}

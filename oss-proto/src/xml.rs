//! A strict reader and a small writer for the XML of OSS.
//!
//! The reader takes what OSS sends and refuses everything that could be read in two ways: documents with a DTD, with
//! an entity of their own, that end early, or whose tags do not match. No input makes it panic, recurse or allocate
//! more than a small multiple of the input, itself at most [`MAX_LEN`] bytes.
//!
//! ```
//! use oss_proto::xml;
//!
//! let mut writer = xml::Writer::new("Tag");
//! writer.text("Key", "a<b");
//! let document = writer.finish();
//! let root = xml::parse(document.as_bytes())?;
//! assert_eq!((root.name, root.text_of("Key")), ("Tag", Some("a<b")));
//! # Ok::<(), xml::XmlError>(())
//! ```

mod reader;
mod writer;

pub(crate) use reader::root_name;
pub use reader::{MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, MAX_LEN, XmlError, parse};
pub use writer::{Writer, escape};

use std::borrow::Cow;

/// An element of a document: its name without namespace prefix, its own text, its children. Attributes are checked and
/// dropped, for OSS uses none but `xmlns`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element<'a> {
    /// The name after the prefix, `ListPartsResult`.
    pub name: &'a str,
    /// All text and CDATA directly inside, joined, references decoded, white space untouched.
    pub text: Cow<'a, str>,
    /// The elements directly inside, in order.
    pub children: Vec<Element<'a>>,
}

impl Element<'_> {
    /// The first child of this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of this name, in order.
    pub fn children_named(&self, name: &str) -> impl Iterator<Item = &Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first child of this name, without XML white space around it; `Some("")` when it is there but
    /// empty. Where white space matters read [`text`](Element::text).
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(Element::trimmed)
    }

    /// The text without XML white space around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim_matches([' ', '\t', '\r', '\n'])
    }
}

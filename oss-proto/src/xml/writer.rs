use std::fmt;

/// Writes a document element by element; what was opened is always closed.
///
/// Names are taken as they are (`&'static str`: they come from the program), values are [escaped](escape).
///
/// ```
/// use oss_proto::xml::Writer;
///
/// let mut writer = Writer::new("CompleteMultipartUpload");
/// writer.element("Part", |part| {
///     part.text("PartNumber", 1);
///     part.text("ETag", "\"3349DC70\"");
/// });
/// assert!(writer.finish().ends_with("<ETag>&quot;3349DC70&quot;</ETag></Part></CompleteMultipartUpload>"));
/// ```
#[derive(Debug, Clone)]
pub struct Writer {
    out: String,
    root: &'static str,
}

impl Writer {
    /// A document with this root.
    pub fn new(root: &'static str) -> Self {
        Self { out: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>"), root }
    }

    /// A document with this root in a namespace, as OSS does in some replies.
    pub fn with_namespace(root: &'static str, namespace: &str) -> Self {
        let namespace = escape(namespace);
        Self { out: format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{namespace}\">"), root }
    }

    /// An element with a text.
    pub fn text(&mut self, name: &'static str, value: impl fmt::Display) {
        self.element(name, |inside| inside.out.push_str(&escape(&value.to_string())));
    }

    /// An element with whatever `content` writes.
    pub fn element(&mut self, name: &'static str, content: impl FnOnce(&mut Self)) {
        self.out.extend(["<", name, ">"]);
        content(self);
        self.out.extend(["</", name, ">"]);
    }

    /// The whole document.
    pub fn finish(mut self) -> String {
        let root = self.root;
        self.out.extend(["</", root, ">"]);
        self.out
    }
}

/// A text as it stands inside an element or a quoted attribute.
///
/// XML 1.0 cannot carry most control characters, not even as references: they become U+FFFD. Keys that may hold them
/// are percent-encoded instead (`encoding-type=url`).
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // A reader would turn a bare one into a line feed.
            '\r' => escaped.push_str("&#13;"),
            c if super::reader::is_xml_char(c) => escaped.push(c),
            _ => escaped.push('\u{fffd}'),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;
    use proptest::prelude::*;

    #[test]
    fn what_xml_cannot_carry_is_replaced_visibly() {
        assert_eq!(escape("a\u{0}b\u{1b}\u{fffe}\t\n\r"), "a\u{fffd}b\u{fffd}\u{fffd}\t\n&#13;");
        assert_eq!(escape("<>&\"'é😀"), "&lt;&gt;&amp;&quot;&apos;é😀");
    }

    #[test]
    fn a_namespace_does_not_change_what_is_read() {
        let mut plain = Writer::new("A");
        let mut named = Writer::with_namespace("A", "http://doc.oss-cn-hangzhou.aliyuncs.com?\"<&");
        for writer in [&mut plain, &mut named] {
            writer.element("B", |inside| inside.text("C", 5));
        }
        let (plain, named) = (plain.finish(), named.finish());
        assert_eq!(xml::parse(plain.as_bytes()).unwrap(), xml::parse(named.as_bytes()).unwrap());
    }

    proptest! {
        #[test]
        fn every_text_xml_can_carry_is_read_back(text in any::<String>()) {
            let carried: String = text.chars().filter(|c| xml::reader::is_xml_char(*c)).collect();
            let mut writer = Writer::new("Root");
            writer.text("Value", &carried);
            let document = writer.finish();
            let root = xml::parse(document.as_bytes()).unwrap();
            prop_assert_eq!(&root.child("Value").unwrap().text, &carried);
        }
    }
}

use super::Element;
use std::borrow::Cow;
use xmlparser::{ElementEnd, Token, Tokenizer};

/// Longest document that is read: 16 MiB. A full listing page has about 1 MiB.
pub const MAX_LEN: usize = 16 * 1024 * 1024;
/// Deepest nesting that is read; OSS needs 4.
pub const MAX_DEPTH: usize = 16;
/// Most elements that are read: three for each of 10,000 parts, with room. It bounds memory: an element of 4 bytes
/// costs a hundred in the tree.
pub const MAX_ELEMENTS: usize = 100_000;
/// Most attributes an element may have; OSS sends one, `xmlns`.
pub const MAX_ATTRIBUTES: usize = 16;

/// Why a document is not read. None of them gets better by reading it again: ask the server again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum XmlError {
    /// Longer than [`MAX_LEN`].
    #[error("the XML is longer than 16 MiB")]
    TooLong,
    /// Not UTF-8, or declared to be something else.
    #[error("the XML is not UTF-8")]
    NotUtf8,
    /// No element at all.
    #[error("there is no XML element")]
    Empty,
    /// The root was never closed: a cut document.
    #[error("the XML ends inside <{element}>")]
    EndsEarly {
        /// The innermost open element.
        element: String,
    },
    /// Not well-formed.
    #[error("the XML is not well-formed at line {line}, column {column}")]
    Syntax {
        /// Counted from 1.
        line: u32,
        /// In characters, counted from 1.
        column: u32,
    },
    /// A tag closes another element than the one that is open.
    #[error("</{found}> closes <{open}>")]
    Mismatch {
        /// The open element.
        open: String,
        /// The closing tag.
        found: String,
    },
    /// A document type declaration: OSS sends none, and entities can hide in it.
    #[error("the XML has a document type declaration")]
    Doctype,
    /// An XML version other than 1.0, or a second declaration.
    #[error("the XML declaration is not one of XML 1.0")]
    Declaration,
    /// A reference that is not one of XML's five, or not to a character that XML allows.
    #[error("the XML has an unknown or bad reference")]
    Reference,
    /// Two attributes of one name.
    #[error("<{element}> has an attribute twice")]
    DuplicateAttribute {
        /// Whose.
        element: String,
    },
    /// More than [`MAX_DEPTH`], [`MAX_ELEMENTS`] or [`MAX_ATTRIBUTES`].
    #[error("the XML has too many or too deeply nested elements or attributes")]
    TooMuch,
}

/// Reads one document and gives its root, which refers to it.
///
/// Namespace prefixes, comments and processing instructions are skipped; text and CDATA are joined; line ends become
/// `\n`; the five references of XML and character references are decoded.
///
/// # Errors
/// Any [`XmlError`]; no document is read in part.
pub fn parse(document: &[u8]) -> Result<Element<'_>, XmlError> {
    if document.len() > MAX_LEN {
        return Err(XmlError::TooLong);
    }
    let text = std::str::from_utf8(document).map_err(|_| XmlError::NotUtf8)?;
    let mut tree = Tree::default();
    for token in Tokenizer::from(text) {
        tree.take(token.map_err(|error| syntax(&error))?)?;
    }
    tree.finish()
}

/// The name of the first element, without reading on.
pub(crate) fn root_name(document: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(document).ok()?;
    Tokenizer::from(text).map_while(Result::ok).find_map(|token| match token {
        Token::ElementStart { local, .. } => Some(local.as_str()),
        _ => None,
    })
}

/// `Char` of XML 1.0, section 2.2.
pub(crate) fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn syntax(error: &xmlparser::Error) -> XmlError {
    XmlError::Syntax { line: error.pos().row, column: error.pos().col }
}

/// The tokenizer checks tokens; that they form one tree is checked here.
#[derive(Default)]
struct Tree<'a> {
    open: Vec<Open<'a>>,
    /// Of the tag being read.
    attributes: Vec<(&'a str, &'a str)>,
    elements: usize,
    root: Option<Element<'a>>,
}

struct Open<'a> {
    prefix: &'a str,
    element: Element<'a>,
}

impl<'a> Tree<'a> {
    fn take(&mut self, token: Token<'a>) -> Result<(), XmlError> {
        match token {
            Token::Declaration { version, encoding, .. } => {
                check_declaration(version.as_str(), encoding.map(|name| name.as_str()))
            }
            // The tokenizer takes `<?xml` for a declaration only with a space behind it and at the very start.
            Token::ProcessingInstruction { target, .. } if target.as_str().eq_ignore_ascii_case("xml") => {
                Err(XmlError::Declaration)
            }
            Token::ProcessingInstruction { .. } | Token::Comment { .. } => Ok(()),
            Token::DtdStart { .. }
            | Token::EmptyDtd { .. }
            | Token::EntityDeclaration { .. }
            | Token::DtdEnd { .. } => Err(XmlError::Doctype),
            Token::ElementStart { prefix, local, .. } => self.start(prefix.as_str(), local.as_str()),
            Token::Attribute { prefix, local, value, .. } => {
                self.attribute(prefix.as_str(), local.as_str(), value.as_str())
            }
            Token::ElementEnd { end: ElementEnd::Open, .. } => Ok(()),
            Token::ElementEnd { end: ElementEnd::Empty, .. } => self.close(),
            Token::ElementEnd { end: ElementEnd::Close(prefix, local), .. } => {
                self.check_closing(prefix.as_str(), local.as_str())?;
                self.close()
            }
            Token::Text { text } => append(self.text()?, decoded(text.as_str())?),
            Token::Cdata { text, .. } => append(self.text()?, lines(text.as_str())),
        }
    }

    fn start(&mut self, prefix: &'a str, local: &'a str) -> Result<(), XmlError> {
        self.elements += 1;
        if self.open.len() == MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(XmlError::TooMuch);
        }
        self.attributes.clear();
        let element = Element { name: local, ..Element::default() };
        self.open.push(Open { prefix, element });
        Ok(())
    }

    fn attribute(&mut self, prefix: &'a str, local: &'a str, value: &str) -> Result<(), XmlError> {
        if self.attributes.len() == MAX_ATTRIBUTES {
            return Err(XmlError::TooMuch);
        }
        if self.attributes.contains(&(prefix, local)) {
            let element = self.open.last().map(|open| open.element.name.to_owned()).unwrap_or_default();
            return Err(XmlError::DuplicateAttribute { element });
        }
        self.attributes.push((prefix, local));
        decoded(value).map(drop)
    }

    fn check_closing(&self, prefix: &str, local: &str) -> Result<(), XmlError> {
        match self.open.last() {
            Some(open) if open.element.name == local && is_same_prefix(open.prefix, prefix) => Ok(()),
            open => Err(XmlError::Mismatch {
                open: open.map(|open| open.element.name.to_owned()).unwrap_or_default(),
                found: local.to_owned(),
            }),
        }
    }

    fn close(&mut self) -> Result<(), XmlError> {
        let closed = self.open.pop().ok_or(XmlError::Empty)?.element;
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(closed),
            None if self.root.is_none() => self.root = Some(closed),
            None => return Err(XmlError::TooMuch),
        }
        Ok(())
    }

    fn text(&mut self) -> Result<&mut Cow<'a, str>, XmlError> {
        self.open.last_mut().map(|open| &mut open.element.text).ok_or(XmlError::Empty)
    }

    fn finish(self) -> Result<Element<'a>, XmlError> {
        if let Some(innermost) = self.open.last() {
            return Err(XmlError::EndsEarly { element: innermost.element.name.to_owned() });
        }
        self.root.ok_or(XmlError::Empty)
    }
}

/// Nearly all prefixes are empty, at no address: some processors are a hundred times slower to compare nothing there than to
/// see that there is nothing.
fn is_same_prefix(one: &str, other: &str) -> bool {
    if one.is_empty() { other.is_empty() } else { one == other }
}

fn check_declaration(version: &str, encoding: Option<&str>) -> Result<(), XmlError> {
    if version != "1.0" {
        return Err(XmlError::Declaration);
    }
    match encoding {
        None => Ok(()),
        Some(name) if ["utf-8", "utf8", "us-ascii"].iter().any(|known| name.eq_ignore_ascii_case(known)) => Ok(()),
        Some(_) => Err(XmlError::NotUtf8),
    }
}

/// Most text comes in one piece, as it stands in the document.
fn append<'a>(text: &mut Cow<'a, str>, piece: Cow<'a, str>) -> Result<(), XmlError> {
    if text.is_empty() {
        *text = piece;
    } else {
        text.to_mut().push_str(&piece);
    }
    Ok(())
}

fn decoded(raw: &str) -> Result<Cow<'_, str>, XmlError> {
    if !raw.contains('&') {
        return Ok(lines(raw));
    }
    let (mut out, mut rest) = (String::with_capacity(raw.len()), raw);
    while let Some((before, reference)) = rest.split_once('&') {
        out.push_str(&lines(before));
        let (name, after) = reference.split_once(';').ok_or(XmlError::Reference)?;
        out.push(referenced(name).ok_or(XmlError::Reference)?);
        rest = after;
    }
    out.push_str(&lines(rest));
    Ok(Cow::Owned(out))
}

/// Line ends are one `\n` each (XML 1.0, section 2.11).
fn lines(raw: &str) -> Cow<'_, str> {
    if raw.contains('\r') { Cow::Owned(raw.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(raw) }
}

fn referenced(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        };
    };
    let (digits, radix) = match number.strip_prefix('x') {
        Some(hex) => (hex, 16),
        None => (number, 10),
    };
    // `from_str_radix` would take a sign.
    if !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok().and_then(char::from_u32).filter(|c| is_xml_char(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_name_is_read_to_tell_an_error_from_a_result() {
        assert_eq!(root_name(b"<?xml version=\"1.0\"?><!-- c --><o:Error a='1'><Cod"), Some("Error"));
        for nothing in [&b""[..], b"text", b"{}", b"\xff<a/>", b"<!-- <Error>"] {
            assert_eq!(root_name(nothing), None);
        }
    }

    #[test]
    fn line_ends_become_line_feeds() {
        assert_eq!(lines("a\r\nb\rc\n\r\r\n"), "a\nb\nc\n\n\n");
    }

    #[test]
    fn references_are_decoded_or_refused() {
        for (name, c) in [("lt", '<'), ("#65", 'A'), ("#x41", 'A'), ("#x1F600", '😀'), ("#13", '\r'), ("#0000065", 'A')]
        {
            assert_eq!(referenced(name), Some(c), "{name}");
        }
        for name in [
            "",
            "#",
            "#x",
            "#0",
            "#x1b",
            "#xD800",
            "#x110000",
            "#+65",
            "#-1",
            "#99999999999",
            "nbsp",
            "LT",
            " lt",
            "#X41",
        ] {
            assert_eq!(referenced(name), None, "{name}");
        }
    }
}

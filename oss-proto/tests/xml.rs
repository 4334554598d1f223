//! The strict XML reader against hostile documents, and against quick-xml as an independent reader.

use oss_proto::xml::{self, Element, XmlError};
use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::Event;

fn read(document: &str) -> Result<Element<'_>, XmlError> {
    xml::parse(document.as_bytes())
}

/// An element without its document.
#[derive(Debug, PartialEq)]
struct Tree {
    name: String,
    text: String,
    children: Vec<Tree>,
}

fn leaf(name: &str, text: &str) -> Tree {
    Tree { name: name.to_owned(), text: text.to_owned(), children: Vec::new() }
}

fn tree(element: &Element<'_>) -> Tree {
    let children = element.children.iter().map(tree).collect();
    Tree { children, ..leaf(element.name, &element.text) }
}

#[test]
fn what_oss_sends_is_read() {
    for (document, text) in [
        ("<a/>", ""),
        ("<a></a>", ""),
        ("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\" standalone='yes'?>\r\n<a>x</a>\n", "x"),
        ("<?xml version='1.0'?><!-- c --><?p i?><a>x</a><!-- d --><?q?>", "x"),
        ("<a>x<!-- c -->y<?p i?>z</a>", "xyz"),
        ("<a> x&lt;&gt;&amp;&quot;&apos;&#x4f60;&#22909; </a>", " x<>&\"'你好 "),
        ("<a>1<![CDATA[<b>&amp;]]>2</a>", "1<b>&amp;2"),
        ("<a>1\r\n2\r3<![CDATA[\r\n]]>&#13;</a>", "1\n2\n3\n\r"),
        ("<a xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\" xmlns:o='u' o:a='1' a='1&amp;'>x</a >", "x"),
        ("<o:a xmlns:o='u'>x</o:a>", "x"),
        ("<a>]] ></a>", "]] >"),
    ] {
        assert_eq!(read(document).as_ref().map(tree), Ok(leaf("a", text)), "{document}");
    }
}

#[test]
fn children_are_found_by_name_and_trimmed_on_demand() {
    let root = read("<r>\n <k> v </k><k>w</k><e/>t</r>").unwrap();
    assert_eq!(root.text, "\n t");
    assert_eq!(root.text_of("k"), Some("v"));
    assert_eq!(root.child("k").unwrap().text, " v ");
    assert_eq!(root.children_named("k").map(|k| k.trimmed()).collect::<Vec<_>>(), ["v", "w"]);
    assert_eq!((root.text_of("e"), root.text_of("K")), (Some(""), None));
}

#[test]
fn hostile_and_broken_documents_are_refused() {
    let syntax = |line, column| XmlError::Syntax { line, column };
    let mismatch = |open: &str, found: &str| XmlError::Mismatch { open: open.to_owned(), found: found.to_owned() };
    let ends = |element: &str| XmlError::EndsEarly { element: element.to_owned() };
    for (document, error) in [
        ("", XmlError::Empty),
        (" \n", XmlError::Empty),
        ("<?xml version=\"1.0\"?>", XmlError::Empty),
        ("text", syntax(1, 1)),
        ("{\"a\": 1}", syntax(1, 1)),
        ("<a>", ends("a")),
        ("<a><b>x</b>", ends("a")),
        ("<a><b>x", ends("b")),
        ("<a><b", ends("b")),
        ("<a></b>", mismatch("a", "b")),
        ("<a><b></a></b>", mismatch("b", "a")),
        ("<o:a></a>", mismatch("a", "a")),
        ("<o:a></p:a>", mismatch("a", "a")),
        ("</a>", syntax(1, 1)),
        ("<a/></a>", syntax(1, 5)),
        ("<a/><b/>", syntax(1, 5)),
        ("<a/>text", syntax(1, 5)),
        ("<a></a>&amp;", syntax(1, 8)),
        ("<a b='1' b='2'/>", XmlError::DuplicateAttribute { element: "a".to_owned() }),
        ("<a b='1'c='2'/>", syntax(1, 9)),
        ("<a b='<'/>", syntax(1, 3)),
        ("<a b='&x;'/>", XmlError::Reference),
        ("<a b=1/>", syntax(1, 3)),
        ("<a>&nbsp;</a>", XmlError::Reference),
        ("<a>&lt</a>", XmlError::Reference),
        ("<a>a & b</a>", XmlError::Reference),
        ("<a>&#0;</a>", XmlError::Reference),
        ("<a>&#x1F;</a>", XmlError::Reference),
        ("<a>&#xD800;</a>", XmlError::Reference),
        ("<a>&#x110000;</a>", XmlError::Reference),
        ("<a>&#xFFFE;</a>", XmlError::Reference),
        ("<a>\u{1}</a>", syntax(1, 4)),
        ("<a>]]></a>", syntax(1, 4)),
        ("<a><![CDATA[x]]</a>", syntax(1, 4)),
        ("<a><!-- -- --></a>", syntax(1, 4)),
        ("<!DOCTYPE a><a/>", XmlError::Doctype),
        ("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", XmlError::Doctype),
        ("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", XmlError::Doctype),
        ("<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><l>&b;</l>", XmlError::Doctype),
        ("<?xml version=\"1.0\" encoding=\"GBK\"?><a/>", XmlError::NotUtf8),
        ("<?xml version=\"1.1\"?><a/>", XmlError::Declaration),
        (" <?xml version=\"1.0\"?><a/>", syntax(1, 2)),
        ("<?xml\tversion=\"1.0\"?><a/>", XmlError::Declaration),
        ("<a><?XML x?></a>", XmlError::Declaration),
        ("<1a/>", syntax(1, 1)),
        ("<a:b:c/>", syntax(1, 1)),
    ] {
        assert_eq!(read(document), Err(error), "{document}");
    }
    assert_eq!(xml::parse(b"<a>\xff</a>"), Err(XmlError::NotUtf8));
    assert_eq!(xml::parse(b"\xff\xfe<\0a\0/\0>\0"), Err(XmlError::NotUtf8));
}

#[test]
fn size_depth_elements_and_attributes_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(read(&nested(xml::MAX_DEPTH)).is_ok());
    assert_eq!(read(&nested(xml::MAX_DEPTH + 1)), Err(XmlError::TooMuch));
    assert_eq!(read(&"<a>".repeat(200_000)), Err(XmlError::TooMuch));

    let wide = |elements: usize| format!("<r>{}</r>", "<a/>".repeat(elements - 1));
    assert_eq!(read(&wide(xml::MAX_ELEMENTS)).unwrap().children.len(), xml::MAX_ELEMENTS - 1);
    assert_eq!(read(&wide(xml::MAX_ELEMENTS + 1)), Err(XmlError::TooMuch));

    let attributes = |count: usize| format!("<a{}/>", (0..count).map(|n| format!(" a{n}=''")).collect::<String>());
    assert!(read(&attributes(xml::MAX_ATTRIBUTES)).is_ok());
    assert_eq!(read(&attributes(xml::MAX_ATTRIBUTES + 1)), Err(XmlError::TooMuch));

    let long = format!("<a>{}</a>", "x".repeat(xml::MAX_LEN - 7));
    assert_eq!(read(&long).unwrap().text.len(), xml::MAX_LEN - 7);
    assert_eq!(read(&format!("{long} ")), Err(XmlError::TooLong));
}

/// The same tree read by quick-xml, which decodes, normalises and finds tags by its own code.
fn by_quick_xml(document: &str) -> Option<Tree> {
    let mut reader = Reader::from_str(document);
    let (mut open, mut root) = (vec![leaf("", "")], None);
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => open.push(leaf(tag.local_name().as_ref(), "")),
            Event::Empty(tag) => {
                open.last_mut()?.children.push(leaf(tag.local_name().as_ref(), ""));
            }
            Event::End(_) => {
                let closed = open.pop()?;
                open.last_mut()?.children.push(closed);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::CData(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::resolve_xml_entity(&reference)?.to_owned(),
                };
                open.last_mut()?.text.push_str(&text);
            }
            Event::DocType(_) => return None,
            Event::Eof => break,
            _ => {}
        }
        if open.len() == 1 {
            root = root.or_else(|| open[0].children.pop());
        }
    }
    root.filter(|_| open.len() == 1)
}

fn documents() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[ -%'-;=-~\\n]{0,12}",
        "[^<&\\]\\p{C}]{0,8}",
        Just("&lt;&amp;".to_owned()),
        Just("&#x41;&#229;&quot;".to_owned()),
        Just("<![CDATA[a<b>&c]]>".to_owned()),
        Just("<!-- c --><?p i?>".to_owned()),
        Just("\r\n".to_owned()),
    ];
    let name = "[A-Z][a-z]{1,4}";
    let leaf = (name, text).prop_map(|(name, text)| format!("<{name}>{text}</{name}>"));
    let tree = leaf.prop_recursive(4, 40, 6, move |inner| {
        (name, proptest::collection::vec(inner, 0..6), any::<bool>()).prop_map(|(name, children, namespace)| {
            let xmlns = if namespace { " xmlns=\"http://doc.oss-cn-hangzhou.aliyuncs.com\" a='&gt;'" } else { "" };
            format!("<{name}{xmlns}>{}</{name}>", children.concat())
        })
    });
    (any::<bool>(), tree).prop_map(|(declaration, tree)| {
        format!("{}{tree}", if declaration { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" } else { "" })
    })
}

const SPLICES: [&str; 20] = [
    "<",
    ">",
    "&",
    ";",
    "/",
    "\"",
    "'",
    "]]>",
    "<!--",
    "-->",
    "<![CDATA[",
    "<?",
    "?>",
    "&#",
    "&lt;",
    "</A>",
    "<A>",
    "\r",
    "=",
    "<!DOCTYPE a>",
];

fn mutated() -> impl Strategy<Value = String> {
    let change =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::sample::select(&SPLICES[..]), 0..4u8);
    (documents(), proptest::collection::vec(change, 1..4)).prop_map(|(document, changes)| {
        let mut chars: Vec<char> = document.chars().collect();
        for (at, other, splice, kind) in changes {
            let (at, other) = (at.index(chars.len() + 1), other.index(chars.len() + 1));
            let (from, to) = (at.min(other), at.max(other).min(at.min(other) + 8));
            match kind {
                0 => drop(chars.splice(from..from, splice.chars())),
                1 => drop(chars.drain(from..to)),
                2 => chars.truncate(at),
                _ => drop(chars.splice(from..to, splice.chars())),
            }
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn generated_documents_are_read_as_quick_xml_reads_them(document in documents()) {
        let ours = read(&document);
        prop_assert!(ours.is_ok(), "{:?} in {}", ours, document);
        prop_assert_eq!(ours.as_ref().ok().map(tree), by_quick_xml(&document));
    }

    #[test]
    fn whatever_survives_mutation_is_read_as_quick_xml_reads_it(document in mutated()) {
        if let Ok(ours) = read(&document) {
            prop_assert_eq!(Some(tree(&ours)), by_quick_xml(&document), "{}", document);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = xml::parse(&bytes);
    }

    #[test]
    fn no_cut_document_is_read(document in documents(), at in any::<prop::sample::Index>()) {
        let at = at.index(document.len());
        prop_assert!(xml::parse(&document.as_bytes()[..at]).is_err());
    }
}

//! A small XML document as a tree, within bounds.
//!
//! `nvidia-smi` names a document type that lies nowhere; it is passed over, so no entity is ever defined, fetched or
//! expanded. Text around the document is passed over too: the driver prints warnings there.

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// `nvidia-smi` nests six deep.
const MAX_DEPTH: usize = 32;
/// About 400 are needed for one GPU.
const MAX_ELEMENTS: usize = 200_000;
/// The lists of clocks are nine tenths of the whole, and the processes are nobody's business.
const PASSED_OVER: [&[u8]; 3] = [b"supported_clocks", b"processes", b"accounted_processes"];

#[derive(Debug, Default, PartialEq)]
pub struct Element {
    pub name: String,
    /// Its attribute `id`.
    pub id: Option<String>,
    text: String,
    children: Vec<Element>,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    #[error("it holds no XML")]
    Missing,
    #[error("it ends in the middle")]
    Truncated,
    #[error("it is no well-formed XML: {0}")]
    Malformed(String),
    #[error("it is nested more than {MAX_DEPTH} deep")]
    TooDeep,
    #[error("it has more than {MAX_ELEMENTS} elements")]
    TooLarge,
    #[error("it uses an entity that it does not define")]
    Entity,
}

impl Element {
    /// The element at a path below this one, such as `pci/pci_bus_id`.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.all(name).next())
    }

    /// The text there.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.at(path).map(Element::own_text)
    }

    /// Without that of its children, and without the space around it.
    pub fn own_text(&self) -> &str {
        self.text.trim()
    }

    /// The children of this name.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.children.iter()
    }
}

/// The first element of the text with all below it.
pub fn parse(text: &str) -> Result<Element, XmlError> {
    let start = text.find('<').ok_or(XmlError::Missing)?;
    let mut reader = Reader::from_str(&text[start..]);
    reader.config_mut().expand_empty_elements = true;
    // The innermost is the last; the first one holds the document.
    let mut open = vec![Element::default()];
    let mut elements = 0;
    loop {
        match reader.read_event().map_err(|error| XmlError::Malformed(error.to_string()))? {
            Event::Start(tag) => {
                elements += 1;
                if elements > MAX_ELEMENTS {
                    return Err(XmlError::TooLarge);
                }
                if open.len() > MAX_DEPTH {
                    return Err(XmlError::TooDeep);
                }
                if PASSED_OVER.contains(&tag.name().as_ref()) {
                    let end = tag.to_end().into_owned();
                    reader.read_to_end(end.name()).map_err(|_| XmlError::Truncated)?;
                } else {
                    open.push(element(&tag));
                }
            }
            Event::End(_) => {
                // The reader has seen to it that the names agree.
                let closed = open.pop().unwrap_or_default();
                let Some(parent) = open.last_mut() else { return Err(XmlError::Missing) };
                parent.children.push(closed);
                if open.len() == 1 {
                    break;
                }
            }
            Event::Text(part) => push(&mut open, &String::from_utf8_lossy(&part)),
            Event::CData(part) => push(&mut open, &String::from_utf8_lossy(&part)),
            Event::GeneralRef(entity) => push(&mut open, &resolve(&entity)?),
            Event::Eof if elements == 0 => return Err(XmlError::Missing),
            Event::Eof => return Err(XmlError::Truncated),
            Event::Decl(_) | Event::DocType(_) | Event::Comment(_) | Event::PI(_) | Event::Empty(_) => {}
        }
    }
    open.pop().and_then(|mut document| document.children.pop()).ok_or(XmlError::Missing)
}

fn element(tag: &BytesStart) -> Element {
    let id = tag.try_get_attribute("id").ok().flatten();
    Element {
        name: String::from_utf8_lossy(tag.name().as_ref()).into_owned(),
        id: id.map(|id| String::from_utf8_lossy(&id.value).into_owned()),
        ..Element::default()
    }
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

/// `&amp;` and `&#38;`, which need no definition.
fn resolve(entity: &BytesRef) -> Result<String, XmlError> {
    match entity.resolve_char_ref() {
        Ok(Some(character)) => Ok(character.to_string()),
        Ok(None) => {
            let name = String::from_utf8_lossy(entity);
            resolve_predefined_entity(&name).map(str::to_owned).ok_or(XmlError::Entity)
        }
        Err(_) => Err(XmlError::Entity),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn elements_are_found_by_path() {
        let text = "<?xml version=\"1.0\" ?>\n<!DOCTYPE log SYSTEM \"nvsmi_device_v12.dtd\">\n<log>\n<gpu id=\"0:1:0.0\"><name>\n A &amp; B&#33;\n</name><processes><process><pid>7</pid></process></processes><none/></gpu>\n<gpu><name>C</name></gpu></log>\nWARNING: infoROM is corrupted at gpu 0000:01:00.0 <\n";
        let log = parse(text).unwrap();
        assert_eq!(log.text("gpu/name"), Some("A & B!"));
        assert_eq!(log.text("gpu/none"), Some(""));
        assert_eq!(log.text("gpu/none/more"), None);
        assert_eq!(log.at("gpu/processes"), None);
        assert_eq!(log.all("gpu").count(), 2);
        assert_eq!(log.at("gpu").unwrap().id.as_deref(), Some("0:1:0.0"));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        assert_eq!(parse("No devices were found\n"), Err(XmlError::Missing));
        assert_eq!(parse(""), Err(XmlError::Missing));
        assert_eq!(parse("<a><b>1</b>"), Err(XmlError::Truncated));
        assert_eq!(parse("<a><supported_clocks><value>"), Err(XmlError::Truncated));
        assert!(matches!(parse("<a><b>1</a>"), Err(XmlError::Malformed(_))));
        assert_eq!(parse(&"<a>".repeat(MAX_DEPTH + 1)), Err(XmlError::TooDeep));
        let many = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
        assert_eq!(parse(&many), Err(XmlError::TooLarge));
    }

    #[test]
    fn entities_are_never_defined_or_fetched() {
        let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>";
        assert_eq!(parse(bomb), Err(XmlError::Entity));
        let outside = "<!DOCTYPE a [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><a>&f;</a>";
        assert_eq!(parse(outside), Err(XmlError::Entity));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(</?[ab]( id=\"[0-9]*\"?)?/?>|&[a-z#0-9]*;?|<!DOCTYPE|[a-z ]|\n)*|.*") {
            let _ = parse(&text);
        }
    }
}

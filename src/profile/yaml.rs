//! Text to tree. The part of YAML that a profile needs is small, and the rest is refused rather than interpreted:
//! anchors, aliases and merge keys (a few lines of them can grow to gigabytes), tags, several documents, keys that
//! are no text, keys written twice, more than 32 levels.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::fault::{Faults, Span, shown};
use super::tree::{Content, Entry, Node, Scalar};

/// The deepest profile has 5 levels; the tree's recursive functions must not meet a million.
const DEEPEST: usize = 32;

/// The tree of the text's one document. `None` after a fault that ends the reading, or if there is no document.
pub(super) fn parse(text: &str, faults: &mut Faults<'_>) -> Option<Node> {
    let offsets = Offsets::of(text);
    let mut builder = Builder { faults, open: Vec::new(), root: None };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                let span = offsets.byte(span.start.index())..offsets.byte(span.end.index());
                builder.on(event, span)?;
            }
            Err(error) => {
                let at = error.marker().index();
                builder.syntax(&error, offsets.byte(at)..offsets.byte(at + 1));
                return None;
            }
        }
    }
    builder.root
}

/// The parser counts characters, the tree counts bytes.
struct Offsets {
    of_characters: Vec<usize>,
    end: usize,
}

impl Offsets {
    fn of(text: &str) -> Offsets {
        Offsets { of_characters: text.char_indices().map(|(at, _)| at).collect(), end: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        self.of_characters.get(character).copied().unwrap_or(self.end)
    }
}

/// A collection whose end has not been met.
enum Open {
    Sequence { start: usize, items: Vec<Node> },
    Mapping { start: usize, entries: Vec<Entry>, seen: HashMap<String, usize>, key: Option<Key> },
}

/// A key that waits for its value.
enum Key {
    Text(String, Span),
    Refused,
}

struct Builder<'f, 't> {
    faults: &'f mut Faults<'t>,
    open: Vec<Open>,
    root: Option<Node>,
}

impl Builder<'_, '_> {
    /// `None` ends the reading.
    fn on(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let hint = Some("keep each profile in a file of its own".to_owned());
                self.faults.add(&span, "a profile is one YAML document, and here a second one begins", hint);
                return None;
            }
            Event::Alias(_) => {
                self.refuse_reuse(&span);
                self.place(Node { span, content: Content::Refused });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.inspect(anchor, tag.is_some(), &span);
                let scalar = Scalar::new(text.into_owned(), style == ScalarStyle::Plain);
                self.place(Node { span, content: Content::Scalar(scalar) });
            }
            Event::SequenceStart(anchor, tag) => {
                self.inspect(anchor, tag.is_some(), &span);
                self.begin(Open::Sequence { start: span.start, items: Vec::new() }, &span)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.inspect(anchor, tag.is_some(), &span);
                let (entries, seen) = (Vec::new(), HashMap::new());
                self.begin(Open::Mapping { start: span.start, entries, seen, key: None }, &span)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span.end),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn inspect(&mut self, anchor: usize, tagged: bool, span: &Span) {
        if anchor > 0 {
            self.refuse_reuse(span);
        }
        if tagged {
            let hint = Some("leave the tag out; quote the value if it must be text".to_owned());
            self.faults.add(span, "tags (`!…`) have no meaning in a profile", hint);
        }
    }

    fn refuse_reuse(&mut self, span: &Span) {
        let hint = Some("write the value out".to_owned());
        self.faults.add(span, "anchors (`&…`), aliases (`*…`) and merge keys (`<<`) are refused", hint);
    }

    fn begin(&mut self, open: Open, span: &Span) -> Option<()> {
        if self.open.len() == DEEPEST {
            self.faults.add(span, format!("nested deeper than {DEEPEST} levels"), None);
            return None;
        }
        self.open.push(open);
        Some(())
    }

    fn end(&mut self, end: usize) {
        let node = match self.open.pop() {
            Some(Open::Sequence { start, items }) => {
                Node { span: start..end.max(start), content: Content::Sequence(items) }
            }
            Some(Open::Mapping { start, entries, .. }) => {
                Node { span: start..end.max(start), content: Content::Mapping(entries) }
            }
            None => return,
        };
        self.place(node);
    }

    /// Puts a finished node where it belongs: into the open collection, or as the root.
    fn place(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { key: key @ None, seen, .. }) => {
                *key = Some(accept_key(node, seen, self.faults));
            }
            Some(Open::Mapping { key, entries, .. }) => {
                if let Some(Key::Text(key, key_span)) = key.take() {
                    entries.push(Entry { key, key_span, value: node });
                }
            }
        }
    }

    fn syntax(&mut self, error: &ScanError, span: Span) {
        let info = error.info();
        let hint =
            SYNTAX_HINTS.iter().find(|(words, _)| info.contains(words)).map(|(_, hint)| (*hint).to_owned());
        self.faults.add(&span, format!("this is not YAML: {info}"), hint);
    }
}

/// A key that was there before is a fault, and still stays in the tree: its value is checked like any other.
fn accept_key(node: Node, seen: &mut HashMap<String, usize>, faults: &mut Faults<'_>) -> Key {
    let Node { span, content } = node;
    match content {
        Content::Scalar(Scalar { text, plain: true, .. }) if text == "<<" => {
            let hint = Some("write the keys out".to_owned());
            faults.add(&span, "anchors (`&…`), aliases (`*…`) and merge keys (`<<`) are refused", hint);
            Key::Refused
        }
        Content::Scalar(Scalar { text, .. }) => {
            if let Some(&first) = seen.get(&text) {
                let (line, _) = faults.position(first);
                let hint = Some(format!("it is first written on line {line}; keep one of them"));
                faults.add(&span, format!("the key `{}` is written twice", shown(&text)), hint);
            }
            seen.entry(text.clone()).or_insert(span.start);
            Key::Text(text, span)
        }
        Content::Refused => Key::Refused,
        Content::Sequence(_) | Content::Mapping(_) => {
            faults.add(&span, "a key is text, not a list or a mapping", None);
            Key::Refused
        }
    }
}

/// Words in the parser's messages, and what most often leads to them.
const SYNTAX_HINTS: &[(&str, &str)] = &[
    ("tab", "indent with spaces; YAML allows no tabs there"),
    ("recursion limit", "a profile nests 5 levels at most"),
    ("unknown anchor", "quote a value that begins with `*`; aliases are refused in a profile"),
    ("unexpected character", "quote a value that begins with this character"),
    ("mapping values are not allowed", "quote a value that contains `: `, and check the indentation"),
    ("illegal placement of ':'", "quote a value that contains `: `, and check the indentation"),
    ("end of stream", "a quotation mark is opened and never closed"),
    ("did not find expected key", "check the indentation of this line and the one above"),
    ("simple key expect", "a key is followed by `:` and a space; check the line above too"),
    ("expected ',' or", "a bracket is opened and never closed, or a comma is missing"),
    ("invalid indentation", "check the indentation of this line and the one above"),
];

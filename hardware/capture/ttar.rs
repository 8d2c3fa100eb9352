//! Text archives (`ttar`, the format of Prometheus node_exporter's fixtures): a tree of small files as one text that can be
//! read, written by hand and diffed.
//!
//! ```text
//! Path: sys/class/drm/card0/device/vendor
//! Lines: 1
//! 0x10de
//! Mode: 644
//! # ttar - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -
//! Path: sys/class/drm/card0/driver
//! SymlinkTo: ../../../bus/pci/drivers/nvidia
//! ```
//!
//! In a file's lines `NULLBYTE` stands for a zero byte, and `EOF` at the end of the last one for a missing newline; a
//! backslash before either takes that meaning away (so a real one just before a zero byte or the end is lost). Lines that begin with `#` outside of a file are comments. Bytes that are
//! no UTF-8 can't be written. A file of mode 0 is one that could not be read, and an empty one of mode 200 one that was
//! seen and not read; other modes mean nothing here.

use crate::root::{Node, Tree};

const SEPARATOR: &str = "# ttar - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -";

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TtarError {
    #[error("it is not UTF-8")]
    Encoding,
    #[error("line {line}: {what}")]
    Line { line: usize, what: &'static str },
}

pub fn parse(bytes: &[u8]) -> Result<Tree, TtarError> {
    let text = std::str::from_utf8(bytes).map_err(|_| TtarError::Encoding)?;
    let mut lines = text.lines().enumerate().map(|(i, line)| (i + 1, line));
    let mut tree = Tree::default();
    while let Some((line, header)) = lines.next() {
        let fault = |what| TtarError::Line { line, what };
        if header.is_empty() || header.starts_with('#') || header.starts_with("Mode:") {
            continue;
        }
        let (path, node) = if let Some(path) = header.strip_prefix("Directory: ") {
            (path, Node::Folder)
        } else if let Some(path) = header.strip_prefix("Path: ") {
            let (_, kind) = lines.next().ok_or(fault("nothing follows the path"))?;
            (path, node(kind, &mut lines).map_err(|(line, what)| TtarError::Line { line, what })?)
        } else {
            return Err(fault("neither a Path nor a Directory"));
        };
        if !tree.put(path, node) {
            return Err(fault("the path leads out of the tree"));
        }
    }
    Ok(tree)
}

type Fault = (usize, &'static str);

fn node<'a>(kind: &str, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Result<Node, Fault> {
    if let Some(target) = kind.strip_prefix("SymlinkTo: ") {
        return Ok(Node::Link(target.to_owned()));
    }
    let count = kind.strip_prefix("Lines: ").and_then(|count| count.trim().parse::<usize>().ok());
    let count = count.ok_or((0, "after a path comes Lines or SymlinkTo"))?;
    let mut content = String::new();
    for _ in 0..count {
        let (_, line) = lines.next().ok_or((0, "the archive ends within a file"))?;
        content.push_str(line);
        content.push('\n');
    }
    let (line, mode) = lines.next().ok_or((0, "a file has no Mode"))?;
    let mode =
        mode.strip_prefix("Mode: ").ok_or((line, "after a file's lines comes its Mode: is Lines right?"))?;
    Ok(match (mode.trim().trim_start_matches('0'), content.is_empty()) {
        ("", _) => Node::Denied,
        ("200", true) => Node::Unread,
        _ => Node::File(unescape(&content).into_bytes()),
    })
}

fn unescape(content: &str) -> String {
    // `\EOF` is the three letters, so the mark must stand without a backslash.
    let body = match content.strip_suffix("EOF\n") {
        Some(body) if !body.ends_with('\\') => body,
        _ => content,
    };
    let body = body.replace("\\EOF", "EOF");
    let parts: Vec<String> = body.split("\\NULLBYTE").map(|part| part.replace("NULLBYTE", "\0")).collect();
    parts.join("NULLBYTE")
}

/// The archive of a tree. Bytes that are no UTF-8 become U+FFFD.
pub fn write(tree: &Tree) -> String {
    let mut text = String::new();
    for (path, node) in tree.iter() {
        match node {
            Node::Folder => text.push_str(&format!("Directory: {path}\nMode: 755\n")),
            Node::Link(target) => text.push_str(&format!("Path: {path}\nSymlinkTo: {target}\n")),
            Node::Denied => text.push_str(&format!("Path: {path}\nLines: 0\nMode: 000\n")),
            Node::Unread => text.push_str(&format!("Path: {path}\nLines: 0\nMode: 200\n")),
            Node::File(bytes) => {
                let content = escape(&String::from_utf8_lossy(bytes));
                let lines = content.matches('\n').count();
                text.push_str(&format!("Path: {path}\nLines: {lines}\n{content}Mode: 644\n"));
            }
        }
        text.push_str(SEPARATOR);
        text.push('\n');
    }
    text
}

fn escape(content: &str) -> String {
    let mut escaped =
        content.replace("NULLBYTE", "\\NULLBYTE").replace('\0', "NULLBYTE").replace("EOF", "\\EOF");
    if !escaped.is_empty() && !escaped.ends_with('\n') {
        escaped.push_str("EOF\n");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tree_survives_being_written_and_read() {
        let tree: Tree = [
            ("proc/cpuinfo", Node::File(b"processor\t: 0\n\n".to_vec())),
            ("proc/empty", Node::File(Vec::new())),
            ("proc/device-tree/model", Node::File(b"Raspberry Pi\0".to_vec())),
            ("odd", Node::File(b"EOF\nNULLBYTE\nno newline".to_vec())),
            ("sys/class/drm/card0", Node::Link("../../devices/gpu".into())),
            ("sys/empty", Node::Folder),
            ("sys/secret", Node::Denied),
            ("usr/bin/llama-server", Node::Unread),
        ]
        .map(|(path, node)| (path.to_owned(), node))
        .into_iter()
        .collect();
        assert_eq!(parse(write(&tree).as_bytes()).unwrap(), tree);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let fault = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(fault("# ok\n\nPfad: x\n"), "line 3: neither a Path nor a Directory");
        assert_eq!(fault("Path: ../x\nLines: 0\nMode: 644\n"), "line 1: the path leads out of the tree");
        let short = "Path: x\nLines: 1\na\nb\nMode: 644\n";
        assert_eq!(fault(short), "line 4: after a file's lines comes its Mode: is Lines right?");
        assert_eq!(parse(b"\xff"), Err(TtarError::Encoding));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((Path|Directory): [a-z/.]{0,9}\n(Lines: [0-9]{0,3}\n)?(EOF\n)?(Mode: 0?\n)?)*") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn any_file_survives(content in "(EOF|NULLBYTE|\0|\n|[a-z])*") {
            let tree: Tree = [("f".to_owned(), Node::File(content.into_bytes()))].into_iter().collect();
            prop_assert_eq!(parse(write(&tree).as_bytes()).unwrap(), tree);
        }
    }
}

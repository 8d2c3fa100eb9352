//! Takes out of a capture what identifies a machine or its people: serial numbers, UUIDs, hardware and network addresses,
//! names of hosts and users.
//!
//! One thing gets one stand-in everywhere, in paths too, so that what referred to the same thing still does, and the audit of
//! the capture tells the same facts. Better one version number too many taken out than one address left in.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::identities::Identities;
use crate::root::{Node, Tree};

/// Files that hold an identity and nothing else, by their last name.
const IDENTITY_FILES: [&str; 14] = [
    "serial",
    "serial_number",
    "serial-number",
    "unique_id",
    "uuid",
    "wwid",
    "wwn",
    "cid",
    "machine-id",
    "boot_id",
    "product_uuid",
    "product_serial",
    "board_serial",
    "chassis_serial",
];
const SCRUBBED: &str = "scrubbed";

pub fn scrub(tree: Tree, identities: &Identities) -> Tree {
    let mut scrubber = Scrubber::new(identities);
    let nodes = tree.iter().map(|(path, node)| (path.to_owned(), node.clone())).collect::<Vec<_>>();
    nodes
        .into_iter()
        .map(|(path, node)| {
            let node = match node {
                Node::File(bytes) => scrubber.file(&path, bytes),
                Node::Link(target) => Node::Link(scrubber.text(&target)),
                other => other,
            };
            (scrubber.text(&path), node)
        })
        .collect()
}

struct Scrubber {
    names: Vec<(Regex, &'static str)>,
    /// What was met → what stands for it.
    stand_ins: BTreeMap<String, String>,
    /// How many of each kind were met.
    met: BTreeMap<&'static str, usize>,
}

/// Values of fields whose name says that they identify: XML elements, JSON keys, `key: value` lines.
static FIELDS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        r"(?i)(<[a-z_]*(?:serial|uuid)[a-z_]*>)([^<\n]*)",
        r#"(?i)("[^"\n]*(?:serial|uuid|udid|asset_?tag)[^"\n]*"\s*:\s*")([^"\n]*)"#,
        r"(?im)^([^:=\n]*\bserial(?:[ _]?(?:no|num|number))?\s*[:=][ \t]*)([^\n]*)",
    ])
});
static UUID: LazyLock<Vec<Regex>> =
    LazyLock::new(|| compiled(&[r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"]));
/// Six pairs or more: InfiniBand's addresses have twenty.
static HARDWARE_ADDRESS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| compiled(&[r"(?i)\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5,}\b"]));
/// Container ids, machine ids, digests of machines: nothing that a probe needs is so long.
static LONG_HEX: LazyLock<Vec<Regex>> = LazyLock::new(|| compiled(&[r"(?i)\b[0-9a-f]{32,}\b"]));
static IPV4: LazyLock<Vec<Regex>> = LazyLock::new(|| compiled(&[r"\b\d{1,3}(?:\.\d{1,3}){3}\b"]));
/// Whole words with two colons; what is no address does not parse as one.
static IPV6: LazyLock<Vec<Regex>> = LazyLock::new(|| compiled(&[r"(?i)[0-9a-z]*:[0-9a-z:]*:[0-9a-z]*"]));
/// Servers, shares and their users, where mounts tell them: `nas:/srv`, `//ada@nas/share`.
static SHARES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[
        r"(?m)( - (?:nfs4?|cifs|smb3|ceph|glusterfs|9p|afs|fuse\.sshfs|fuse\.rclone) )(\S+)",
        r"(?m)^()([A-Za-z0-9_.-]+:/\S*)",
        r"(?m)^()(//[^/\s]+/\S*)",
    ])
});
static HOME: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    compiled(&[r#"(/home/|/Users/|/run/user/|/media/|(?i:[a-z]:\\{1,2}users\\{1,2}))([^/\\\s"',:]+)"#])
});

/// Patterns are constants: one that does not compile is left out, and the test of all kinds fails.
fn compiled(patterns: &[&str]) -> Vec<Regex> {
    patterns.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
}

impl Scrubber {
    fn new(identities: &Identities) -> Scrubber {
        let whole_word = |name: &String| Regex::new(&format!(r"(?i)\b{}\b", regex::escape(name)));
        // Longer names first: a full host name holds the short one.
        let sorted = |names: &std::collections::BTreeSet<String>, stand_in: &'static str| {
            let mut names: Vec<&String> = names.iter().collect();
            names.sort_by_key(|name| std::cmp::Reverse(name.len()));
            names.into_iter().filter_map(|name| Some((whole_word(name).ok()?, stand_in))).collect::<Vec<_>>()
        };
        let names = [sorted(&identities.hosts, "host"), sorted(&identities.users, "user")].concat();
        Scrubber { names, stand_ins: BTreeMap::new(), met: BTreeMap::new() }
    }

    fn file(&mut self, path: &str, bytes: Vec<u8>) -> Node {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_network_address = path.contains("/net/") && ["address", "permaddr"].contains(&name);
        if IDENTITY_FILES.contains(&name) || is_network_address {
            return Node::File(format!("{SCRUBBED}\n").into());
        }
        match String::from_utf8(bytes) {
            Ok(text) => Node::File(self.text(&text).into()),
            // What can't be read can't be scrubbed.
            Err(_) => Node::Unread,
        }
    }

    fn text(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for regex in FIELDS.iter() {
            text = regex.replace_all(&text, |found: &Captures| field(&found[1], &found[2])).into_owned();
        }
        for regex in SHARES.iter() {
            let share = |found: &Captures| match found[2].starts_with("//") {
                true => format!("{}//host/share", &found[1]),
                false => format!("{}host:/share", &found[1]),
            };
            text = regex.replace_all(&text, share).into_owned();
        }
        for regex in HOME.iter() {
            let person = |found: &Captures| match &found[2] {
                // What the system itself puts there.
                name @ ("root" | "0" | "Shared" | "Public" | "Default") => format!("{}{name}", &found[1]),
                id if id.chars().all(|c| c.is_ascii_digit()) => format!("{}1000", &found[1]),
                _ => format!("{}user", &found[1]),
            };
            text = regex.replace_all(&text, person).into_owned();
        }
        text = self.each(text, &UUID, "uuid", |_, n| Some(format!("00000000-0000-0000-0000-{n:012x}")));
        text = self.each(text, &HARDWARE_ADDRESS, "address", |_, n| {
            Some(format!("02:00:00:00:{:02x}:{:02x}", n >> 8 & 0xff, n & 0xff))
        });
        text = self.each(text, &LONG_HEX, "hex", |found, n| {
            // Zeros identify nothing, and are what masks and empty fields are made of.
            (!found.chars().all(|c| c == '0')).then(|| format!("{n:0width$x}", width = found.len()))
        });
        text = self.addresses(&text);
        for (name, stand_in) in &self.names {
            text = name.replace_all(&text, *stand_in).into_owned();
        }
        text
    }

    /// Network addresses line by line: four numbers on a line that speaks of a version are one.
    fn addresses(&mut self, text: &str) -> String {
        let mut lines = Vec::new();
        for line in text.split('\n') {
            let lower = line.to_lowercase();
            let is_version = ["version", "release", "build", "driver", "microsoft"]
                .iter()
                .any(|word| lower.contains(word));
            let line =
                if is_version { line.to_owned() } else { self.each(line.to_owned(), &IPV4, "ipv4", ipv4) };
            lines.push(self.each(line, &IPV6, "ipv6", ipv6));
        }
        lines.join("\n")
    }

    /// Replaces each match by its stand-in, the same for the same text. `make` gives none for what may stay.
    fn each(
        &mut self,
        text: String,
        regexes: &[Regex],
        kind: &'static str,
        make: fn(&str, usize) -> Option<String>,
    ) -> String {
        regexes.iter().fold(text, |text, regex| {
            let replace = |found: &Captures| {
                let key = format!("{kind} {}", found[0].to_lowercase());
                if let Some(known) = self.stand_ins.get(&key) {
                    return known.clone();
                }
                let number = self.met.get(kind).copied().unwrap_or(0) + 1;
                match make(&found[0], number) {
                    Some(stand_in) => {
                        self.met.insert(kind, number);
                        // A stand-in stands for itself: scrubbing twice changes nothing.
                        self.stand_ins.insert(format!("{kind} {stand_in}"), stand_in.clone());
                        self.stand_ins.insert(key, stand_in.clone());
                        stand_in
                    }
                    None => found[0].to_owned(),
                }
            };
            regex.replace_all(&text, replace).into_owned()
        })
    }
}

/// A field's value, unless it says that there is none.
fn field(head: &str, value: &str) -> String {
    let says_none = ["", "n/a", "none", "unknown", "0", "not specified"];
    match says_none.contains(&value.trim().to_lowercase().as_str()) {
        true => format!("{head}{value}"),
        false => format!("{head}{SCRUBBED}"),
    }
}

fn ipv4(text: &str, n: usize) -> Option<String> {
    let address: Ipv4Addr = text.parse().ok()?;
    let stays = address.is_loopback() || address.is_unspecified() || address.is_broadcast();
    // From the block for documentation (RFC 5737).
    (!stays).then(|| format!("192.0.2.{}", n % 256))
}

fn ipv6(text: &str, n: usize) -> Option<String> {
    let address: Ipv6Addr = text.parse().ok()?;
    let stays = address.is_loopback() || address.is_unspecified();
    // From the block for documentation (RFC 3849).
    (!stays).then(|| format!("2001:db8::{:x}", n & 0xffff))
}

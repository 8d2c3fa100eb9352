//! Who listens on a port: the launch that it was assigned to, or a stranger. A program that takes the port first can
//! pretend to be any engine, down to refusing wrong keys; the kernel's own table can't be talked into anything.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::members::members;
use super::record::Record;

/// tcp(7), `TCP_LISTEN`, as /proc/net/tcp writes it.
const LISTEN: &str = "0A";
/// The kernel pads a line of /proc/net/tcp to this.
const LINE: usize = 150;

/// Whether a process of the launch holds the socket that listens on `port`. `None`: it can't be told, because nothing
/// listens or there is no procfs.
pub async fn listens(record: &Record, port: u16) -> Option<bool> {
    let record = record.clone();
    tokio::task::spawn_blocking(move || look(&record, port)).await.ok().flatten()
}

fn look(record: &Record, port: u16) -> Option<bool> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|table| File::open(table).ok());
    let inodes: BTreeSet<String> = tables.flat_map(|table| listeners(table, port)).collect();
    if inodes.is_empty() {
        return None;
    }
    let members = members(record).ok()?;
    Some(members.iter().any(|process| sockets(process.pid).any(|inode| inodes.contains(&inode))))
}

/// proc(5): `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode`, addresses as `HEX:PORT`.
///
/// The kernel lists listeners first. Reading ends with them, and in pieces of one line: behind them it would walk
/// every connection of the machine, some 20 ms where clients have left thousands.
fn listeners(table: impl Read, port: u16) -> impl Iterator<Item = String> {
    let local = format!(":{port:04X}");
    let lines = BufReader::with_capacity(LINE, table).lines().map_while(Result::ok).skip(1);
    let fields = lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let listening = fields.take_while(|fields| fields.get(3).is_some_and(|state| state == LISTEN));
    listening.filter(move |fields| fields[1].ends_with(&local)).filter_map(|fields| fields.into_iter().nth(9))
}

/// The inodes of the sockets that a process has open.
fn sockets(pid: u32) -> impl Iterator<Item = String> {
    let open = std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("fd"));
    open.into_iter().flatten().flatten().filter_map(|entry| {
        let target = std::fs::read_link(entry.path()).ok()?;
        Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listener_of_exactly_this_port_counts() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:9C42 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100\n   \
                     1: 0100007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100\n   \
                     2: 0100007F:9C41 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100\n";
        let inodes = |port| listeners(table.as_bytes(), port).collect::<Vec<_>>();
        assert_eq!(inodes(0x9C41), ["4711"]);
        assert!(inodes(1).is_empty());
        assert_eq!(listeners(&b"head\nragged\n"[..], 1).count(), 0);
    }

    #[test]
    fn the_sockets_of_a_process_are_found_by_their_inodes() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let inodes: Vec<_> = listeners(File::open("/proc/net/tcp").unwrap(), port).collect();
        assert_eq!(inodes.len(), 1);
        assert!(sockets(std::process::id()).any(|inode| inode == inodes[0]));
    }
}

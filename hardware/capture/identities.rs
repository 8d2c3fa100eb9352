//! What this machine and its people are called, so that it can be taken out of a capture. Read beside the probes: none of
//! it is recorded.

use std::collections::BTreeSet;

/// Names, each at least three characters long and no ordinary word of a system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    pub hosts: BTreeSet<String>,
    pub users: BTreeSet<String>,
}

/// Names that nobody is told apart by, and that a system's own files are full of.
const COMMON: [&str; 25] = [
    "root",
    "admin",
    "administrator",
    "user",
    "users",
    "guest",
    "test",
    "home",
    "host",
    "hostname",
    "localhost",
    "localdomain",
    "local",
    "linux",
    "debian",
    "ubuntu",
    "fedora",
    "alpine",
    "arch",
    "raspberrypi",
    "orangepi",
    "jetson",
    "nvidia",
    "docker",
    "none",
];

impl Identities {
    pub fn of_this_machine() -> Identities {
        let mut found = Identities::default();
        let variable = |name: &str| std::env::var(name).ok();
        let hosts = [host_name(), variable("HOSTNAME"), variable("COMPUTERNAME")];
        found.add_hosts(hosts.into_iter().flatten());
        let users = ["USER", "LOGNAME", "USERNAME", "SUDO_USER"].into_iter().filter_map(variable);
        found.add_users(users);
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        found.add_users(people(&accounts));
        found
    }

    pub fn add_hosts(&mut self, names: impl Iterator<Item = String>) {
        for name in names {
            // A full name is taken out whole, and its first part where that stands alone.
            let first = name.split('.').next().unwrap_or_default().to_owned();
            self.hosts.extend([name, first].into_iter().filter(|name| is_telling(name)));
        }
    }

    pub fn add_users(&mut self, names: impl Iterator<Item = String>) {
        self.users.extend(names.filter(|name| is_telling(name)));
    }
}

fn is_telling(name: &str) -> bool {
    name.chars().count() >= 3 && !COMMON.contains(&name.to_lowercase().as_str())
}

/// Account names and full names of those who are no system accounts (login.defs: from 1000 on, `nobody` is 65534).
fn people(passwd: &str) -> impl Iterator<Item = String> {
    passwd.lines().flat_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_person = fields
            .get(2)
            .and_then(|id| id.parse::<u32>().ok())
            .is_some_and(|id| (1000..60_000).contains(&id));
        let full_name = fields.get(4).and_then(|gecos| gecos.split(',').next()).unwrap_or_default();
        let names = [fields[0], full_name].map(str::to_owned);
        names.into_iter().filter(move |_| is_person).collect::<Vec<_>>()
    })
}

#[cfg(unix)]
fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

#[cfg(not(unix))]
fn host_name() -> Option<String> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_from_system_accounts() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada Lovelace,,,:/home/ada:/bin/sh\n\
                      nobody:x:65534:65534::/:/bin/false\nbroken\n";
        assert_eq!(people(passwd).collect::<Vec<_>>(), ["ada", "Ada Lovelace"]);
    }

    #[test]
    fn a_full_host_name_counts_by_its_first_part_too() {
        let mut found = Identities::default();
        found.add_hosts(
            ["ward7.clinic.example".to_owned(), "localhost".to_owned(), "pi".to_owned()].into_iter(),
        );
        let expected = ["ward7", "ward7.clinic.example"].map(str::to_owned);
        assert_eq!(found.hosts, BTreeSet::from(expected));
    }
}

//! The process table, asked for what belongs to a home.

/// Living processes, other than this one, whose environment names this home: daemons and engines alike.
pub fn of_home(home: &std::path::Path) -> Vec<u32> {
    let mark = format!("EDGEORCH_HOME={}", home.display());
    let own = std::process::id();
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| *pid != own && is_alive(*pid) && names(*pid, &mark)).collect()
}

pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn names(pid: u32, mark: &str) -> bool {
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

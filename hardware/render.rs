//! The audit for a person: one screen, no wider than the terminal.

use edgeorch_engines::contract::host::{Accelerator, Target};
use edgeorch_engines::contract::{Architecture, Bytes, Cpu, Host, Memory, MemoryLimit};

/// Columns of the label at the left.
const LABEL: usize = 10;
/// Below this the text is wrapped as if the terminal were this wide.
const NARROWEST: usize = 40;

/// The host as text, each line at most `width` columns (40 at least). Escape codes only where `color` asks for them.
pub fn print(host: &Host, width: usize, color: bool) -> String {
    let mut page = Page { width: width.max(NARROWEST), color, text: String::new() };
    page.row("System", &os(host));
    page.row("CPU", &cpu(&host.cpu));
    page.row("Cores", &cores(&host.cpu));
    page.row("Features", &features(&host.cpu));
    page.row("Memory", &memory(&host.memory));
    page.row("", &bar(&host.memory, page.width - LABEL));
    if let Some(limit) = &host.memory.limit {
        page.row("Limit", &self::limit(limit));
    }
    if host.accelerators.is_empty() {
        let in_doubt = host.unknown.iter().any(|unknown| unknown.field == "accelerators");
        page.row("GPU", if in_doubt { "unknown" } else { "none found" });
    }
    for (i, device) in host.accelerators.iter().enumerate() {
        page.row(&format!("GPU {i}"), &gpu(device));
    }
    for (i, unknown) in host.unknown.iter().enumerate() {
        page.row(if i == 0 { "Unknown" } else { "" }, &format!("{}: {}", unknown.field, unknown.reason));
    }
    page.text
}

fn os(host: &Host) -> String {
    let kernel = host.os.kernel.as_ref().map(|kernel| format!("{} {kernel}", host.os.family));
    let kernel = kernel.unwrap_or_else(|| host.os.family.to_string());
    parts([host.os.name.clone(), Some(kernel), host.os.libc.clone()])
}

fn cpu(cpu: &Cpu) -> String {
    parts([
        Some(cpu.model.clone().unwrap_or_else(|| "unknown model".to_owned())),
        cpu.vendor.clone(),
        Some(architecture(cpu.architecture).to_owned()),
    ])
}

fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X86_64 => "x86_64",
        Architecture::Aarch64 => "aarch64",
        Architecture::Armv7 => "armv7",
        Architecture::Riscv64 => "riscv64",
        Architecture::Other => "other architecture",
    }
}

fn cores(cpu: &Cpu) -> String {
    let of = |count: Option<u32>, one: &str| {
        count.map(|n| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") })
    };
    parts([
        Some(format!("{} usable by this process", cpu.usable_cores)),
        of(cpu.logical_cores, "thread"),
        of(cpu.physical_cores, "core"),
        of(cpu.sockets, "socket"),
    ])
}

fn features(cpu: &Cpu) -> String {
    if cpu.isa.is_empty() {
        return "none known".to_owned();
    }
    cpu.isa.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn memory(memory: &Memory) -> String {
    let size = |bytes: Option<Bytes>| bytes.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
    parts([Some(format!("{} available of {}", size(memory.available), size(memory.total)))])
}

fn limit(limit: &MemoryLimit) -> String {
    parts([
        Some(limit.bytes.to_string()),
        Some(format!("{} of it in use", limit.used)),
        Some(format!("{} left", limit.bytes.saturating_sub(limit.used))),
        Some(format!("set by {}", limit.source)),
    ])
}

/// `[████░░░░····] 12% used`: what is in use, what a new process could take, and what a limit keeps from it.
fn bar(memory: &Memory, width: usize) -> String {
    let (Some(total), Some(available)) = (memory.total.filter(|total| total.0 > 0), memory.available) else {
        return "size unknown".to_owned();
    };
    let share = |bytes: u64| bytes as f64 / total.0 as f64;
    let used = total.saturating_sub(available);
    let caption = format!(" {:.0}% used", 100.0 * share(used.0));
    let cells = width.saturating_sub(caption.chars().count() + 2).min(50);
    let cells_of = |bytes: u64| ((share(bytes) * cells as f64).round() as usize).min(cells);
    let full = cells_of(used.0);
    let free = cells_of(memory.usable().0).min(cells - full);
    // Without a limit the rest is a matter of rounding, and no third kind of memory.
    let (free, barred) = match memory.usable() < available {
        true => (free, cells - full - free),
        false => (cells - full, 0),
    };
    format!("[{}{}{}]{caption}", "█".repeat(full), "░".repeat(free), "·".repeat(barred))
}

fn gpu(gpu: &Accelerator) -> String {
    let memory = match (gpu.memory.free, gpu.memory.total) {
        (Some(free), Some(total)) => Some(format!("{free} free of {total}")),
        (None, Some(total)) => Some(total.to_string()),
        _ => Some("memory unknown".to_owned()),
    };
    let target = gpu.target.as_ref().map(|target| match target {
        Target::ComputeCapability(version) => format!("CUDA {version}"),
        Target::Gfx(name) | Target::Named(name) => name.clone(),
    });
    let version = gpu.driver.as_ref().and_then(|driver| driver.version.as_ref());
    parts([
        Some(gpu.name.clone().unwrap_or_else(|| "unknown model".to_owned())),
        memory,
        target,
        version.map(|version| format!("driver {version}")),
        gpu.pci.as_ref().map(|pci| pci.address.clone()),
    ])
}

/// Holds the words of a short fact together until the line is written.
const GLUE: char = '\u{a0}';
/// Facts up to this many characters are not split over two lines.
const SHORT: usize = 26;

fn parts<const N: usize>(parts: [Option<String>; N]) -> String {
    let glued = |part: String| if part.chars().count() > SHORT { part } else { part.replace(' ', "\u{a0}") };
    parts.into_iter().flatten().map(glued).collect::<Vec<_>>().join(", ")
}

struct Page {
    width: usize,
    color: bool,
    text: String,
}

impl Page {
    /// A label and its text, wrapped at blanks and indented below itself.
    fn row(&mut self, label: &str, text: &str) {
        for (i, line) in wrap(text, self.width - LABEL).into_iter().enumerate() {
            let label = format!("{:<LABEL$}", if i == 0 { label } else { "" });
            match self.color && !label.trim().is_empty() {
                true => self.text.push_str(&format!("\u{1b}[1m{label}\u{1b}[0m")),
                false => self.text.push_str(&label),
            }
            self.text.extend(line.chars().map(|c| match c {
                GLUE => ' ',
                // A reason may quote a path of the machine: nothing in it may steer the terminal.
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            }));
            self.text.push('\n');
        }
    }
}

/// Lines of at most `width` characters; a longer word is cut.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split(' ') {
        let mut rest: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        while rest.len() > width {
            let tail = rest.split_off(width);
            lines.push(rest.into_iter().collect());
            rest = tail;
        }
        used += rest.len();
        line.extend(rest);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests;

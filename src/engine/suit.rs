//! Which ways to install an engine suit this machine. Pure: facts in, reasons out.

use edgeorch_engines::Host;
use edgeorch_engines::manifest::Install;

/// Why this source can't be used here; empty if it can. `has` tells whether a program is on PATH.
pub fn obstacles(install: &Install, host: &Host, has: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(os) = &install.os
        && *os != host.os.family
    {
        found.push(format!("it is made for {os}"));
    }
    if let Some(architecture) = install.architecture
        && architecture != host.cpu.architecture
    {
        found.push("it is made for another processor architecture".into());
    }
    if let Some(needed) = &install.glibc
        && !has_glibc(host, needed)
    {
        let here = host.os.libc.as_deref().unwrap_or("an unknown C library");
        found.push(format!("it needs glibc {needed} or newer, here is {here}"));
    }
    let missing: Vec<_> = install.isa.difference(&host.cpu.isa).map(ToString::to_string).collect();
    if !missing.is_empty() {
        found.push(format!("this CPU lacks {}", missing.join(", ")));
    }
    for tool in &install.tools {
        if !tool.split('|').any(&has) {
            found.push(format!("it needs {}", tool.replace('|', " or ")));
        }
    }
    found
}

fn has_glibc(host: &Host, needed: &str) -> bool {
    let version = |text: &str| -> Option<(u32, u32)> {
        let (major, minor) = text.split_once('.')?;
        Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
    };
    let here = host.os.libc.as_deref().and_then(|libc| libc.strip_prefix("glibc "));
    matches!((here.and_then(version), version(needed)), (Some(here), Some(needed)) if here >= needed)
}

#[cfg(test)]
mod tests {
    use edgeorch_engines::{Engine, llama_cpp::LlamaCpp};

    use super::*;

    fn host() -> Host {
        serde_json::from_str(include_str!("../../engines/contract/host.example.json")).unwrap()
    }

    #[test]
    fn the_wheel_is_refused_where_its_instructions_are_missing() {
        // It was seen to die with SIGILL on a CPU with AVX-512 and without AMX.
        let wheel = &LlamaCpp.manifest().install[0];
        let found = obstacles(wheel, &host(), |_| true);
        assert!(found.iter().any(|reason| reason.contains("amx_int8")), "{found:?}");
        let mut host = host();
        host.cpu.isa.extend(wheel.isa.iter());
        assert_eq!(obstacles(wheel, &host, |_| true), Vec::<String>::new());
        host.os.libc = Some("glibc 2.31".into());
        assert!(obstacles(wheel, &host, |_| true)[0].contains("2.35"));
        host.os.libc = Some("musl".into());
        assert_eq!(obstacles(wheel, &host, |_| true).len(), 1);
    }

    #[test]
    fn building_needs_one_of_each_kind_of_tool() {
        let source = LlamaCpp.manifest().install.last().unwrap();
        let with = |tools: &'static [&'static str]| obstacles(source, &host(), |tool| tools.contains(&tool));
        assert!(with(&["cmake", "g++", "ninja"]).is_empty());
        assert_eq!(with(&["g++", "make"]), ["it needs cmake"]);
        assert_eq!(with(&["cmake", "make"]), ["it needs c++ or g++ or clang++"]);
    }
}

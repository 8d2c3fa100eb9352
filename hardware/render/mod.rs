//! The audit for a person: one screen, no wider than the terminal.

mod bar;
mod device;
mod limiting;
mod page;
mod surroundings;
mod system;
mod unknown;

use edgeorch_engines::contract::Host;

use page::Page;

/// The host as text, each line at most `width` columns (40 at least). Escape codes only where `color` asks for them.
pub fn print(host: &Host, width: usize, color: bool) -> String {
    let mut page = Page::new(width, color);
    system::rows(host, &mut page);
    device::rows(host, &mut page);
    surroundings::rows(host, &mut page);
    page.list("Limiting", limiting::sentences(host));
    page.list("Unknown", unknown::sentences(host));
    page.text
}

/// What a start begins with: the machine and its devices, and what limits them.
pub fn brief(host: &Host, width: usize, color: bool) -> String {
    let mut page = Page::new(width, color);
    system::rows(host, &mut page);
    device::rows(host, &mut page);
    page.list("Limiting", limiting::sentences(host));
    page.text
}

#[cfg(test)]
mod tests;

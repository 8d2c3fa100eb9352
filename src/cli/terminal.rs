//! What is known of the terminal, and printing that survives a reader who leaves (`edgeorch ps | head -1`).

use std::io::{IsTerminal, Write};

/// Columns to fill: the terminal's, at most 100 because longer lines read badly, 80 where there is no terminal.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(columns, _)| usize::from(columns.0).clamp(40, 100))
}

/// Colours only where a terminal shows them and nobody asked for none (no-color.org).
pub fn color(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// To stdout; a closed pipe ends the printing, not the program.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

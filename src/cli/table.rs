//! Columns for people: as wide as their widest cell, the last one cut where the terminal ends.

/// Rows of the same length under `head`, two blanks apart, at most `width` columns.
pub fn render(head: &[&str], rows: &[Vec<String>], width: usize) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let lines = std::iter::once(&head).chain(rows).map(|row| line(row, &widths, width));
    lines.map(|line| line + "\n").collect()
}

fn line(row: &[String], widths: &[usize], width: usize) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    let line = cells.collect::<Vec<_>>().join("  ");
    cut(line.trim_end(), width)
}

/// The text in at most `width` columns, with an ellipsis where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Words folded into lines of at most `width` columns, each after `indent`.
pub fn fold(text: &str, indent: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_long_lines_are_cut() {
        let rows = vec![
            vec!["chat".into(), "ready".into()],
            vec!["embedding".into(), "starting a long story".into()],
        ];
        assert_eq!(
            render(&["NAME", "STATE"], &rows, 24),
            "NAME       STATE\nchat       ready\nembedding  starting a l…\n"
        );
    }

    #[test]
    fn folding_keeps_words_whole() {
        assert_eq!(fold("one two three", "  ", 9), "  one two\n  three");
    }
}

//! Columns for people: as wide as their widest cell, and where the terminal is too narrow, the longest texts give way.

/// A narrower cell would say nothing any more.
const LEAST: usize = 6;

/// Rows of the same length under `head`, two blanks apart, at most `width` columns. The columns of these indices give
/// way, in this order.
pub fn render(head: &[&str], rows: &[Vec<String>], width: usize, yielding: &[usize]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let gaps = 2 * widths.len().saturating_sub(1);
    for index in yielding {
        let excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        if let Some(column) = widths.get_mut(*index) {
            *column = column.saturating_sub(excess).max(LEAST.min(*column));
        }
    }
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let lines = std::iter::once(&head).chain(rows).map(|row| line(row, &widths, width));
    lines.map(|line| line + "\n").collect()
}

fn line(row: &[String], widths: &[usize], width: usize) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{:<width$}", cut(cell, *width)));
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
            render(&["NAME", "STATE"], &rows, 24, &[]),
            "NAME       STATE\nchat       ready\nembedding  starting a l…\n"
        );
    }

    #[test]
    fn the_first_named_column_gives_way_then_the_next_and_no_other() {
        let rows = vec![vec!["notes-of-the-clinic".into(), "SmolLM2-135M".into(), "forever".into()]];
        let head = ["NAME", "MODEL", "UNTIL"];
        assert_eq!(
            render(&head, &rows, 38, &[1, 0]),
            "NAME                 MODEL     UNTIL\nnotes-of-the-clinic  SmolLM2…  forever\n"
        );
        assert_eq!(
            render(&head, &rows, 30, &[1, 0]),
            "NAME           MODEL   UNTIL\nnotes-of-the…  SmolL…  forever\n"
        );
    }

    #[test]
    fn folding_keeps_words_whole() {
        assert_eq!(fold("one two three", "  ", 9), "  one two\n  three");
    }
}

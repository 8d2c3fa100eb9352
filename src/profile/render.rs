//! A profile's error as people read it in a terminal: each fault with its line of the text, a caret and a hint.

use std::error::Error;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

use super::error::ProfileError;
use super::fault::Fault;
use super::suggest::list;

/// Narrower than this, wrapping makes words unreadable.
const NARROWEST: usize = 40;

impl ProfileError {
    /// The whole report, for a terminal of `width` columns. Ends with a line break.
    pub fn render(&self, width: usize, color: bool) -> String {
        let page = Page::new(width, color);
        match self {
            ProfileError::Faults { path, text, faults } => {
                let path = path.display().to_string();
                let mut report: String =
                    faults.iter().map(|fault| page.fault(fault, &path, text) + "\n\n").collect();
                report += &page.title(&self.to_string(), None);
                report + "\n"
            }
            other => page.title(&with_cause(other), other.help().as_deref()) + "\n",
        }
    }

    /// The next step, where the message does not tell it.
    fn help(&self) -> Option<String> {
        match self {
            ProfileError::Missing { nearest: Some(name), .. } => Some(format!("did you mean `{name}`?")),
            ProfileError::Missing { found, folder, .. } if !found.is_empty() => {
                Some(format!("in {} there are: {}", folder.display(), list(found)))
            }
            ProfileError::Missing { .. } => {
                Some("`profiles/quickstart.yaml` of the repository is one to start from".to_owned())
            }
            ProfileError::NoFile { .. } => Some("give the path of a YAML file".to_owned()),
            ProfileError::TooLarge { .. } => Some("is this the right file?".to_owned()),
            ProfileError::Encoding { .. } => Some("save it as UTF-8".to_owned()),
            ProfileError::Io { .. } | ProfileError::Faults { .. } => None,
        }
    }
}

fn with_cause(error: &ProfileError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

struct Page {
    width: usize,
    renderer: Renderer,
}

impl Page {
    fn new(width: usize, color: bool) -> Page {
        let width = width.max(NARROWEST);
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        Page { width, renderer: renderer.term_width(width) }
    }

    fn fault(&self, fault: &Fault, path: &str, text: &str) -> String {
        let (line, start, end) = line_of(fault, text);
        let digits = fault.line.to_string().len();
        let source = Snippet::source(line)
            .line_start(fault.line)
            .path(path)
            .annotation(AnnotationKind::Primary.span(start..end));
        let title = self.wrapped(&fault.message, "error: ".len());
        let help = fault.hint.as_deref().map(|hint| self.wrapped(hint, digits + "   = help: ".len()));
        let report = Level::ERROR.primary_title(title).element(source);
        let report = report.elements(help.map(|help| Level::HELP.message(help)));
        self.renderer.render(&[report])
    }

    fn title(&self, message: &str, help: Option<&str>) -> String {
        let title = Level::ERROR.primary_title(self.wrapped(message, "error: ".len()));
        let help = help.map(|help| Level::HELP.message(self.wrapped(help, "  = help: ".len())));
        self.renderer.render(&[Group::with_title(title).elements(help)])
    }

    /// Broken at spaces into lines that leave room for `indent`. A word that is too long stays whole: it may be a path
    /// to copy.
    fn wrapped(&self, text: &str, indent: usize) -> String {
        let room = self.width.saturating_sub(indent);
        let mut lines = vec![String::new()];
        for word in normalize_untrusted_str(text).split(' ') {
            match lines.last_mut() {
                Some(line) if line.is_empty() => line.push_str(word),
                Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        lines.join("\n")
    }
}

/// The line that a fault begins on, and the part of it that is marked.
fn line_of<'t>(fault: &Fault, text: &'t str) -> (&'t str, usize, usize) {
    let at = fault.span.start.min(text.len());
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[begin..].split('\n').next().unwrap_or("").trim_end();
    let start = (at - begin).min(line.len());
    let end = fault.span.end.saturating_sub(begin).clamp(start, line.len());
    (line, start, end)
}

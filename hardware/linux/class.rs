//! Entries of `/sys/class`.

use crate::Root;
use crate::root::ReadError;

/// The names in a class folder. One that is missing on a kernel that has others is an empty one: the kernel makes it with
/// the first driver that needs it.
pub fn entries(root: &Root, class: &str) -> Result<Vec<String>, ReadError> {
    match root.list(&format!("sys/class/{class}")) {
        Err(error) if error.is_missing() && root.exists("sys/class") => Ok(Vec::new()),
        listed => listed,
    }
}

/// The value of a file that holds a number.
pub fn number(root: &Root, path: &str) -> Option<u64> {
    root.read(path).ok()?.trim().parse().ok()
}

/// A one-line file without its line end, if it says anything.
pub fn word(root: &Root, path: &str) -> Option<String> {
    let text = root.read(path).ok()?.trim().to_owned();
    (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
}

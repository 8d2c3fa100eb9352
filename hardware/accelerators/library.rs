//! Whether a library that programs would load is installed: by its file in the folders where loaders look.
//!
//! The loader's own list (`/etc/ld.so.cache`) is left out: it is a binary format of the C library, and what it holds lies in
//! these folders on all but hand-made systems.

use crate::Root;
use crate::root::shown;

const FOLDERS: [&str; 9] = [
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib/arm-linux-gnueabihf",
    "usr/lib64",
    "usr/lib",
    "usr/local/lib",
    "usr/local/lib64",
    "usr/local/lib/x86_64-linux-gnu",
    "usr/local/lib/aarch64-linux-gnu",
];

/// Where one of these spellings lies, looked for in `also` too.
pub fn find(root: &Root, spellings: &[String], also: &[String]) -> Option<String> {
    let folders = FOLDERS.into_iter().chain(also.iter().map(String::as_str));
    let paths = folders.flat_map(|folder| spellings.iter().map(move |name| format!("{folder}/{name}")));
    paths.into_iter().find(|path| root.exists(path)).map(|path| shown(&path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Node, Tree};

    #[test]
    fn a_library_is_found_by_any_spelling_and_in_folders_of_its_own() {
        let mut tree = Tree::default();
        tree.put("opt/vendor/lib/libnew.so.1", Node::Link("libnew.so.1.38.0".into()));
        tree.put("opt/vendor/lib/libnew.so.1.38.0", Node::Unread);
        tree.put("usr/lib/x86_64-linux-gnu/libbroken.so.1", Node::Link("libbroken.so.1.2".into()));
        let root = Root::of(tree);
        let names = |name: &str| vec!["libold.so.1".to_owned(), name.to_owned()];
        let also = ["opt/vendor/lib".to_owned()];
        assert_eq!(find(&root, &names("libnew.so.1"), &also), Some("/opt/vendor/lib/libnew.so.1".to_owned()));
        assert_eq!(find(&root, &names("libnew.so.1"), &[]), None);
        assert_eq!(find(&root, &names("libbroken.so.1"), &[]), None, "a link that leads nowhere");
    }
}

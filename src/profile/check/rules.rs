//! What one value demands of another, or of what this build knows. Each rule looks at the tree and not at the typed
//! profile, so that it is told together with all other faults; it is silent where its values are faults already.

use super::Place;
use crate::profile::elements::{EngineChoice, Listen};
use crate::profile::fault::{Faults, shown};
use crate::profile::suggest;
use crate::profile::tree::{Content, Node};

pub(in crate::profile) fn rules(root: &Node, known_engines: &[&str], faults: &mut Faults<'_>) {
    guarded_beyond_loopback(root, faults);
    engines_are_known(root, known_engines, faults);
}

/// Whoever reaches the port could use the models: then it takes a key.
fn guarded_beyond_loopback(root: &Node, faults: &mut Faults<'_>) {
    let Some(node) = root.at(&["gateway", "listen"]) else { return };
    let Some(listen) = node.text().and_then(|text| text.parse::<Listen>().ok()) else { return };
    let guarded = match root.at(&["gateway", "api_keys"]).map(|keys| &keys.content) {
        None => false,
        Some(Content::Sequence(keys)) => !keys.is_empty(),
        // A fault already.
        Some(_) => true,
    };
    if !listen.is_loopback() && !guarded {
        let message = format!(
            "`gateway.listen` is {listen}, which other machines can reach, and no API key is asked for"
        );
        let hint = "add `api_keys: [{env: NAME}]` to `gateway`, or listen on 127.0.0.1".to_owned();
        faults.add(&node.span, message, Some(hint));
    }
}

fn engines_are_known(root: &Node, known: &[&str], faults: &mut Faults<'_>) {
    for entry in root.at(&["models"]).map(Node::entries).unwrap_or_default() {
        let Some(node) = entry.value.at(&["engine"]) else { continue };
        let Some(Ok(EngineChoice::Named(id))) = node.text().map(str::parse) else { continue };
        if !known.contains(&id.as_str()) {
            let owner = Place { path: "models".to_owned(), owner: node.span.clone() };
            let place = owner.key(&entry.key, &entry.key_span).key("engine", &node.span);
            let names: Vec<&str> = std::iter::once("auto").chain(known.iter().copied()).collect();
            let message = format!("unknown engine `{}` for {}", shown(&id), place.name());
            faults.add(&node.span, message, suggest::hint(&id, "engines", &names));
        }
    }
}

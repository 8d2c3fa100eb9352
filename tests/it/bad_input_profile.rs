//! Profiles that can't be meant: exit code 2, the place, and the way out.

use crate::support::daemon::{free_port, profile};
use crate::support::{Engine, Home};

fn home() -> Home {
    Home::new(&Engine::None)
}

fn valid() -> String {
    profile("file:/nowhere/model.gguf", 0, "")
}

#[test]
fn a_mistyped_key_is_told_with_its_place_and_the_nearest_known_one() {
    let text = valid().replace("context_size", "contxt_size");
    home().refuses_up(
        &text,
        2,
        &["unknown key `contxt_size` in `models.chat`", "profile.yaml:7:5", "`context_size`"],
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let text = valid().replace("context_size: 512", "context_size: some").replace("gateway:", "gatway:");
    home().refuses_up(&text, 2, &["has 2 faults", "models.chat.context_size", "`gatway`"]);
}

#[test]
fn a_wrong_unit_is_told_with_the_known_ones() {
    let text = format!("{}budget: {{memory: 85 pct}}\n", valid());
    home().refuses_up(&text, 2, &["unknown unit `pct`", "GiB", "budget.memory"]);
}

#[test]
fn a_missing_profile_is_told_with_those_that_are_there() {
    let home = home();
    home.profile(&valid());
    let path = home.outside().join("profil.yaml");
    home.refuses(&["up", "-f", path.to_str().unwrap()], 2, &["no profile at", "`profile.yaml`"]);
}

#[test]
fn a_folder_is_no_profile() {
    let home = home();
    home.refuses(
        &["up", "-f", home.outside().to_str().unwrap()],
        2,
        &["is a folder", "give the path of a YAML file"],
    );
}

#[test]
fn no_gateway_is_opened_to_other_machines_without_a_key() {
    let text = valid().replace("127.0.0.1", "0.0.0.0");
    home().refuses_up(&text, 2, &["which other machines can reach", "api_keys"]);
}

#[test]
fn a_key_that_is_not_where_it_should_be_is_named_and_nothing_listens() {
    let port = free_port();
    let text = |source: &str| {
        profile("file:/nowhere/model.gguf", port, "")
            .replace("\"}", &format!("\", api_keys: [{{{source}}}]}}"))
    };
    home().refuses_up(
        &text("file: /nowhere/key"),
        1,
        &["gateway.api_keys: can't read /nowhere/key", "correct its path"],
    );
    home().refuses_up(
        &text("env: EDGEORCH_NO_SUCH_KEY"),
        1,
        &["the variable EDGEORCH_NO_SUCH_KEY is not set", "set it where edgeorch is started"],
    );
}

#[test]
fn a_flag_that_would_break_the_memory_sum_is_refused_by_policy() {
    let text = profile("file:/nowhere/model.gguf", 0, "    runtime_flags: [\"--ctx-size\", \"99\"]\n");
    home().refuses_up(&text, 5, &["--ctx-size", "use `context_size`"]);
}

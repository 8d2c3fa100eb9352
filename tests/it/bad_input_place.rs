//! Places that can't be used: a taken port, a home that is taken, unwritable, too deep or full.

use std::net::TcpListener;

use crate::support::daemon::{free_port, profile};
use crate::support::engine::tiny_model;
use crate::support::file_server::FileServer;
use crate::support::small_disk::SmallDisk;
use crate::support::{Daemon, Engine, Home};

#[test]
fn a_taken_port_is_told_with_what_to_do() {
    let stranger = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap();
    let engine = Engine::fake("");
    let home = Home::new(&engine);
    let text = profile(&engine.source(&home), address.port(), "");
    home.refuses_up(&text, 1, &[&format!("can't listen on {address}"), "change gateway.listen"]);
}

#[test]
fn a_second_daemon_on_one_home_is_refused_and_the_first_one_goes_on() {
    let daemon = Daemon::start(&Engine::fake(""));
    let text = profile("file:/nowhere", free_port(), "");
    let second = daemon.home.outside().join("second.yaml");
    std::fs::write(&second, text).unwrap();
    let ran = daemon.home.run(&["up", "-f", second.to_str().unwrap()]);
    ran.is_refusal(
        1,
        &[&format!("daemon (pid {}) already serves", daemon.pid()), "`edgeorch down` stops it"],
    );
    assert_eq!(daemon.model()["state"], "ready");
    daemon.stop().is_refusal(130, &[]);
}

#[test]
fn a_home_too_deep_for_a_socket_is_told_with_the_limit() {
    let mut home = Home::new(&Engine::fake(""));
    home.set("EDGEORCH_HOME", home.path().join("d".repeat(120)));
    home.refuses_up(
        &profile("file:/nowhere", 0, ""),
        1,
        &["107 at most", "set EDGEORCH_HOME to a shorter folder"],
    );
}

#[test]
fn a_read_only_home_is_told() {
    let Some(disk) = SmallDisk::mount("ro,size=1m") else { return };
    let mut home = Home::new(&Engine::fake(""));
    home.set("EDGEORCH_HOME", disk.path());
    home.refuses_up(
        &profile("file:/nowhere", 0, ""),
        1,
        &["can't write to", "Read-only file system", "make it writable"],
    );
    home.refuses(&["pull", "file:/nowhere"], 1, &["can't write to", "make it writable"]);
}

#[test]
fn a_disk_that_is_too_small_for_a_download_is_told_and_not_filled() {
    let Some(disk) = SmallDisk::mount("size=2m") else { return };
    let mut home = Home::new(&Engine::fake(""));
    home.set("EDGEORCH_HOME", disk.path());
    let mut large = tiny_model();
    large.resize(3 << 20, 0);
    let source = FileServer::whole(large).source("large.gguf");
    home.refuses(&["pull", &source], 1, &["free some space"]);
    let still = std::fs::write(disk.path().join("still-writable"), vec![0; 256 << 10]);
    assert!(still.is_ok(), "the disk was filled to the brim: {still:?}");
}

//! The gateway as its clients and engines meet it: real sockets on loopback, engines that do as each test says.

mod failures;
mod forwarding;
mod hardening;
mod refusals;
mod status;
mod support;
mod waiting;

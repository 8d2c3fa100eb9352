//! LaunchSpec in, supervised child process out.

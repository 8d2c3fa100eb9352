//! The profile: YAML in, checked wishes out.

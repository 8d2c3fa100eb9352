//! The audit: probes that fill `Host`.

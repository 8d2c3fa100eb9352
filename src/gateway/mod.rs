//! The one endpoint that clients speak to.

//! Model files: where they come from, where they lie, what their headers say.

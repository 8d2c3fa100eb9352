//! The planner: facts and a wish in, a choice with its proven memory sum out. Pure: it reads nothing, starts nothing,
//! logs nothing.
//!
//! ```text
//! Subjects (models, in forms) ─┐            placements ─▶ Sum ─judge─▶ fits?        speed ─▶ Projection
//! Ask + Demands + Host ────────┴─choose──▶ one Ask per engine, cache and placement ─┴──────────┴─▶ Decision
//! Decision.best.plan ◀─correction── what was measured: history
//! Decision.best.plan ◀─alternatives─ where it doesn't fit: what would, by the same sum
//! Decision.best.plan ──approve──▶ Approved (the only key to a launch)
//! ```

pub mod allowance;
pub mod alternatives;
pub mod choose;
pub mod correction;
pub mod decide;
pub mod demands;
pub mod fitness;
pub mod history;
pub mod holdings;
pub mod key;
pub mod memory;
pub mod placements;
pub mod quality;
pub mod rehearsal;
pub mod risk;
pub mod speed;
pub mod subject;

pub use allowance::{Allowance, Allowances};
pub use alternatives::{Alternative, Shelf};
pub use choose::{Choice, Decision, Question, Rejected, Rejection, Speed};
pub use correction::{Corrected, correct};
pub use decide::{Approved, Plan, Verdict, decide};
pub use history::{Launch, Past};
pub use holdings::{Held, Holdings};
pub use key::{Candidate, Key};
pub use memory::{Sum, Usage};
pub use rehearsal::Rehearsed;

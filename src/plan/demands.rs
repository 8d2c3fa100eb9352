//! What a profile demands of a plan, beside what is asked of the engine.

use std::time::Duration;

use edgeorch_engines::{Backend, Bytes, Fidelity, KvType, Task};
use serde::Serialize;

use super::speed::Workload;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Demands {
    pub fidelity: Fidelity,
    /// Quantizations to choose from, best first; empty: those of the fidelity.
    pub variants: Vec<String>,
    /// The cache's types where they were asked for; else the planner chooses.
    pub cache: Option<(KvType, KvType)>,
    /// Backends that can be used; `None`: all that the engine has.
    pub backends: Option<Vec<Backend>>,
    pub workload: Workload,
    pub ttft_p95: Option<Duration>,
    /// Tokens per second of one request.
    pub decode_min: Option<f64>,
    /// What the weights and prompts that are kept may take on the disk.
    pub disk: Option<Bytes>,
}

impl Demands {
    /// Slower than this, reading waits for writing: some 240 English words a minute are 4 a second, and a word is 1.3
    /// tokens.
    pub const READING: f64 = 5.0;

    /// The least decode speed that a plan is looked for at.
    pub fn least_decode(&self) -> f64 {
        self.decode_min.unwrap_or(Demands::READING)
    }
}

/// What a request of this task is usually like, where the profile says nothing: prompt, cached part and answer, in
/// tokens. Chosen, not measured; scaled down where the context is shorter.
pub fn usual(task: Task, context_size: u64, parallel: u32) -> Workload {
    let (prompt, cached, output) = match task {
        // A conversation of some turns: all but the last message was there before.
        Task::Chat => (1_500, 1_000, 400),
        // Files in the prompt, most of them unchanged.
        Task::Code => (6_000, 4_500, 600),
        Task::Reasoning => (1_000, 0, 3_000),
        Task::Embedding => (400, 0, 0),
    };
    let scale = (context_size as f64 / (prompt + output) as f64).min(1.0);
    let scaled = |tokens: u64| (tokens as f64 * scale) as u64;
    Workload {
        prompt: scaled(prompt).max(1),
        cached: scaled(cached),
        output: scaled(output),
        depth: 0,
        concurrent: parallel,
    }
}

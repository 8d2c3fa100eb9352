//! What an adapter wants done, as values: the root package carries it out and knows no engine by name.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A child to be started, watched and stopped.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    pub program: PathBuf,
    pub flags: Vec<Flag>,
    /// Set after the scrubbing.
    pub env: BTreeMap<String, String>,
    /// Inherited variables that start with one of these are removed: they would change what was planned.
    pub scrub: Vec<String>,
    /// Where the engine will answer; always loopback.
    pub port: u16,
    /// Sent as `Authorization: Bearer` with every call: the per-launch secret that tells our child from a stranger.
    pub key: String,
    /// All must pass, in this order, before traffic is let in.
    pub readiness: Vec<Probe>,
    /// Asked again and again while it serves; it must cost the engine nothing and count as no use.
    pub health: Probe,
    pub stop: StopRecipe,
    /// What a person can do about a cause, where more is known than the cause itself says.
    pub remedies: BTreeMap<Cause, String>,
}

impl LaunchSpec {
    /// The arguments as the child gets them.
    pub fn argv(&self) -> Vec<String> {
        self.flags.iter().flat_map(|flag| flag.words.iter().cloned()).collect()
    }
}

/// One generated flag, with the reason that `edgeorch plan` prints beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Flag {
    /// The flag and its values, as separate words.
    pub words: Vec<String>,
    pub why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
}

/// An HTTP request to the child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCall {
    pub method: Method,
    pub path: String,
    #[serde(default)]
    pub body: Option<String>,
}

impl HttpCall {
    pub fn get(path: &str) -> HttpCall {
        HttpCall { method: Method::Get, path: path.to_owned(), body: None }
    }

    /// A POST of JSON.
    pub fn post(path: &str, body: &str) -> HttpCall {
        HttpCall { method: Method::Post, path: path.to_owned(), body: Some(body.to_owned()) }
    }
}

/// A question to the child, and how its answer is read.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `health`, `identity`, `first token`: shown to people while they wait.
    pub name: String,
    pub call: HttpCall,
    /// With a wrong key instead of ours: only an engine that checks keys, so not a stranger, refuses it. Our own key
    /// is for those that come after such a refusal.
    pub wrong_key: bool,
    /// How long one answer may take.
    pub deadline: Duration,
    /// Pure: status and body in, verdict out.
    pub read: fn(status: u16, body: &[u8]) -> ProbeAnswer,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAnswer {
    Pass,
    /// Alive and still loading: ask again soon.
    NotYet,
    /// What answers is not our engine, or is broken; the text is for people.
    Fail(Cause, String),
}

/// How the child is asked to go, after the gateway has drained it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopRecipe {
    /// From the first SIGTERM to the second.
    pub term_grace: Duration,
    /// From the second SIGTERM to SIGKILL of the whole group.
    pub second_term_grace: Duration,
}

/// How a child ended, as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

/// Why an instance is not serving. It decides what happens next, so it is a closed set (and a metrics label).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Wrong arguments or configuration: the same start would fail again.
    Config,
    /// The engine can't read this model: the same start would fail again.
    Model,
    /// Not enough memory: the same plan would fail again.
    OutOfMemory,
    /// The build uses instructions that this CPU lacks.
    IllegalInstruction,
    /// The program is not there, not executable, or made for another machine.
    NotRunnable,
    /// Somebody else holds the port: another one is taken at once.
    PortTaken,
    /// It ended by itself.
    Crash,
    /// Somebody ended it with a signal that was not ours.
    Killed,
    /// It lives and does not answer.
    Hang,
    /// No progress while starting.
    StartTimeout,
    /// It answers, but no token comes out.
    Broken,
    /// Something else answers in its place.
    Stranger,
    /// Fetching engine or weights failed.
    Fetch,
}

impl Cause {
    /// Whether the same start can succeed another time.
    pub fn is_retryable(self) -> bool {
        match self {
            Cause::PortTaken | Cause::Crash | Cause::Killed | Cause::Hang | Cause::StartTimeout => true,
            Cause::Broken | Cause::Stranger => true,
            Cause::Config | Cause::Model | Cause::OutOfMemory | Cause::IllegalInstruction => false,
            Cause::NotRunnable | Cause::Fetch => false,
        }
    }

    /// What happened, as the rest of a sentence that begins with the instance's name.
    pub fn sentence(self) -> &'static str {
        match self {
            Cause::Config => "was refused by the engine: its arguments are wrong for this build",
            Cause::Model => "can't be read by the engine: the file is damaged or of an unknown architecture",
            Cause::OutOfMemory => "ran out of memory",
            Cause::IllegalInstruction => {
                "died of an illegal instruction: this engine build is not for this CPU"
            }
            Cause::NotRunnable => {
                "can't be run: the engine's program is missing, not executable or for another machine"
            }
            Cause::PortTaken => "found its port taken",
            Cause::Crash => "crashed",
            Cause::Killed => "was killed by someone else",
            Cause::Hang => "stopped answering",
            Cause::StartTimeout => "made no progress while starting",
            Cause::Broken => "answers but produces no token",
            Cause::Stranger => "was not what answered on its port",
            Cause::Fetch => "could not be fetched",
        }
    }

    /// What a person can do about it, where the cause alone tells.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Cause::Config => {
                Some("check the profile's runtime_flags, or install another build of the engine")
            }
            Cause::Model => Some("fetch the model again, or take a newer build of the engine"),
            Cause::OutOfMemory => {
                Some("lower context_size or parallel, choose a smaller model, or close other programs")
            }
            // These pass by themselves, or their detail says what to do.
            Cause::IllegalInstruction
            | Cause::NotRunnable
            | Cause::PortTaken
            | Cause::Crash
            | Cause::Killed
            | Cause::Hang => None,
            Cause::StartTimeout | Cause::Broken | Cause::Stranger | Cause::Fetch => None,
        }
    }

    /// Every cause, for metrics and tables.
    pub const ALL: [Cause; 13] = [
        Cause::Config,
        Cause::Model,
        Cause::OutOfMemory,
        Cause::IllegalInstruction,
        Cause::NotRunnable,
        Cause::PortTaken,
        Cause::Crash,
        Cause::Killed,
        Cause::Hang,
        Cause::StartTimeout,
        Cause::Broken,
        Cause::Stranger,
        Cause::Fetch,
    ];

    /// The label in metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Cause::Config => "config",
            Cause::Model => "model",
            Cause::OutOfMemory => "out_of_memory",
            Cause::IllegalInstruction => "illegal_instruction",
            Cause::NotRunnable => "not_runnable",
            Cause::PortTaken => "port_taken",
            Cause::Crash => "crash",
            Cause::Killed => "killed",
            Cause::Hang => "hang",
            Cause::StartTimeout => "start_timeout",
            Cause::Broken => "broken",
            Cause::Stranger => "stranger",
            Cause::Fetch => "fetch",
        }
    }
}

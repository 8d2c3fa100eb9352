//! The catalogue: open-weight models that a plan can propose, as data.
//!
//! One YAML file per family beside this one, compiled in; each says in its first comment where its figures are from.
//! [`entry`] is the form of a file, [`arithmetic`] counts the parameters that a shape gives. A test holds that count
//! against the maker's own for every entry, so that a wrong dimension can't hide.
//!
//! A new family is a file and its line in `FILES`. What can't be sourced is left out: an absent model is only not
//! proposed, a wrong one gives a wrong plan.

mod arithmetic;
mod encoder;
mod entry;
mod indexer;
mod predict;
mod predictors;
mod speech;
mod split;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use encoder::Encoder;
pub use entry::{
    Attention, Biases, Context, Entry, Experts, Family, FullHeads, Latent, Licence, PerLayer, Recurrent,
    Repositories, Shape, SharedKv, Sound, Task, Vision, Window,
};
pub use indexer::Indexer;
pub use predictors::Predictors;
pub use speech::Speech;
pub use split::Split;
pub use stored::{Bits, Stored};

/// All families, in the order of their files' names.
pub fn families() -> &'static [Family] {
    &FAMILIES
}

/// All models, each with its family.
pub fn models() -> impl Iterator<Item = (&'static Family, &'static Entry)> {
    families().iter().flat_map(|family| family.models.iter().map(move |entry| (family, entry)))
}

/// The model of this name, as its maker writes it; capitals do not matter.
pub fn find(name: &str) -> Option<(&'static Family, &'static Entry)> {
    models().find(|(_, entry)| entry.name.eq_ignore_ascii_case(name))
}

/// A test proves that each file is well-formed.
static FAMILIES: LazyLock<Vec<Family>> =
    LazyLock::new(|| FILES.iter().filter_map(|(_, text)| serde_saphyr::from_str(text).ok()).collect());

const FILES: &[(&str, &str)] = &[
    ("bge", include_str!("bge.yaml")),
    ("bitnet", include_str!("bitnet.yaml")),
    ("bonsai", include_str!("bonsai.yaml")),
    ("command", include_str!("command.yaml")),
    ("deepseek", include_str!("deepseek.yaml")),
    ("e5", include_str!("e5.yaml")),
    ("ernie", include_str!("ernie.yaml")),
    ("exaone", include_str!("exaone.yaml")),
    ("falcon", include_str!("falcon.yaml")),
    ("gemma3", include_str!("gemma3.yaml")),
    ("gemma3n", include_str!("gemma3n.yaml")),
    ("gemma4", include_str!("gemma4.yaml")),
    ("glm", include_str!("glm.yaml")),
    ("gpt_oss", include_str!("gpt_oss.yaml")),
    ("granite", include_str!("granite.yaml")),
    ("gte", include_str!("gte.yaml")),
    ("hunyuan", include_str!("hunyuan.yaml")),
    ("internlm", include_str!("internlm.yaml")),
    ("internvl", include_str!("internvl.yaml")),
    ("jina", include_str!("jina.yaml")),
    ("kimi", include_str!("kimi.yaml")),
    ("lfm2", include_str!("lfm2.yaml")),
    ("llama3", include_str!("llama3.yaml")),
    ("llava", include_str!("llava.yaml")),
    ("minicpm", include_str!("minicpm.yaml")),
    ("minilm", include_str!("minilm.yaml")),
    ("minimax", include_str!("minimax.yaml")),
    ("mistral", include_str!("mistral.yaml")),
    ("mxbai", include_str!("mxbai.yaml")),
    ("nemotron", include_str!("nemotron.yaml")),
    ("nomic", include_str!("nomic.yaml")),
    ("olmo", include_str!("olmo.yaml")),
    ("phi", include_str!("phi.yaml")),
    ("qwen2.5", include_str!("qwen2.5.yaml")),
    ("qwen3", include_str!("qwen3.yaml")),
    ("qwen3-next", include_str!("qwen3-next.yaml")),
    ("qwen3-vl", include_str!("qwen3-vl.yaml")),
    ("qwen3.5", include_str!("qwen3.5.yaml")),
    ("seed", include_str!("seed.yaml")),
    ("smollm", include_str!("smollm.yaml")),
    ("starcoder2", include_str!("starcoder2.yaml")),
    ("tinyllama", include_str!("tinyllama.yaml")),
    ("whisper", include_str!("whisper.yaml")),
    ("yi", include_str!("yi.yaml")),
];

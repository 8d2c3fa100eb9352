//! What unpacking weights takes, by their types.

use edgeorch_engines::Model;

use super::tables::CONSTANTS;

/// Shares of the weights, by bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Kinds {
    /// Three bits and less.
    pub few_bits: f64,
    /// Neither of few bits nor in superblocks.
    pub plain: f64,
}

impl Kinds {
    pub fn of(model: &Model) -> Kinds {
        let all = model.weights.by_type.values().map(|bytes| bytes.0 as f64).sum::<f64>();
        let mut kinds = Kinds::default();
        for (name, bytes) in &model.weights.by_type {
            let (share, of) = (bytes.0 as f64 / all.max(1.0), Kinds::of_type(name));
            kinds.few_bits += share * of.few_bits;
            kinds.plain += share * of.plain;
        }
        kinds
    }

    /// All weights of one type.
    pub fn of_type(name: &str) -> Kinds {
        let types = &CONSTANTS.types;
        let is = |list: &[String]| list.iter().any(|listed| listed == name);
        let few_bits = is(&types.few_bits);
        let plain = !few_bits && !is(&types.superblocks);
        Kinds { few_bits: f64::from(u8::from(few_bits)), plain: f64::from(u8::from(plain)) }
    }

    /// What a core needs for a weight, as a part of what it needs for one in a superblock.
    pub fn computing(&self) -> f64 {
        1.0 - self.plain * (1.0 - CONSTANTS.types.plain)
    }
}

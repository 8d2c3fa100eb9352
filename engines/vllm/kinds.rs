//! What vLLM's `--kv-cache-dtype` can be, what a token takes in each, and which models can't have it. Read in the source of
//! 0.32.0: `config/cache.py`, `v1/attention/backends/` and `model_executor/layers/quantization/turboquant/config.py`.

use crate::contract::{Ask, KvType, Layer, Model};
use crate::ranks::Row;

/// A type of the whole cache, keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds {
    pub name: &'static str,
    bits: Bits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bits {
    /// 16 bits, as the model's own.
    Whole,
    /// 8 bits and no scale beside them: there is one for a layer, or none.
    Byte,
    /// So many bits, and a scale in F32 for the keys and one for the values of each head.
    PerHead(u64),
    /// Bits of a key and of a value; each head's vectors are packed behind one another with what scales them.
    Turbo { key: u64, value: u64 },
}

/// What is asked for; `None` where it is none of vLLM's.
pub(super) fn of(ask: &Ask) -> Option<Kinds> {
    use KvType::{Bf16, F16, Fp8, Fp8E5m2, Q4_0, Q8_0, Turbo3, Turbo4};
    let (name, bits) = match (ask.key_type, ask.value_type) {
        // 16 bits follow the model's own type.
        (F16, F16) | (Bf16, Bf16) => ("auto", Bits::Whole),
        (Q8_0, Q8_0) => ("int8_per_token_head", Bits::PerHead(8)),
        (Q4_0, Q4_0) => ("int4_per_token_head", Bits::PerHead(4)),
        (Fp8, Fp8) => ("fp8_e4m3", Bits::Byte),
        (Fp8E5m2, Fp8E5m2) => ("fp8_e5m2", Bits::Byte),
        (Fp8, Turbo4) => ("turboquant_k8v4", Bits::Turbo { key: 8, value: 4 }),
        (Turbo4, Turbo4) => ("turboquant_4bit_nc", Bits::Turbo { key: 4, value: 4 }),
        (Turbo3, Turbo4) => ("turboquant_k3v4_nc", Bits::Turbo { key: 3, value: 4 }),
        (Turbo3, Turbo3) => ("turboquant_3bit_nc", Bits::Turbo { key: 3, value: 3 }),
        _ => return None,
    };
    Some(Kinds { name, bits })
}

impl Kinds {
    /// Bytes of one token in layer `place` of `count`.
    pub fn row(&self, row: Row, place: usize, count: usize) -> u64 {
        const WHOLE: u64 = 2;
        /// A number in F32 for keys, another for values.
        const SCALES: u64 = 8;
        match self.bits {
            Bits::Whole => row.elements.saturating_mul(WHOLE),
            Bits::Byte => row.elements,
            Bits::PerHead(bits) => {
                packed(row.elements, bits).saturating_add(row.heads.saturating_mul(SCALES))
            }
            Bits::Turbo { .. } if is_boundary(place, count) => row.elements.saturating_mul(WHOLE),
            Bits::Turbo { key, value } => {
                // Half of a head's elements are its key.
                let size = row.elements.div_ceil(row.heads.max(1).saturating_mul(2));
                row.heads.saturating_mul(turbo(size, key, value))
            }
        }
    }

    fn is_turbo(&self) -> bool {
        matches!(self.bits, Bits::Turbo { .. })
    }
}

fn packed(elements: u64, bits: u64) -> u64 {
    elements.saturating_mul(bits).div_ceil(8)
}

/// A head's key and value (`slot_size_aligned`): keys of 8 bits are bare, others have their length in 16 bits; values have
/// a scale and an offset in 16 bits. The sum is made even.
fn turbo(size: u64, key: u64, value: u64) -> u64 {
    const LENGTH: u64 = 2;
    const SCALE_AND_OFFSET: u64 = 4;
    let key = if key == 8 { size } else { packed(size, key).saturating_add(LENGTH) };
    let value = packed(size, value).saturating_add(SCALE_AND_OFFSET);
    key.saturating_add(value).next_multiple_of(2)
}

/// The first two layers and the last two keep 16 bits (`get_boundary_skip_layers`).
fn is_boundary(place: usize, count: usize) -> bool {
    const EACH: usize = 2;
    let each = EACH.min(count / 2);
    place < each || place >= count.saturating_sub(each)
}

/// Why the cache of this model can't be kept as asked, or not be counted.
pub(super) fn unable(model: &Model, ask: &Ask) -> Option<String> {
    let (key, value) = (ask.key_type.name(), ask.value_type.name());
    let Some(kinds) = of(ask) else { return Some(format!("it keeps no {key} keys beside {value} values")) };
    let layers = model.layers().unwrap_or_default();
    let any = |is: fn(&Layer) -> bool| layers.iter().any(is);
    let latent = any(|layer| layer.rows.is_some_and(|rows| rows.value_elements == 0));
    let says = |what: &str| Some(format!("{what} ({})", kinds.name));
    if latent && !matches!(kinds.bits, Bits::Whole) && kinds.name != "fp8_e4m3" {
        return says("it keeps latent keys in 16 bits or in fp8 only");
    }
    if ask.key_type == KvType::Fp8 && any(|layer| layer.index.is_some()) {
        return says("sparse attention has a layout of its own in fp8, which is not counted here");
    }
    if ask.key_type == KvType::Fp8E5m2 && model.weights.by_type.contains_key("FP8") {
        return says("it keeps no such cache beside weights in FP8");
    }
    if kinds.is_turbo() {
        if any(|layer| layer.rows.is_some_and(|rows| rows.window.is_some()) || layer.recurrent.is_some()) {
            return says("pages beside a sliding window or a recurrent state are not counted here");
        }
        if ask.speculation.as_ref().is_some_and(|guess| guess.draft.is_some()) || guesses_itself(ask) {
            return says("which layers of a draft keep 16 bits was not looked into");
        }
    }
    None
}

fn guesses_itself(ask: &Ask) -> bool {
    use crate::contract::SpeculationMethod::Mtp;
    ask.speculation.as_ref().is_some_and(|guess| guess.method == Mtp)
}

/// What a person should know of the type.
pub(super) fn note(ask: &Ask) -> Option<&'static str> {
    let is = |kind| ask.key_type == kind;
    if of(ask)?.is_turbo() {
        return Some(
            "turboquant_* is computed in 16 bits: it saves memory and costs speed, and vLLM's own study calls fp8 the \
             better default.",
        );
    }
    (is(KvType::Fp8)).then_some(
        "A cache in fp8 has the scales that the model's folder carries (k_scale, v_scale); without them vLLM takes 1, \
         and answers can get worse.",
    )
}

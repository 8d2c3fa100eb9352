//! Rows beside the keys and values: those of an indexer, by which sparse attention chooses, and those that stand for
//! several tokens each.

use edgeorch_engines::{Chooser, Index, Recurrent};

use super::architectures::{Indexer, Owners, Pooled, Unlisted};
use super::blocks::Blocks;
use super::keys::{Keys, Unclear};
use super::rows::Heads;
use crate::model::gguf::Value;

const SIZE: &str = "attention.indexer.key_length";
const CHOSEN: &str = "attention.indexer.top_k";

/// `None` where the file lacks one of them; a file without `top_k` has no sparse attention.
pub(super) fn chooser(largest: impl Fn(&str) -> Option<u64>) -> Option<Chooser> {
    // Which of them pools: glm5-next has the first, qwen4exp the second.
    let pool = largest("attention.indexer.kpool").or_else(|| largest("attention.compress_ratios"));
    Some(Chooser {
        heads: largest("attention.indexer.head_count")?,
        size: largest(SIZE)?,
        rank: largest("attention.q_lora_rank").unwrap_or(0),
        chosen: largest(CHOSEN).filter(|chosen| *chosen > 0)?,
        pool: pool.unwrap_or(1).max(1),
    })
}

/// The indexer's rows in each of all layers (llama_kv_cache_dsa, llama_kv_cache_msa and llama_memory_hybrid_idx).
pub(super) fn indexes(
    indexer: &Indexer,
    keys: &Keys,
    blocks: &Blocks,
    heads: &Heads,
) -> Result<Vec<Option<Index>>, Unclear> {
    if indexer.optional && keys.number(CHOSEN)?.unwrap_or(0) == 0 {
        return Ok(vec![None; blocks.all as usize]);
    }
    let vectors = match &indexer.pooled {
        Some(pooled) => vectors(pooled, keys)?,
        None => 1,
    };
    let size = match keys.required(SIZE)? {
        0 => return Err(keys.malformed(SIZE)),
        size => size,
    };
    let index = Index {
        elements: size.saturating_mul(vectors),
        // One head's values, which nothing reads: the cache of an indexer is made like any other.
        value_elements: if indexer.keys_only { 0 } else { heads.full.1 },
        every: 1,
    };
    let owners = owners(&indexer.owners, keys, blocks)?;
    Ok(owners.into_iter().map(|owns| owns.then_some(index)).collect())
}

fn vectors(pooled: &Pooled, keys: &Keys) -> Result<u64, Unclear> {
    let pool = match keys.value(&pooled.key) {
        Some(Value::Array(_)) => keys.numbers(&pooled.key)?.and_then(|all| all.into_iter().max()),
        _ => keys.number(&pooled.key)?,
    };
    Ok(if pool.unwrap_or(0) > 0 { pooled.vectors } else { 1 })
}

fn owners(owners: &Owners, keys: &Keys, blocks: &Blocks) -> Result<Vec<bool>, Unclear> {
    const DENSE: &str = "leading_dense_block_count";
    const LISTED: &str = "attention.indexer.types";
    let unlisted = match owners {
        Owners::All => return Ok(main(blocks, |_| true)),
        Owners::BehindDense => {
            let dense = keys.number(DENSE)?.unwrap_or(0);
            // These are cached for prediction layers too.
            return Ok((0..blocks.all).map(|index| index >= dense).collect());
        }
        Owners::Listed(unlisted) => unlisted,
    };
    if let Some(listed) = keys.flags(LISTED, blocks.main, blocks.all)? {
        return Ok(main(blocks, |index| listed.get(index as usize) == Some(&true)));
    }
    Ok(match unlisted {
        Unlisted::None => main(blocks, |_| false),
        Unlisted::All => main(blocks, |_| true),
        Unlisted::Refused => return Err(keys.missing(LISTED)),
        Unlisted::AllUnlessLong { context, first, one_in, until } => {
            let long = keys.required("context_length")? >= *context;
            main(blocks, |index| match index.checked_sub(*first) {
                _ if !long => true,
                None => true,
                Some(behind) => index < *until && behind.is_multiple_of(*one_in),
            })
        }
    })
}

fn main(blocks: &Blocks, owns: impl Fn(u64) -> bool) -> Vec<bool> {
    (0..blocks.all).map(|index| index < blocks.main && owns(index)).collect()
}

/// What one layer keeps of what it compresses: the rows, and what isn't compressed yet.
pub(super) type Compressed = (Option<Index>, Option<Recurrent>);

/// DeepSeek V4: beside its window, a layer keeps one row for every 4 tokens with an indexer's, or one for every 128, and
/// for each sequence what isn't compressed yet (llama_kv_cache_dsv4).
pub(super) fn compressed(keys: &Keys, blocks: &Blocks, heads: &Heads) -> Result<Vec<Compressed>, Unclear> {
    const RATIOS: &str = "attention.compress_ratios";
    const SPARSE: u64 = 4;
    const HEAVY: u64 = 128;
    let ratios = keys.numbers(RATIOS)?.ok_or_else(|| keys.missing(RATIOS))?;
    if (ratios.len() as u64) < blocks.all {
        return Err(keys.malformed(RATIOS));
    }
    let indexer = keys.required(SIZE)?;
    let head = heads.sliding_key();
    let layer = |(index, ratio): (u64, u64)| {
        let kv = heads.kv.get(index as usize).copied().unwrap_or(0);
        let rows = head.saturating_mul(kv);
        let (elements, state) = match ratio {
            // Two windows of keys and as many scores, of the rows and of the indexer.
            SPARSE => (rows.saturating_add(indexer), head.saturating_add(indexer).saturating_mul(8 * SPARSE)),
            HEAVY => (rows, head.saturating_mul(2 * HEAVY)),
            _ => return (None, None),
        };
        let state = (index < blocks.main).then_some(Recurrent { convolution: 0, state });
        (Some(Index { elements, value_elements: 0, every: ratio }), state)
    };
    Ok((0..blocks.all).zip(ratios).map(layer).collect())
}

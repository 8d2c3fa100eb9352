//! Writes GGUF files for tests, well-formed ones and others, byte by byte and without the reader's own tables.
//!
//! ```ignore
//! Gguf::model("llama").set("llama.block_count", U32(2)).without("general.name").bytes()
//! ```

// Included by more than one test crate, of which each uses a part.
#![allow(dead_code)]

/// Type numbers that tests use; from ggml.h.
pub const F32: u32 = 0;
pub const F16: u32 = 1;
pub const Q4_1: u32 = 3;
pub const Q8_0: u32 = 8;

#[derive(Clone, Debug)]
pub enum Field {
    U8(u8),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    Text(String),
    U64(u64),
    U32s(Vec<u32>),
    Bools(Vec<bool>),
    Texts(Vec<String>),
    /// A type number and whatever follows it.
    Raw(u32, Vec<u8>),
}

pub fn text(text: &str) -> Field {
    Field::Text(text.to_owned())
}

impl Field {
    fn write(&self, out: &mut Vec<u8>) {
        let (id, payload) = match self {
            Field::U8(n) => (0, n.to_le_bytes().to_vec()),
            Field::U32(n) => (4, n.to_le_bytes().to_vec()),
            Field::I32(n) => (5, n.to_le_bytes().to_vec()),
            Field::F32(n) => (6, n.to_le_bytes().to_vec()),
            Field::Bool(truth) => (7, vec![u8::from(*truth)]),
            Field::Text(text) => (8, string(text.as_bytes())),
            Field::U64(n) => (10, n.to_le_bytes().to_vec()),
            Field::U32s(all) => (9, array(4, all.len(), all.iter().flat_map(|n| n.to_le_bytes()))),
            Field::Bools(all) => (9, array(7, all.len(), all.iter().map(|truth| u8::from(*truth)))),
            Field::Texts(all) => {
                (9, array(8, all.len(), all.iter().flat_map(|text| string(text.as_bytes()))))
            }
            Field::Raw(id, payload) => (*id, payload.clone()),
        };
        out.extend(id.to_le_bytes());
        out.extend(payload);
    }
}

/// A length and the bytes, as the format writes strings.
pub fn string(bytes: &[u8]) -> Vec<u8> {
    let mut out = (bytes.len() as u64).to_le_bytes().to_vec();
    out.extend(bytes);
    out
}

fn array(element: u32, len: usize, payload: impl Iterator<Item = u8>) -> Vec<u8> {
    let mut out = element.to_le_bytes().to_vec();
    out.extend((len as u64).to_le_bytes());
    out.extend(payload);
    out
}

#[derive(Clone, Debug)]
pub struct TensorEntry {
    pub name: Vec<u8>,
    pub dims: Vec<u64>,
    pub type_id: u32,
    /// Where it begins in the tensor data; the next free place if there is none.
    pub offset: Option<u64>,
    pub bytes: u64,
}

#[derive(Clone, Debug)]
pub struct Gguf {
    pub magic: [u8; 4],
    pub version: u32,
    pub alignment: u64,
    pub fields: Vec<(Vec<u8>, Field)>,
    pub tensors: Vec<TensorEntry>,
    /// Written instead of the true counts.
    pub claimed_keys: Option<u64>,
    pub claimed_tensors: Option<u64>,
}

impl Default for Gguf {
    fn default() -> Gguf {
        Gguf {
            magic: *b"GGUF",
            version: 3,
            alignment: 32,
            fields: Vec::new(),
            tensors: Vec::new(),
            claimed_keys: None,
            claimed_tensors: None,
        }
    }
}

impl Gguf {
    pub fn new() -> Gguf {
        Gguf::default()
    }

    /// A small, complete model: 2 layers, width 64, 4 heads of which 2 for keys and values, 8 tokens.
    pub fn model(architecture: &str) -> Gguf {
        let key = |suffix: &str| format!("{architecture}.{suffix}");
        let tokens = ["<s>", "</s>", "a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec();
        Gguf::new()
            .set("general.architecture", text(architecture))
            .set("general.name", text("Tiny"))
            .set(&key("block_count"), Field::U32(2))
            .set(&key("context_length"), Field::U32(512))
            .set(&key("embedding_length"), Field::U32(64))
            .set(&key("feed_forward_length"), Field::U32(128))
            .set(&key("attention.head_count"), Field::U32(4))
            .set(&key("attention.head_count_kv"), Field::U32(2))
            .set("tokenizer.ggml.tokens", Field::Texts(tokens))
            .set("tokenizer.chat_template", text("{{ messages }}"))
            .tensor("token_embd.weight", &[64, 8], Q8_0, 16 * 34)
            .tensor("blk.0.attn_q.weight", &[64, 64], F16, 64 * 64 * 2)
            .tensor("output_norm.weight", &[64], F32, 64 * 4)
            .tensor("output.weight", &[64, 8], Q8_0, 16 * 34)
    }

    /// Sets a key, in place of the one of the same name.
    pub fn set(mut self, key: &str, field: Field) -> Gguf {
        match self.fields.iter_mut().find(|(name, _)| name == key.as_bytes()) {
            Some((_, old)) => *old = field,
            None => self.fields.push((key.as_bytes().to_vec(), field)),
        }
        self
    }

    /// Appends a key, even if there is one of that name.
    pub fn push(mut self, key: &[u8], field: Field) -> Gguf {
        self.fields.push((key.to_vec(), field));
        self
    }

    pub fn without(mut self, key: &str) -> Gguf {
        self.fields.retain(|(name, _)| name != key.as_bytes());
        self
    }

    pub fn tensor(self, name: &str, dims: &[u64], type_id: u32, bytes: u64) -> Gguf {
        self.entry(TensorEntry {
            name: name.as_bytes().to_vec(),
            dims: dims.to_vec(),
            type_id,
            offset: None,
            bytes,
        })
    }

    pub fn entry(mut self, entry: TensorEntry) -> Gguf {
        self.tensors.push(entry);
        self
    }

    pub fn without_tensor(mut self, name: &str) -> Gguf {
        self.tensors.retain(|tensor| tensor.name != name.as_bytes());
        self
    }

    /// Everything before the padding and the tensor data.
    pub fn header(&self) -> Vec<u8> {
        let mut out = self.magic.to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(self.claimed_tensors.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        out.extend(self.claimed_keys.unwrap_or(self.fields.len() as u64).to_le_bytes());
        for (key, field) in &self.fields {
            out.extend(string(key));
            field.write(&mut out);
        }
        let mut free = 0;
        for tensor in &self.tensors {
            let offset = tensor.offset.unwrap_or(free);
            out.extend(string(&tensor.name));
            out.extend((tensor.dims.len() as u32).to_le_bytes());
            out.extend(tensor.dims.iter().flat_map(|dim| dim.to_le_bytes()));
            out.extend(tensor.type_id.to_le_bytes());
            out.extend(offset.to_le_bytes());
            free = offset.saturating_add(tensor.bytes).checked_next_multiple_of(self.alignment).unwrap_or(0);
        }
        out
    }

    /// The whole file, tensors filled with zeros.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.header();
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(self.alignment as usize), 0);
            out.resize(out.len() + tensor.bytes as usize, 0);
        }
        out
    }
}

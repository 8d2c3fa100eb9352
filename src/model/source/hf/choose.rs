//! Which of a repository's GGUF files are a model, and which of them is meant. Pure: a listing in, a choice out.

use std::collections::BTreeMap;

use edgeorch_engines::{listed, split};

use super::Listed;

/// Names of files beside a model that are none: projectors, calibration data, and drafts for one method of
/// speculation (`gguf_filename_is_model` in llama.cpp's common/download.cpp, build 11434).
const NO_MODELS: [&str; 6] = ["mmproj", "imatrix", "mtp-", "eagle3-", "dflash-", "dspark-"];

/// Choices that an error lists; a repository of everything would fill the screen.
const MOST_LISTED: usize = 40;

/// One model of a repository: a file, or all parts of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) struct Variant<'a> {
    /// The path without ending and part number.
    pub name: &'a str,
    /// In order.
    pub parts: Vec<&'a Listed>,
    /// The numbers in their names, counted from 1.
    numbers: Vec<u32>,
    /// Parts that there should be; `None` of a file that is no part.
    of: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    #[error("it holds no GGUF file; name a repository of GGUF conversions")]
    NoGguf,
    #[error("none of its files is `{quant}`; it has {}", listed(.choices, MOST_LISTED))]
    NoSuch { quant: String, choices: Vec<String> },
    #[error("it holds several models; name one after a colon: {}", listed(.choices, MOST_LISTED))]
    Several { choices: Vec<String> },
    #[error("`{quant}` means several of its files; name one of them: {}", listed(.choices, MOST_LISTED))]
    Ambiguous { quant: String, choices: Vec<String> },
    #[error("of the {of} parts of {name} only {found} are there; its upload is not complete")]
    Incomplete { name: String, of: u32, found: usize },
    #[error("the parts of {name} are not numbered from 1 to {of}; name another of its models")]
    Numbers { name: String, of: u32 },
}

/// How each model among the files can be asked for.
pub(in crate::model) fn names(files: &[Listed]) -> Vec<String> {
    let variants = variants(files);
    let tags = Tags::of(&variants);
    variants.iter().map(|variant| tags.choice(variant)).collect()
}

/// The model that `quant` names, or the only one.
pub(in crate::model) fn variant<'a>(
    files: &'a [Listed],
    quant: Option<&str>,
) -> Result<Variant<'a>, ChoiceError> {
    let variants = variants(files);
    let mut meant = match quant {
        None => variants.clone(),
        Some(quant) => matching(&variants, quant),
    };
    let choices = |of: &[Variant]| {
        let tags = Tags::of(of);
        of.iter().map(|variant| tags.choice(variant)).collect()
    };
    match (meant.pop(), quant) {
        (None, None) => Err(ChoiceError::NoGguf),
        (None, Some(_)) if variants.is_empty() => Err(ChoiceError::NoGguf),
        (None, Some(quant)) => {
            Err(ChoiceError::NoSuch { quant: quant.to_owned(), choices: choices(&variants) })
        }
        (Some(_), None) if !meant.is_empty() => Err(ChoiceError::Several { choices: choices(&variants) }),
        (Some(last), Some(quant)) if !meant.is_empty() => {
            meant.push(last);
            let names = meant.iter().map(|variant| variant.name.to_owned()).collect();
            Err(ChoiceError::Ambiguous { quant: quant.to_owned(), choices: names })
        }
        (Some(one), _) => complete(one),
    }
}

/// All models among the files, by name.
fn variants(files: &[Listed]) -> Vec<Variant<'_>> {
    let mut parts: Vec<(&str, Option<u32>, u32, &Listed)> = files
        .iter()
        .filter(|file| is_model(&file.path))
        .filter_map(|file| {
            let stem = stem(&file.path)?;
            let (name, part, of) =
                split::parse(stem).map_or((stem, 1, None), |(name, part, of)| (name, part, Some(of)));
            Some((name, of, part, file))
        })
        .collect();
    parts.sort_by_key(|(name, of, part, _)| (*name, *of, *part));
    let mut variants: Vec<Variant> = Vec::new();
    for (name, of, number, file) in parts {
        match variants.last_mut() {
            Some(last) if last.name == name && last.of == of => {
                last.parts.push(file);
                last.numbers.push(number);
            }
            _ => variants.push(Variant { name, parts: vec![file], numbers: vec![number], of }),
        }
    }
    variants
}

impl Variant<'_> {
    /// Its files as engines look for them beside the first, whatever the case of their endings.
    pub fn file_names(&self) -> Vec<String> {
        let name = file_name(self.name);
        match self.of {
            None => vec![format!("{name}.gguf")],
            Some(of) => {
                let named = |number: &u32| format!("{name}{}", split::suffix((*number).into(), of.into()));
                self.numbers.iter().map(named).collect()
            }
        }
    }

    /// Whether an engine is given a name from which it finds others.
    pub fn is_split(&self) -> bool {
        self.of.is_some_and(|of| of > 1)
    }
}

fn is_model(path: &str) -> bool {
    let name = file_name(path);
    !NO_MODELS.iter().any(|part| name.contains(part))
}

/// The path without `.gguf`, in whatever case.
fn stem(path: &str) -> Option<&str> {
    let (stem, ending) = path.rsplit_once('.')?;
    ending.eq_ignore_ascii_case("gguf").then_some(stem)
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last word of a name, which says how it is quantized: `Q4_K_M` of `Model-7B-Q4_K_M`.
fn tag<'a>(variant: &Variant<'a>) -> &'a str {
    let name = file_name(variant.name);
    let word = |text: &str| text.rfind(['-', '.']).map_or(0, |at| at + 1);
    let last = word(name);
    // Two words where the first says how the mixture was chosen: `UD-Q4_K_XL`.
    let before = &name[..last.saturating_sub(1)];
    let first = word(before);
    if last > 0 && before[first..].eq_ignore_ascii_case("UD") { &name[first..] } else { &name[last..] }
}

/// By the narrowest meaning that any of them has: the whole path, the quantization, a word of the path.
fn matching<'a>(variants: &[Variant<'a>], quant: &str) -> Vec<Variant<'a>> {
    let quant = stem(quant).unwrap_or(quant);
    let quant = split::parse(quant).map_or(quant, |(name, _, _)| name);
    let meanings: [fn(&Variant, &str) -> bool; 4] = [
        |variant, quant| variant.name.eq_ignore_ascii_case(quant),
        |variant, quant| file_name(variant.name).eq_ignore_ascii_case(quant),
        |variant, quant| tag(variant).eq_ignore_ascii_case(quant),
        |variant, quant| has_word(variant.name, quant),
    ];
    meanings
        .iter()
        .map(|means| variants.iter().filter(|variant| means(variant, quant)).cloned().collect::<Vec<_>>())
        .find(|meant| !meant.is_empty())
        .unwrap_or_default()
}

/// Whether `word` stands in `path` between separators.
fn has_word(path: &str, word: &str) -> bool {
    let (path, word) = (path.to_ascii_lowercase(), word.to_ascii_lowercase());
    let edge = |c: Option<char>| c.is_none_or(|c| "-./".contains(c));
    path.match_indices(&word)
        .any(|(at, _)| edge(path[..at].chars().next_back()) && edge(path[at + word.len()..].chars().next()))
}

/// How often each quantization is among a repository's models.
struct Tags(BTreeMap<String, usize>);

impl Tags {
    fn of(variants: &[Variant]) -> Tags {
        let mut tags = BTreeMap::new();
        variants.iter().for_each(|variant| *tags.entry(tag(variant).to_ascii_lowercase()).or_default() += 1);
        Tags(tags)
    }

    /// How a variant can be asked for: by its quantization where that is its own.
    fn choice(&self, variant: &Variant) -> String {
        let own = tag(variant);
        let unique = self.0.get(&own.to_ascii_lowercase()) == Some(&1);
        if unique { own.to_owned() } else { variant.name.to_owned() }
    }
}

fn complete(variant: Variant<'_>) -> Result<Variant<'_>, ChoiceError> {
    let Some(of) = variant.of else {
        // The same path listed twice.
        let once = variant.parts.len() == 1;
        return if once {
            Ok(variant)
        } else {
            Err(ChoiceError::Numbers { name: variant.name.to_owned(), of: 1 })
        };
    };
    let name = || variant.name.to_owned();
    let mut distinct = variant.numbers.clone();
    distinct.dedup();
    let found = distinct.len();
    if u32::try_from(found).is_ok_and(|found| found < of) {
        return Err(ChoiceError::Incomplete { name: name(), of, found });
    }
    if variant.numbers.iter().copied().ne(1..=of) {
        return Err(ChoiceError::Numbers { name: name(), of });
    }
    Ok(variant)
}

#[cfg(test)]
mod tests;

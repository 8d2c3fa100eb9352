//! What the planner chooses among: weights that are here, or the models of the catalogue in the forms they are had in.

use edgeorch_engines::{Ask, Fidelity, Format, Model, Source, Task};

use crate::model::catalogue::{self, Bits, Entry, Family, Stored};
use crate::plan::demands::Demands;
use crate::plan::fitness;
use crate::plan::quality::{Rows, Step, ladder, step};
use crate::plan::subject::{Licence, Subject};

/// Weights whose header was read.
pub fn of_file(source: &Source, model: Model, task: Task) -> Subject {
    let name = model.name.clone().unwrap_or_else(|| short(source));
    let known = model.name.as_deref().and_then(catalogue::find);
    Subject {
        name,
        source: Some(source.to_string()),
        quantization: None,
        licence: known.map(|(family, entry)| licence(family, entry)),
        grade: known.and_then(|(_, entry)| fitness::grade(&entry.name, task)),
        model,
    }
}

/// The last part of a source, which people know it by.
pub fn short(source: &Source) -> String {
    if let Source::Hf { repo, quant, .. } = source {
        let name = repo.rsplit('/').next().unwrap_or(repo);
        return match quant {
            Some(quant) => format!("{name}-{quant}.gguf"),
            None => name.to_owned(),
        };
    }
    let text = source.to_string();
    let path = text.split("#sha256=").next().unwrap_or(&text);
    path.rsplit(['/', ':']).next().unwrap_or(path).to_owned()
}

/// Models of the catalogue for what is asked, each in the forms that the demands allow, best type first. Only forms with
/// a known repository: what can't be fetched is no proposal.
pub fn of_catalogue<'a>(ask: &'a Ask, demands: &'a Demands) -> impl Iterator<Item = Subject> + 'a {
    let steps = steps(demands);
    catalogue::models()
        .filter(|(_, entry)| serves(entry, ask))
        .flat_map(move |(family, entry)| steps.clone().into_iter().map(move |step| (family, entry, step)))
        .filter_map(|(family, entry, step)| subject(family, entry, step, ask.task))
}

/// The same in every type that any fidelity takes, whatever the profile leaves to choose from.
pub fn of_any_type(ask: &Ask, demands: &Demands) -> Vec<Subject> {
    let any = Demands { fidelity: Fidelity::Fast, variants: Vec::new(), ..demands.clone() };
    of_catalogue(ask, &any).collect()
}

/// Of the catalogue's subjects those of the same model, and those of others. A file may write the name with blanks.
pub fn parted(all: Vec<Subject>, of: &Subject) -> (Vec<Subject>, Vec<Subject>) {
    let plain = |name: &str| {
        name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    let same = |one: &&Subject| {
        plain(&one.name) == plain(&of.name) || (repository(of).is_some() && repository(one) == repository(of))
    };
    let name = all.iter().find(same).map(|one| one.name.clone());
    all.into_iter().partition(|one| Some(&one.name) == name.as_ref())
}

fn repository(subject: &Subject) -> Option<&str> {
    subject.source.as_deref()?.strip_prefix("hf:")?.split(':').next()
}

/// Types to look at, best first.
fn steps(demands: &Demands) -> Vec<&'static Step> {
    let names: Vec<&str> = match demands.variants.is_empty() {
        false => demands.variants.iter().map(String::as_str).collect(),
        true => ladder().of_fidelity(demands.fidelity).iter().map(String::as_str).collect(),
    };
    names.into_iter().filter_map(|name| Some(step(name)?.0)).collect()
}

fn serves(entry: &Entry, ask: &Ask) -> bool {
    let task = match ask.task {
        Task::Chat => catalogue::Task::Chat,
        Task::Code => catalogue::Task::Code,
        Task::Reasoning => catalogue::Task::Reasoning,
        Task::Embedding => catalogue::Task::Embedding,
    };
    let context = entry.context.extended.unwrap_or(entry.context.native).max(entry.context.native);
    entry.tasks.contains(&task) && context >= ask.context_size
}

fn subject(family: &Family, entry: &Entry, step: &Step, task: Task) -> Option<Subject> {
    let bits = step.bits?;
    let (format, repository) = form(entry, step)?;
    // MXFP4 is a type of experts: everything else of such models stays at 16 bits, or 8 in some GGUF files.
    let mixed = step.name == "MXFP4";
    let dense_bits = if mixed { 16.0 } else { bits };
    let name = tensor(step, format);
    let by_row = |rows: Rows| Bits { even: rows.even, odd: rows.odd };
    let stored = match (format, step.parts()) {
        (Format::Gguf, Some(parts)) => {
            let layers = by_row(parts.layers);
            let dense = if mixed { Bits::all(dense_bits) } else { layers };
            let (embeddings, output) = match mixed {
                true => (dense, dense),
                false => (by_row(parts.embeddings), by_row(parts.output)),
            };
            Stored { format, name, layers, dense, embeddings, output }
        }
        _ => {
            let whole = matches!(format, Format::Gguf | Format::Mlx);
            let tables = Bits::all(if whole { dense_bits } else { bits.max(16.0) });
            let (layers, dense) = (Bits::all(bits), Bits::all(dense_bits));
            Stored { format, name, layers, dense, embeddings: tables, output: tables }
        }
    };
    let model = entry.predict(&stored)?;
    let source = match format {
        Format::Gguf => format!("hf:{repository}:{}", step.name),
        _ => format!("hf:{repository}"),
    };
    Some(Subject {
        name: entry.name.clone(),
        source: Some(source),
        quantization: Some(step.name.clone()),
        licence: Some(licence(family, entry)),
        grade: fitness::grade(&entry.name, task),
        model,
    })
}

/// A model of the catalogue in a type of the ladder, counted from its dimensions.
pub fn predicted(name: &str, quantization: &str) -> Option<Model> {
    let (family, entry) = catalogue::find(name)?;
    Some(subject(family, entry, step(quantization)?.0, Task::Chat)?.model)
}

/// What engines know the type by: GGUF's files are named for mixes and hold tensors of types.
fn tensor(step: &Step, format: Format) -> &str {
    match (format, &step.tensor) {
        (Format::Gguf, Some(tensor)) => tensor,
        _ => &step.name,
    }
}

/// In which form, and where, the model is had in this type.
fn form<'a>(entry: &'a Entry, step: &Step) -> Option<(Format, &'a str)> {
    let repositories = &entry.repositories;
    let has = |name: &str| step.formats.iter().any(|format| format == name);
    let types = &repositories.gguf_types;
    let holds = types.is_empty() || types.contains(&step.name);
    if has("gguf")
        && holds
        && let Some(repository) = &repositories.gguf
    {
        return Some((Format::Gguf, repository));
    }
    let quantized = match step.name.as_str() {
        "AWQ-int4" => &repositories.awq,
        "GPTQ-int4" | "GPTQ-int8" => &repositories.gptq,
        "FP8" => &repositories.fp8,
        "NVFP4" => &repositories.nvfp4,
        "MXFP4" => &repositories.mxfp4,
        "BF16" | "F16" => &repositories.safetensors,
        _ => &None,
    };
    has("safetensors")
        .then_some(quantized.as_deref())
        .flatten()
        .map(|repository| (Format::Safetensors, repository))
}

fn licence(family: &Family, entry: &Entry) -> Licence {
    let licence = family.licence_of(entry);
    Licence { name: licence.name.clone(), open: licence.open, limits: licence.limits.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: [(Task, catalogue::Task); 4] = [
        (Task::Chat, catalogue::Task::Chat),
        (Task::Code, catalogue::Task::Code),
        (Task::Reasoning, catalogue::Task::Reasoning),
        (Task::Embedding, catalogue::Task::Embedding),
    ];

    /// GiB as llama-bench prints them of real files (rows.yaml names where). Vocabularies weigh much in small models, and
    /// their tables are of other types than the layers; and rows that 256 doesn't divide are stored larger than the type says.
    #[test]
    fn predicted_files_are_as_large_as_real_ones() {
        for (name, quantization, printed) in [
            ("gemma-3-4b-it", "Q3_K_S", 1.80),
            ("Llama-3.2-1B-Instruct", "Q2_K", 0.534),
            ("Llama-3.2-3B-Instruct", "Q8_0", 3.18),
            ("Qwen3-4B", "Q4_K_M", 2.32),
            ("Qwen3-8B", "Q4_K_M", 4.68),
            ("Qwen2.5-7B-Instruct", "Q2_K", 2.80),
            ("Llama-3.1-8B-Instruct", "Q4_K_S", 4.36),
            ("Llama-3.1-8B-Instruct", "Q4_0", 4.33),
            ("Mistral-Nemo-Instruct-2407", "Q5_K_M", 8.12),
            ("Qwen2.5-Coder-14B-Instruct", "Q4_K_M", 8.37),
            ("Llama-3.3-70B-Instruct", "Q4_K_M", 39.59),
            ("Qwen3-30B-A3B", "Q4_K_M", 17.34),
            ("gemma-4-26B-A4B-it", "Q4_K_M", 15.63),
            ("gemma-3-1b-it", "Q4_0", 0.665),
            ("gemma-3-1b-it", "Q4_K_M", 0.745),
            ("gemma-3-1b-it", "Q8_0", 0.99),
        ] {
            let predicted = predicted(name, quantization).unwrap().weights.total.0 as f64;
            let printed = printed * 1024.0_f64.powi(3);
            let off = predicted / printed - 1.0;
            println!("{name} {quantization}: {:+.1} %", off * 100.0);
            assert!(off.abs() < 0.03, "{name} {quantization}: {predicted} for {printed}");
        }
    }

    #[test]
    fn every_name_that_is_graded_is_a_name_of_the_catalogue() {
        let known: Vec<String> = catalogue::models().map(|(_, entry)| entry.name.to_lowercase()).collect();
        for (task, _) in TASKS {
            for name in fitness::names(task) {
                assert!(known.iter().any(|known| known == name), "{task:?}: no entry is called {name}");
            }
        }
    }

    #[test]
    fn most_models_of_the_catalogue_are_graded_for_what_they_are_for() {
        for ((task, of), least) in TASKS.into_iter().zip([150, 85, 55, 23]) {
            let serving = catalogue::models().filter(|(_, entry)| entry.tasks.contains(&of));
            let graded = serving.filter(|(_, entry)| fitness::grade(&entry.name, task).is_some()).count();
            assert!(graded >= least, "{task:?}: {graded}");
        }
    }

    #[test]
    fn models_of_vectors_are_graded_for_nothing_else() {
        for (_, entry) in catalogue::models().filter(|(_, entry)| entry.tasks == [catalogue::Task::Embedding])
        {
            for task in [Task::Chat, Task::Code, Task::Reasoning] {
                assert_eq!(fitness::grade(&entry.name, task), None, "{} {task:?}", entry.name);
            }
        }
    }
}

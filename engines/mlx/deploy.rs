//! A script that runs mlx-lm's server without edgeorch. There is no container file: Metal is not reached from within one.

use std::path::Path;

use super::{Mlx, memory};
use crate::contract::{Binary, DeployFile, Deployment, Engine, Order, Refusal};
use crate::manifest::expand::{self, Values};
use crate::script;

/// The flags of the newest captured build, for a machine on which there is none.
pub(super) const NEWEST: &str = include_str!("help/0.32.2.txt");

/// The one name that it has for its model beside the folder's path.
const NAME: &str = "default_model";

pub(super) fn files(engine: &Mlx, order: &Order<'_>) -> Result<Deployment, Refusal> {
    let (ask, model, files) = (order.ask, order.model, order.files);
    let unable = |why: String| Refusal::Unable { engine: engine.manifest().id.clone(), why };
    if let Some(why) = memory::unable(model, ask) {
        return Err(unable(why));
    }
    if ask.adapters.len() > 1 {
        return Err(unable("it serves one adapter at a time".into()));
    }
    let newest = Binary {
        program: engine.manifest().program.clone().into(),
        help: NEWEST.into(),
        version: None,
        library_path: None,
        devices: Vec::new(),
    };
    let binary = order.binary.unwrap_or(&newest);
    let text = |path: &Path| path.display().to_string();
    let mut values = Values::default();
    values.set("model", text(&files.weights));
    values.set("port", order.port);
    values.set("batch", memory::batch(ask));
    values.set("chunk", ask.prefill_chunk);
    values.set("prompts", memory::prompts(model, ask));
    values.set("prompt_bytes", ask.prompt_cache.0);
    values.set("bits", memory::bits(ask.key_type).unwrap_or_default());
    values.hold("quantized_cache", ask.key_type.is_quantized());
    if let Some(path) = files.adapters.first().filter(|_| !ask.adapters.is_empty()) {
        values.set("adapter", text(path));
        values.hold("adapter", true);
    }
    if let Some(speculation) = &ask.speculation {
        let path = files.draft.as_deref().ok_or_else(|| unable("no draft model is given".into()))?;
        values.set("draft", text(path));
        values.set("guesses", speculation.max_tokens);
        values.hold("draft", true);
    }
    let flags = expand::flags(engine.manifest(), binary, &values, &ask.runtime_flags)?;
    let program = binary.program.display().to_string();
    let about = format!("mlx-lm serves {}", ask.id);
    let script = script::exec(&about, engine.manifest(), None, &[&program], &flags);
    Ok(Deployment {
        files: vec![DeployFile::script("mlx.sh", script)],
        notes: notes(order),
        asked_as: NAME.to_owned(),
    })
}

fn notes(order: &Order<'_>) -> Vec<String> {
    let ask = order.ask;
    let mut notes = vec![
        format!(
            "mlx_lm.server has no limit on a request's length: the sum is for requests of up to {} tokens, and a \
             longer one takes more.",
            ask.context_size
        ),
        "It checks no key: keep its port on loopback, behind a gateway.".to_owned(),
        format!(
            "Clients ask for the model as {NAME}: any other name is looked for among downloaded models. Its /v1/models \
             fails where there is no folder of those."
        ),
        "It answers /health before the model is loaded: wait for a first token.".to_owned(),
    ];
    if !memory::batches(ask) && ask.parallel > 1 {
        notes.push(format!(
            "With a quantized cache or a draft model requests are answered one after the other, not {} at once.",
            ask.parallel
        ));
    }
    notes
}

//! What Ollama takes: its child's sum, and its own server. The server was measured (docs/engines.md): it reads the file's
//! header once, and holds the texts of the requests that are being answered several times over.

use crate::contract::{Ask, Bytes, Charge, Engine, Host, Model, Part, Place};

pub(super) fn charges(child: &dyn Engine, model: &Model, ask: &Ask, host: &Host) -> Vec<Charge> {
    let mut charges = child.memory(model, ask, host);
    charges.push(server(model, ask));
    charges
}

/// Resident at its highest, with the build of commit fb30760 on Linux: at most 49.1 MiB with a vocabulary of 49,152 tokens, and
/// 59.8 with one of 262,144. 400,000 tokens of text in each of four requests added 59 MiB: 37 bytes a token.
fn server(model: &Model, ask: &Ask) -> Charge {
    const BASE: Bytes = Bytes::mib(50);
    const OF_VOCABULARY: u64 = 56;
    const OF_TEXT: u64 = 40;
    let Some(vocabulary) = model.vocabulary else {
        return unknown("unknown: the model does not give its vocabulary");
    };
    if ask.projector.is_some() {
        return unknown("unknown: Ollama's server was not measured with images or sound in requests");
    }
    let header = Bytes(vocabulary.saturating_mul(OF_VOCABULARY));
    let texts = Bytes(ask.total_context().saturating_mul(OF_TEXT));
    let how = format!(
        "Ollama's own server, upper bound as measured on Linux: {BASE}, {OF_VOCABULARY} B for each token of the \
         vocabulary and {OF_TEXT} B for each of the contexts"
    );
    Charge::new(Place::Host, Part::Process, BASE + header + texts, how)
}

fn unknown(how: &str) -> Charge {
    Charge::unknown(Place::Host, Part::Process, None, how)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{Format, Projector, Task};

    fn taken(vocabulary: u64, context: u64, parallel: u32) -> Bytes {
        let model = Model { vocabulary: Some(vocabulary), ..Model::bare(Format::Gguf, "llama") };
        let ask = Ask { parallel, ..Ask::new("m", Task::Chat, context) };
        server(&model, &ask).bytes.unwrap()
    }

    #[test]
    fn the_server_stays_below_its_line_and_not_far() {
        // KiB at its highest, after all slots were filled: SmolLM2 135M and Gemma 3 270M; the last two, and Gemma's last,
        // with texts of so many tokens or more in each request, whatever the context.
        let seen = [
            (49_152, 512, 1, 46_264_u64),
            (49_152, 512, 4, 49_960),
            (49_152, 2048, 8, 50_024),
            (49_152, 4096, 2, 50_320),
            (49_152, 8192, 1, 46_160),
            (262_144, 512, 4, 56_536),
            (262_144, 1024, 4, 61_272),
            (49_152, 100_000, 4, 54_720),
            (49_152, 400_000, 4, 103_012),
        ];
        for (vocabulary, context, parallel, kib) in seen {
            let (sum, seen) = (taken(vocabulary, context, parallel), Bytes(kib << 10));
            assert!(sum >= seen, "{sum} for {parallel} × {context}, where {seen} were seen");
            assert!(sum.0 < seen.0 * 13 / 10, "{sum} for {parallel} × {context}, where {seen} were seen");
        }
    }

    #[test]
    fn what_was_not_measured_of_it_is_unknown() {
        let model = Model { vocabulary: Some(1), ..Model::bare(Format::Gguf, "llama") };
        let projector = Projector {
            bytes: Bytes(1),
            vision: true,
            audio: false,
            patches: None,
            embedding_length: None,
            feed_forward_length: None,
            head_count: None,
        };
        let images = Ask { projector: Some(projector), ..Ask::new("m", Task::Chat, 512) };
        assert_eq!(server(&model, &images).bytes, None);
        let nameless = Model { vocabulary: None, ..model };
        assert_eq!(server(&nameless, &Ask::new("m", Task::Chat, 512)).bytes, None);
    }
}

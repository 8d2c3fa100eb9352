//! The half that hears: an encoder of sound before a decoder of text (Whisper). The shape around it is the decoder's.

use serde::Deserialize;

use super::entry::Shape;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Speech {
    pub layers: u64,
    /// Bands of the spectrum.
    pub mels: u64,
    /// Frames after the second convolution has halved them.
    pub positions: u64,
}

impl Speech {
    /// Two convolutions of three frames, positions, layers as wide as the decoder's, and the attention by which
    /// each layer of the decoder looks at what was heard.
    pub(super) fn elements(self, shape: &Shape) -> u64 {
        let width = shape.embedding;
        let convolutions = (3 * self.mels + 1) * width + (3 * width + 1) * width;
        let layer = shape.attention() + shape.feed_forward(shape.feed_forward) + 4 * width;
        convolutions
            + self.positions * width
            + self.layers * layer
            + 2 * width
            + shape.layers * shape.attention()
    }
}

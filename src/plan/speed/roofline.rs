//! The time of one token as a sum of terms, and what each costs.

/// What one token asks of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Terms {
    /// Seconds in which the bandwidth, as the table has it, would read the weights.
    pub stream: f64,
    /// The same of those of three bits and less alone: unpacking them takes time that reading doesn't cover.
    pub few_bits: f64,
    /// The same of the context's rows and states.
    pub cache: f64,
    /// Operations, launched one after the other.
    pub steps: f64,
    /// 10⁹ weights for each core; of processors only.
    pub weights: f64,
}

/// Of the terms, in their order: seconds a second, three times; microseconds a step; nanoseconds a weight.
pub type Costs = [f64; 5];

impl Terms {
    /// Seconds. A processor computes while it reads: the longer of both counts.
    pub fn time(&self, costs: &Costs) -> f64 {
        self.parts(costs).iter().sum()
    }

    /// The seconds of each term.
    pub fn parts(&self, costs: &Costs) -> Costs {
        let counted = self.counted(costs);
        std::array::from_fn(|term| counted[term] * costs[term])
    }

    /// The amounts that count at these costs.
    pub fn counted(&self, costs: &Costs) -> Costs {
        let [stream, few_bits, ..] = *costs;
        let reading = self.stream * stream + self.few_bits * few_bits;
        let all = [self.stream, self.few_bits, self.cache, self.steps * 1e-6, self.weights];
        let [a, b, cache, steps, weights] = all;
        if reading >= self.weights * costs[4] {
            [a, b, cache, steps, 0.0]
        } else {
            [0.0, 0.0, cache, steps, weights]
        }
    }
}

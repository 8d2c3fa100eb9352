//! `edgeorch schema`: the JSON Schema that editors check profiles with, and that of the audit's facts.

use clap::ValueEnum;

use super::{Failure, print_json};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of what
    #[arg(default_value = "profile")]
    of: Of,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    Profile,
    Host,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    match arguments.of {
        Of::Profile => print_json(&crate::profile::schema()),
        Of::Host => print_json(&schemars::schema_for!(edgeorch_engines::Host)),
    }
}

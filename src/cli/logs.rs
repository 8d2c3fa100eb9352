//! `edgeorch logs [-f] [MODEL]`: what a model's engine printed.

use super::{Exit, Failure, block_on, terminal};
use crate::control::client::Client;
use crate::home::Home;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The model's id; may be left out if there is one
    model: Option<String>,
    /// Go on printing until interrupted
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines
    #[arg(short = 'n', long, default_value_t = 50)]
    lines: usize,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = Client::of(&Home::find()?);
    block_on(async {
        let model = match &arguments.model {
            Some(model) => model.clone(),
            None => {
                let status = client.status(None).await?;
                let ids: Vec<_> = status.models.iter().map(|model| model.id.as_str()).collect();
                match ids[..] {
                    [one] => one.to_owned(),
                    _ => {
                        return Err(Failure::new(Exit::Usage, format!("say whose logs: {}", ids.join(", "))));
                    }
                }
            }
        };
        client.logs(&model, arguments.lines, arguments.follow, terminal::print).await?;
        Ok(())
    })?
}

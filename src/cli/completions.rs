//! `careen completions`.

use super::args::{Cli, Completions};
use super::error::CliError;
use super::output;
use super::status::Status;
use clap::CommandFactory;

pub fn run(args: &Completions) -> Result<Status, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "careen", &mut script);
    output::with(None, |out| out.write_all(&script).map_err(CliError::Stdout))?;
    Ok(Status::Clean)
}

//! `careen man`: the page of the program or of one command, or those of all into a folder.

use super::args::{Cli, Man};
use super::error::CliError;
use super::output;
use super::status::Status;
use clap::CommandFactory;

pub fn run(args: &Man) -> Result<Status, CliError> {
    if let Some(folder) = &args.folder {
        let failed = |source| CliError::File { path: folder.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
        return Ok(Status::Clean);
    }
    let mut page = Vec::new();
    let page_of = clap_mangen::Man::new(command(&args.command)?);
    page_of.render(&mut page).map_err(CliError::Stdout)?;
    output::with(None, |out| out.write_all(&page).map_err(CliError::Stdout))?;
    Ok(Status::Clean)
}

/// The command that is called so, its name as that of its page.
fn command(words: &[String]) -> Result<clap::Command, CliError> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    for word in words {
        let found = command.get_subcommands().find(|c| c.get_name() == word);
        command = found.cloned().ok_or_else(|| CliError::UsageWithHint {
            what: format!("there is no command `{word}`"),
            hint: "`careen --help` lists them".to_owned(),
        })?;
    }
    Ok(command)
}

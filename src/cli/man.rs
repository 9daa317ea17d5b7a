//! `careen man`: one page, the subcommands in it.

use super::args::Cli;
use super::error::CliError;
use super::output;
use super::status::Status;
use clap::CommandFactory;

pub fn run() -> Result<Status, CliError> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut page).map_err(CliError::Stdout)?;
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let title = format!("\n.SH \"CAREEN {}\"\n", sub.get_name().to_uppercase());
        page.extend_from_slice(title.as_bytes());
        let man = clap_mangen::Man::new(sub.clone());
        man.render_synopsis_section(&mut page).map_err(CliError::Stdout)?;
        man.render_options_section(&mut page).map_err(CliError::Stdout)?;
    }
    output::with(None, |out| out.write_all(&page).map_err(CliError::Stdout))?;
    Ok(Status::Clean)
}

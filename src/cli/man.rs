//! `careen man`: the page of the program or of one command, or those of all into a folder.

use super::args::{Cli, Man};
use super::error::CliError;
use super::output;
use super::status::Status;
use clap::CommandFactory;
use std::io::{self, Write};

pub fn run(args: &Man) -> Result<Status, CliError> {
    let program = program();
    if let Some(folder) = &args.folder {
        let failed = |source| CliError::File { path: folder.clone(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
        for command in all(&program) {
            let path = folder.join(clap_mangen::Man::new(command.clone()).get_filename());
            output::write(&page(command)?, Some(&path))?;
        }
        return Ok(Status::Clean);
    }
    output::write(&page(&command(&program, &args.command)?)?, None)?;
    Ok(Status::Clean)
}

fn program() -> clap::Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// A command and all below it.
fn all(command: &clap::Command) -> Vec<&clap::Command> {
    std::iter::once(command).chain(command.get_subcommands().flat_map(all)).collect()
}

fn command(program: &clap::Command, words: &[String]) -> Result<clap::Command, CliError> {
    let mut command = program;
    for word in words {
        let found = command.get_subcommands().find(|c| c.get_name() == word);
        command = found.ok_or_else(|| CliError::UsageWithHint {
            what: format!("there is no command `{word}`"),
            hint: "`careen --help` lists them".to_owned(),
        })?;
    }
    Ok(command.clone())
}

fn page(command: &clap::Command) -> Result<String, CliError> {
    let mut out = Vec::new();
    sections(command, &mut out).map_err(CliError::Stdout)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn sections(command: &clap::Command, out: &mut dyn Write) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
    let source = concat!("careen ", env!("CARGO_PKG_VERSION"));
    let man = clap_mangen::Man::new(command.clone()).title(name).source(source);
    man.render_title(out)?;
    man.render_name_section(out)?;
    man.render_synopsis_section(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    let more = command.get_after_long_help().or_else(|| command.get_after_help());
    out.write_all(more.map_or(String::new(), |text| examples(&text.to_string())).as_bytes())
}

/// What stands behind the options in the help: a line that ends in a colon heads a section, what is
/// indented stays as it is (troff(7): `.nf`), all else is text to be filled.
fn examples(help: &str) -> String {
    let mut out = String::new();
    let mut kept = false;
    for line in help.lines() {
        let keep = line.starts_with(' ');
        if keep != kept {
            out.push_str(if keep { ".nf\n" } else { ".fi\n" });
            kept = keep;
        }
        match line.strip_suffix(':') {
            Some(title) if !keep => out.push_str(&format!(".SH {}\n", title.to_uppercase())),
            _ if line.is_empty() => out.push_str(".PP\n"),
            _ => {
                // A control character at the start of a line would be a request, a plain `-` a hyphen.
                let text = line.replace('\\', "\\e").replace('-', "\\-");
                out.push_str(&format!("\\&{text}\n"));
            }
        }
    }
    if kept {
        out.push_str(".fi\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::examples;

    #[test]
    fn examples_stay_as_they_are_and_text_is_filled() {
        let help = "Examples:\n  careen a -b \\n    one\n\nA text.\nOn two lines.";
        assert_eq!(
            examples(help),
            ".SH EXAMPLES\n.nf\n\\&  careen a \\-b \\en    one\n.fi\n.PP\n\\&A text.\n\\&On two lines.\n"
        );
    }
}

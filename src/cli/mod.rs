//! The command line: the only place that knows arguments, the environment, the terminal and exit
//! statuses. One file a subcommand; `args` are turned into plain [`settings`] before anything runs.

mod advise;
mod args;
mod bases;
mod cache;
mod cat;
mod check;
mod completions;
mod decisions;
mod diff;
mod docker_plugin;
#[cfg(test)]
mod documented;
mod error;
mod exhausted;
mod explain;
mod explore;
mod explore_args;
mod files;
mod formats;
mod init;
mod inspect;
mod inspect_args;
mod interrupt;
mod inventory;
mod inventory_args;
mod man;
mod number;
mod output;
mod pattern_files;
mod patterns;
mod patterns_args;
mod plan;
mod progress;
mod schema;
pub mod settings;
mod status;
mod sweep;
mod sweep_args;
mod sweep_progress;
mod terminal;
mod why;
mod worker;

use args::{Cli, Command};
use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches};
use docker_plugin::Called;
use error::CliError;
use status::Status;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use terminal::Terminal;

/// Runs careen with the arguments and the environment of this process. `stdout_is_closed`: there is no standard
/// output to write to.
pub fn main(stdout_is_closed: bool) -> ExitCode {
    if stdout_is_closed {
        output::has_no_stdout();
    }
    exhausted::quietly();
    let arguments = match docker_plugin::called(std::env::args_os()) {
        Ok(Called::Run(arguments)) => arguments,
        Ok(Called::Describe(text)) => return ended(output::write(&text, None)),
        Err(e) => return ended(Err(e)),
    };
    let mut command = without_empty_variables(Cli::command());
    let parsed = command.try_get_matches_from_mut(arguments);
    let cli = match parsed.and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(e) => {
            // A closed pipe is no reason to fail; no pipe at all is, where there is something to say.
            let _ = e.print();
            if stdout_is_closed && !e.use_stderr() {
                return Status::NotLookedAt.into();
            }
            return if e.use_stderr() { Status::Usage.into() } else { Status::Clean.into() };
        }
    };
    let terminal = Terminal::of_this_process(cli.global.color);
    let done = catch_unwind(AssertUnwindSafe(|| {
        interrupt::install();
        run(cli, &terminal)
    }));
    match done.unwrap_or_else(|panic| Err(exhausted::explained(&*panic))) {
        Ok(status) => status.into(),
        Err(e) if e.is_broken_pipe() => Status::Clean.into(),
        Err(e) => {
            error::print(&e, &terminal);
            e.status().into()
        }
    }
}

/// A variable that is set to nothing is not set: pipelines do that for what they have no value for.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let heeded = |arg: clap::Arg| {
        let value = arg.get_env().and_then(std::env::var_os);
        if value.is_some_and(|v| v.is_empty()) { arg.env(Resettable::Reset) } else { arg }
    };
    command.mut_args(heeded).mut_subcommands(without_empty_variables)
}

/// The end of a run that got no further than its arguments.
fn ended(done: Result<(), CliError>) -> ExitCode {
    let Err(e) = done else { return Status::Clean.into() };
    error::print(&e, &Terminal::of_this_process(args::Color::Auto));
    e.status().into()
}

fn run(cli: Cli, terminal: &Terminal) -> Result<Status, CliError> {
    let global = &cli.global;
    match &cli.command {
        Command::Inspect(a) => inspect::run(a, global, terminal),
        Command::Check(a) => check::run(a, global, terminal),
        Command::Init(a) => init::run(a, terminal),
        Command::Explore(a) => explore::run(a, global, terminal),
        Command::Files(a) => files::run(a, global, terminal),
        Command::Advise(a) => advise::run(a, global, terminal),
        Command::Why(a) => why::run(a, global, terminal),
        Command::Cat(a) => cat::run(a, global),
        Command::Diff(a) => diff::run(a, global, terminal),
        Command::Explain(a) => explain::run(a, terminal),
        Command::Patterns(a) => patterns::run(a, terminal),
        Command::Sweep(a) => sweep::run(a, global, terminal),
        Command::Inventory(a) => inventory::run(a, global, terminal),
        Command::Worker(a) => worker::run(a, global, terminal),
        Command::Cache(a) => cache::run(a),
        Command::Schema => schema::run(),
        Command::Completions(a) => completions::run(a),
        Command::Man(a) => man::run(a),
    }
}

//! `careen init`.

use super::args::Init;
use super::error::{self, CliError};
use super::output;
use super::status::Status;
use super::terminal::Terminal;

/// Every key there is, with what it means.
const TEMPLATE: &str = include_str!("init.toml");

pub fn run(args: &Init, terminal: &Terminal) -> Result<Status, CliError> {
    if args.path.symlink_metadata().is_ok() && !args.force {
        return Err(CliError::UsageWithHint {
            what: format!("{} is there already", args.path.display()),
            hint: "--force replaces it".to_owned(),
        });
    }
    output::check(Some(&args.path))?;
    output::write(TEMPLATE, Some(&args.path))?;
    error::note(&format!("wrote {}", args.path.display()), terminal);
    Ok(Status::Clean)
}

#[cfg(test)]
mod tests {
    use super::TEMPLATE;
    use crate::rules::config::Config;

    #[test]
    fn the_template_is_a_configuration_with_and_without_its_examples() {
        let plain = Config::parse("careen.toml", TEMPLATE).unwrap();
        assert!(plain.allow.is_empty() && !plain.policy.needs_every_layer());
        let uncommented: String = TEMPLATE
            .lines()
            .filter(|l| !l.starts_with("fail-on"))
            .map(|l| match l.strip_prefix('#') {
                Some(example) if !example.starts_with(' ') => format!("{example}\n"),
                _ => format!("{l}\n"),
            })
            .collect();
        let all = Config::parse("careen.toml", &uncommented).unwrap();
        let budget = all.policy.budget;
        assert_eq!((budget.compressed, budget.growth_percent), (Some(150_000_000), Some(10.0)));
        assert_eq!(all.policy.require.base.len() + all.policy.forbid.tools.len(), 5);
        assert_eq!((all.allow.len(), all.fail_on.unwrap().rules.len()), (1, 2));
    }
}

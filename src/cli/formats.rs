//! The forms of a report, and which of them go where.

use super::error::CliError;
use super::inspect_args::ReportArgs;
use super::output::{self, Readers};
use super::terminal::Terminal;
use crate::report::model::Report;
use crate::report::text::{Detail, Paper};
use crate::report::tree::FileTree;
use crate::report::{Made, cyclonedx, gitlab, html, json, junit, markdown, sarif, spdx};
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people, in a terminal
    Text,
    /// For programs: `careen schema` describes it
    Json,
    /// The same, a line an image
    Jsonl,
    /// To look at: one file, without any request
    Html,
    /// For code scanning (2.1.0)
    Sarif,
    /// For a pull request
    Markdown,
    /// For test reports
    Junit,
    /// GitLab's container scanning report; one image
    Gitlab,
    /// Bill of materials (1.6); one image
    Cyclonedx,
    /// Bill of materials (2.3); one image
    Spdx,
}

impl ReportFormat {
    /// Whether a document of it is of one image.
    fn holds_one(self) -> bool {
        matches!(self, Self::Gitlab | Self::Cyclonedx | Self::Spdx)
    }

    /// Whether others take it for all that there is of an image: an alert that is not in it is closed, a
    /// package that is not in it is not installed.
    fn takes_every_layer(self) -> bool {
        !matches!(self, Self::Text | Self::Json | Self::Jsonl | Self::Markdown)
    }

    fn word(self) -> String {
        self.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
    }
}

/// One `--output`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `None`: what `--format` says.
    pub format: Option<ReportFormat>,
    pub path: PathBuf,
}

impl FromStr for Target {
    type Err = String;

    /// `FORMAT=FILE`, or a file whose name has no `=` in it, or a `/` before it.
    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = match text.split_once('=') {
            Some((word, path)) if !word.contains(['/', '\\', '.']) => {
                let format = ReportFormat::from_str(word, false).map_err(|_| unknown(word))?;
                (Some(format), path)
            }
            _ => (None, text),
        };
        match path {
            "" => Err("there is no file name".to_owned()),
            "-" => Err("standard output gets what --format says".to_owned()),
            path => Ok(Self { format, path: path.into() }),
        }
    }
}

fn unknown(word: &str) -> String {
    let names: Vec<String> = ReportFormat::value_variants().iter().map(|f| f.word()).collect();
    let near = names
        .iter()
        .map(|n| (strsim::jaro_winkler(n, word), n))
        .filter(|(alike, _)| *alike > 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let what = match near {
        Some((_, name)) => format!("did you mean `{name}`?"),
        None => format!("there is {}", names.join(", ")),
    };
    format!("`{word}` is no format; {what} (a file of such a name is ./{word}=…)")
}

/// What one run writes.
pub struct Outputs<'a> {
    /// What is printed, or goes to the file that was named without a format.
    main: (ReportFormat, Option<&'a Path>),
    beside: Vec<(ReportFormat, &'a Path)>,
    readers: Readers,
    made: Made,
}

/// What is written.
pub struct Written<'a> {
    pub reports: &'a [Report],
    /// In the order of the reports; there are some if [`Outputs::want_trees`].
    pub trees: &'a [FileTree],
    /// As JSON, an array even of one.
    pub several: bool,
    pub detail: Detail,
    /// The text for people.
    pub text: &'a dyn Fn(&[Report], Paper, Detail) -> String,
}

impl<'a> Outputs<'a> {
    /// Looks at every place before the work starts: a folder that is not there should not cost a run.
    pub fn new(args: &'a ReportArgs, reveal: bool, several: bool) -> Result<Self, CliError> {
        let mut main = (args.format, None);
        let mut beside = Vec::new();
        let mut seen: Vec<PathBuf> = Vec::new();
        for target in &args.output {
            let path = target.path.as_path();
            output::check(Some(path))?;
            let place = output::place(path);
            if seen.contains(&place) {
                let twice = format!("--output {} is there twice", path.display());
                return Err(CliError::Usage(twice));
            }
            seen.push(place);
            match target.format {
                Some(format) => beside.push((format, path)),
                None if main.1.is_none() => main.1 = Some(path),
                None => {
                    return Err(CliError::UsageWithHint {
                        what: "two --output files without a format".to_owned(),
                        hint: "say what each is, such as --output json=report.json".to_owned(),
                    });
                }
            }
        }
        let mut all = beside.iter().map(|(f, _)| *f).chain([main.0]);
        if let Some(format) = all.find(|f| several && f.holds_one()) {
            return Err(CliError::UsageWithHint {
                what: format!("{} holds one image", format.word()),
                hint: "name one image and one platform".to_owned(),
            });
        }
        let readers = if reveal { Readers::Owner } else { Readers::Everyone };
        Ok(Self { main, beside, readers, made: Made { at: now()? } })
    }

    /// Whether some form shows what fills the image.
    pub fn want_trees(&self) -> bool {
        self.formats().any(|f| f == ReportFormat::Html)
    }

    /// Whether some form is of all layers.
    pub fn take_every_layer(&self) -> bool {
        self.formats().any(ReportFormat::takes_every_layer)
    }

    fn formats(&self) -> impl Iterator<Item = ReportFormat> {
        self.beside.iter().map(|(f, _)| *f).chain([self.main.0])
    }

    /// Writes all of them; one that fails does not keep the others from being written.
    pub fn write(&self, what: &Written, terminal: &Terminal) -> Result<(), CliError> {
        let mut failed = None;
        for &(format, path) in &self.beside {
            let written = self
                .render(format, what, paper(terminal, true))
                .and_then(|text| output::write_for(self.readers, &text, Some(path)));
            failed = failed.or(written.err());
        }
        let (format, path) = self.main;
        let text = self.render(format, what, paper(terminal, path.is_some()))?;
        output::write_for(self.readers, &text, path)?;
        failed.map_or(Ok(()), Err)
    }
}

impl Outputs<'_> {
    fn render(
        &self,
        format: ReportFormat,
        what: &Written,
        paper: Paper,
    ) -> Result<String, CliError> {
        let (reports, made) = (what.reports, &self.made);
        let one = || {
            let none = || CliError::Usage("there is no one image to write about".to_owned());
            reports.first().filter(|_| reports.len() == 1).ok_or_else(none)
        };
        Ok(match format {
            ReportFormat::Text => (what.text)(reports, paper, what.detail),
            ReportFormat::Json => match reports {
                [one] if !what.several => json::one(one)?,
                reports => json::all(reports)?,
            },
            ReportFormat::Jsonl => json::lines(reports)?,
            ReportFormat::Html => html::render(reports, what.trees)?,
            ReportFormat::Sarif => sarif::render(reports, made)?,
            ReportFormat::Markdown => markdown::render(reports, made)?,
            ReportFormat::Junit => junit::render(reports, made)?,
            ReportFormat::Gitlab => gitlab::render(one()?, made)?,
            ReportFormat::Cyclonedx => cyclonedx::render(one()?, made)?,
            ReportFormat::Spdx => spdx::render(one()?, made)?,
        })
    }
}

/// A file gets neither colours nor the width of the terminal.
pub fn paper(terminal: &Terminal, to_file: bool) -> Paper {
    if to_file {
        Paper::new(80, false)
    } else {
        Paper::new(terminal.columns, terminal.stdout_colour)
    }
}

/// The time of the run; a build that must come out the same every time says which
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn now() -> Result<jiff::Timestamp, CliError> {
    let Some(said) = std::env::var_os("SOURCE_DATE_EPOCH") else {
        return Ok(jiff::Timestamp::now());
    };
    let seconds = said.to_str().and_then(|s| s.parse().ok());
    seconds.and_then(|s| jiff::Timestamp::from_second(s).ok()).ok_or_else(|| {
        CliError::Usage("SOURCE_DATE_EPOCH is not a number of seconds since 1970".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_file_with_or_without_its_format() {
        let target =
            |t: &str| t.parse::<Target>().map(|t| (t.format, t.path.display().to_string()));
        assert_eq!(target("r.json"), Ok((None, "r.json".to_owned())));
        assert_eq!(target("json=r=1"), Ok((Some(ReportFormat::Json), "r=1".to_owned())));
        assert_eq!(target("./a=b"), Ok((None, "./a=b".to_owned())));
        assert_eq!(
            target("jsno=x").unwrap_err(),
            "`jsno` is no format; did you mean `json`? (a file of such a name is ./jsno=…)"
        );
        assert!(target("json=").is_err() && target("").is_err() && target("text=-").is_err());
    }
}

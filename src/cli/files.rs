//! `careen files`.

use super::args::{Files, Format, Global, Needed, Sort};
use super::error::CliError;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{output, plan, progress};
use crate::closure::Mode;
use crate::pipeline;
use crate::report::files::FileRow;
use crate::report::json;
use crate::report::text::files::list;
use globset::{GlobBuilder, GlobMatcher};

pub fn run(args: &Files, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let filter = args.filter.as_deref().map(matcher).transpose()?;
    let settings = SourceSettings::new(&args.source, false, false, &[&args.reference])?;
    let plan = plan::plan(&args.reference, &settings)?;
    let mut rows = progress::during(terminal, global.quiet, |p| match args.needed {
        Some(mode) => pipeline::needed_files(&plan, mode.into(), p),
        None => pipeline::list_files(&plan, args.layer, p),
    })?;
    choose(&mut rows, filter.as_ref(), args.sort);
    let written = match args.output.format {
        Format::Text => list(&rows),
        Format::Json => json::pretty(&rows)?,
    };
    output::write(&written, path)?;
    Ok(Status::Clean)
}

impl From<Needed> for Mode {
    fn from(needed: Needed) -> Self {
        match needed {
            Needed::File => Self::File,
            Needed::Package => Self::Package,
            Needed::Sound => Self::Sound,
        }
    }
}

/// A pattern without a `/` is for the name, wherever it stands; one with is for the whole path, with
/// or without the `/` at its start.
fn matcher(glob: &str) -> Result<GlobMatcher, CliError> {
    let pattern = match glob.strip_prefix('/') {
        Some(rest) => rest.to_owned(),
        None if glob.contains('/') => glob.to_owned(),
        None => format!("**/{glob}"),
    };
    let glob = GlobBuilder::new(&pattern)
        .literal_separator(true)
        .build()
        .map_err(|e| CliError::Usage(format!("--filter: {e}")))?;
    Ok(glob.compile_matcher())
}

fn choose(rows: &mut Vec<FileRow>, filter: Option<&GlobMatcher>, sort: Sort) {
    if let Some(filter) = filter {
        rows.retain(|r| filter.is_match(r.path.trim_start_matches('/')));
    }
    match sort {
        Sort::Path => rows.sort_by(|a, b| a.path.cmp(&b.path)),
        Sort::Size => rows.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.path.cmp(&b.path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<FileRow> {
        [("b.pem", 1), ("etc/ssl/a.pem", 3), ("etc/c", 2)]
            .into_iter()
            .map(|(path, size)| FileRow {
                path: path.to_owned(),
                kind: '-',
                size,
                mode: 0o644,
                uid: 0,
                gid: 0,
                mtime: 0,
                layer: 0,
                link: None,
                state: "visible",
                content: None,
            })
            .collect()
    }

    #[test]
    fn filters_and_sorts() {
        for (glob, sort, expected) in [
            (None, Sort::Size, vec!["etc/ssl/a.pem", "etc/c", "b.pem"]),
            (Some("*.pem"), Sort::Path, vec!["b.pem", "etc/ssl/a.pem"]),
            (Some("/etc/*"), Sort::Path, vec!["etc/c"]),
            (Some("etc/**"), Sort::Path, vec!["etc/c", "etc/ssl/a.pem"]),
        ] {
            let mut rows = rows();
            choose(&mut rows, glob.map(|g| matcher(g).unwrap()).as_ref(), sort);
            let paths: Vec<&str> = rows.iter().map(|r| r.path.as_str()).collect();
            assert_eq!(paths, expected, "{glob:?}");
        }
        assert!(matcher("[").is_err());
    }
}

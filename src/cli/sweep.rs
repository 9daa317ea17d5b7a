//! `careen sweep`.

use super::args::{Format, Global};
use super::error::CliError;
use super::formats::paper;
use super::settings::{self, SourceSettings};
use super::status::Status;
use super::sweep_args::{JudgeArgs, ListingArgs, MannersArgs, StoreArgs, Sweep};
use super::sweep_progress::SweepBar;
use super::terminal::Terminal;
use super::{interrupt, output, pattern_files, plan};
use crate::kube;
use crate::oci::Reference;
use crate::pipeline::Plan;
use crate::report::json;
use crate::rules::Severity;
use crate::source::locator::Locator;
use crate::source::registry::{ListingKind, ListingSettings, RequestLimits};
use crate::sweep::store::StorePlace;
use crate::sweep::{self, Ending, Selection, Stop, SweepPlan, Target};
use crate::text::Redacted;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest list of references, in bytes.
const LIST_LIMIT: u64 = 1 << 30;

/// How long a dead worker keeps its jobs from the others.
const LEASE: Duration = Duration::from_secs(60);

/// How often a layer is tried.
const TRIES: u32 = 3;

pub fn run(args: &Sweep, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let path = args.output.output.as_deref();
    output::check(path)?;
    let target = target(args)?;
    let listing = listing(&args.listing, &target)?;
    let registry_host = one_host(&target);
    if registry_host.is_none() && args.registry.is_for_one() {
        return Err(CliError::UsageWithHint {
            what: "the list names several registries: --username, --plain-http and \
                   --insecure-skip-verify are for one"
                .to_owned(),
            hint: "sweep them one by one, or log in with `docker login`".to_owned(),
        });
    }
    let source = SourceSettings::of_registry(&args.registry, &args.work)?;
    let inspect = inspect_plan(&source, &args.judge, &args.manners)?;
    let select = &args.select;
    let mut selection = Selection::new(&select.repository, &select.tag, &select.exclude)?;
    selection.choice = select.tags;
    selection.since = select.since;
    selection.platforms.clone_from(&select.platform);
    let plan = SweepPlan {
        target,
        listing,
        selection,
        store: store_place(&args.store)?,
        inspect,
        max_age: args.manners.max_age,
        budget: args.manners.budget,
        tries: TRIES,
        lease: LEASE,
        worker: worker_name(),
        dry_run: args.dry_run,
        plan_only: args.plan_only,
        registry_host,
    };
    let stop = Stop::default();
    interrupt::gently(&stop);
    let bar = SweepBar::start(terminal, global.quiet || args.dry_run);
    let swept = sweep::sweep(&plan, &stop, &bar)?;
    drop(bar);
    let store = sweep::store::Store::open(&plan.store, sweep::store::Use::Read)
        .map_err(sweep::SweepError::from)?;
    let summary = sweep::summary(&store, &swept)?;
    let text = match args.output.format {
        Format::Json => json::pretty(&summary)?,
        Format::Text => sweep::text::summary(&summary, paper(terminal, path.is_some())),
    };
    output::write(&text, path)?;
    Ok(status(&swept, summary.worst, args.fail_on.threshold()))
}

fn status(swept: &sweep::Swept, worst: Option<Severity>, threshold: Option<Severity>) -> Status {
    match swept.ending {
        Ending::Partial | Ending::Stopped => Status::NotLookedAt,
        Ending::Planned | Ending::Queued if swept.failed > 0 => Status::NotLookedAt,
        Ending::Planned | Ending::Queued => Status::Clean,
        Ending::Complete => match (worst, threshold) {
            (Some(worst), Some(threshold)) if worst >= threshold => Status::Findings,
            _ => Status::Clean,
        },
    }
}

/// What every image is read and judged by.
pub fn inspect_plan(
    source: &SourceSettings,
    judge: &JudgeArgs,
    manners: &MannersArgs,
) -> Result<Plan, CliError> {
    let source = SourceSettings { confidence: judge.confidence.into(), ..source.clone() };
    // The locator is not used: each image has its own.
    let plan = plan::plan_for(Locator::Daemon(String::new()), &source);
    let mut registry = plan.registry.clone();
    registry.manners =
        RequestLimits { concurrent: manners.concurrency.into(), per_second: manners.rate };
    let known_bases = match &judge.bases {
        None => Arc::default(),
        Some(path) => super::bases::read(path)?,
    };
    let patterns = pattern_files::load(&judge.patterns)?;
    Ok(Plan { registry, patterns, known_bases, advise: false, ..plan })
}

pub fn store_place(args: &StoreArgs) -> Result<StorePlace, CliError> {
    match args.store.as_deref().filter(|s| !s.is_empty()) {
        Some(place) => StorePlace::parse(place).map_err(|e| CliError::Usage(e.to_string())),
        None => {
            settings::default_store().map(StorePlace::File).ok_or_else(|| CliError::UsageWithHint {
                what: "there is no folder for the store".to_owned(),
                hint: "name a file with --store or CAREEN_STORE".to_owned(),
            })
        }
    }
}

/// Names this process among all that work on one store.
pub fn worker_name() -> String {
    let host = ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|p| std::fs::read_to_string(p).ok());
    let host = host.as_deref().map_or("host", str::trim).to_owned();
    let begun = jiff::Timestamp::now().as_nanosecond();
    format!("{host}/{}/{begun}", std::process::id())
}

fn listing(args: &ListingArgs, target: &Target) -> Result<ListingSettings, CliError> {
    let host = match target {
        Target::Registry { host, .. } => host.as_str(),
        Target::References { .. } => "",
    };
    let token = match &args.listing_token_file {
        None => None,
        Some(path) => Some(Redacted::new(read_list(path, true)?.trim().to_owned())),
    };
    let kind = args.listing.map_or_else(|| ListingKind::guess(host), Into::into);
    Ok(ListingSettings { kind, api: args.listing_api.clone(), token })
}

fn target(args: &Sweep) -> Result<Target, CliError> {
    let text = |path: &Path| read_list(path, args.registry.password_stdin);
    if let Some(path) = &args.from {
        let lines = text(path)?;
        let lines = lines.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let references: Vec<String> = lines.map(str::to_owned).collect();
        let has_login = |r: &String| {
            r.split('/')
                .next()
                .is_some_and(|h| h.contains('@') && r.contains('/') && !h.contains("@sha"))
        };
        if let Some(line) = references.iter().position(has_login) {
            return Err(CliError::UsageWithHint {
                what: format!("--from {}: reference {} holds a user", path.display(), line + 1),
                hint: "references have no user and no password: `docker login`".to_owned(),
            });
        }
        return Ok(Target::References { name: format!("list {}", path.display()), references });
    }
    if let Some(path) = &args.from_kubernetes {
        let images = kube::images_of_pods(&text(path)?).map_err(|e| CliError::UsageWithHint {
            what: format!("--from-kubernetes {}: {e}", path.display()),
            hint: "`kubectl get pods -A -o json` writes what is expected".to_owned(),
        })?;
        return Ok(Target::References {
            name: format!("pods {}", path.display()),
            references: images,
        });
    }
    let given = args.target.as_deref().unwrap_or_default();
    let bare = given.strip_prefix("docker://").unwrap_or(given);
    let bare = bare.strip_prefix("https://").unwrap_or(bare).trim_end_matches('/');
    let (host, prefix) = bare.split_once('/').unwrap_or((bare, ""));
    if host.contains('@') {
        // Its words are not repeated: they may hold a password.
        return Err(CliError::UsageWithHint {
            what: "a registry's address holds no user and no password".to_owned(),
            hint: "give `--username` and `--password-stdin`, or `docker login`".to_owned(),
        });
    }
    let is_host = host.contains(['.', ':']) || host == "localhost";
    if host.is_empty() || !is_host {
        return Err(CliError::UsageWithHint {
            what: format!("`{given}` does not begin with a registry's host"),
            hint: format!("write it out, such as docker.io/{given}"),
        });
    }
    Ok(Target::Registry { host: host.to_owned(), prefix: prefix.to_lowercase() })
}

/// The registry of a target that has only one.
fn one_host(target: &Target) -> Option<String> {
    let registry = |text: &str| {
        let bare = text.strip_suffix(":*").unwrap_or(text);
        bare.parse::<Reference>().ok().map(|r| r.registry().to_owned())
    };
    match target {
        Target::Registry { host, .. } => registry(&format!("{host}/x")),
        Target::References { references, .. } => {
            let hosts: BTreeSet<String> = references.iter().filter_map(|r| registry(r)).collect();
            let mut hosts = hosts.into_iter();
            hosts.next().filter(|_| hosts.next().is_none())
        }
    }
}

fn read_list(path: &Path, stdin_taken: bool) -> Result<String, CliError> {
    let mut text = String::new();
    if path == Path::new("-") {
        if stdin_taken {
            return Err(CliError::Usage("standard input can be read only once".to_owned()));
        }
        let stdin = std::io::stdin().lock();
        stdin.take(LIST_LIMIT).read_to_string(&mut text).map_err(CliError::Stdin)?;
        return Ok(text);
    }
    let failed = |source| CliError::Input { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(LIST_LIMIT).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

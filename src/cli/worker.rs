//! `careen worker`.

use super::args::Global;
use super::error::CliError;
use super::interrupt;
use super::settings::SourceSettings;
use super::status::Status;
use super::sweep::{inspect_plan, store_place, worker_name};
use super::sweep_args::Worker;
use super::sweep_progress::SweepBar;
use super::terminal::Terminal;
use crate::source::registry::{ListingKind, ListingSettings};
use crate::sweep::store::StorePlace;
use crate::sweep::{self, Selection, Stop, SweepPlan, Target, Until};

pub fn run(args: &Worker, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    let store = store_place(&args.store)?;
    if matches!(store, StorePlace::File(_)) {
        return Err(CliError::UsageWithHint {
            what: "workers share a PostgreSQL store, not a file".to_owned(),
            hint: "use `--store postgres://…`; on one machine `careen sweep` does all the work"
                .to_owned(),
        });
    }
    if args.registry_host.is_none() && args.registry.is_for_one() {
        return Err(CliError::UsageWithHint {
            what: "a worker may be led to any registry of the store".to_owned(),
            hint: "say with --registry-host which one these flags are for".to_owned(),
        });
    }
    let source = SourceSettings::of_registry(&args.registry, &args.work)?;
    let plan = SweepPlan {
        target: Target::References { name: String::new(), references: Vec::new() },
        listing: ListingSettings { kind: ListingKind::Catalog, api: None, token: None },
        selection: Selection::new(&[], &[], &[])?,
        store,
        inspect: inspect_plan(&source, &args.judge, &args.manners)?,
        max_age: None,
        budget: args.manners.budget,
        tries: 3,
        lease: args.lease,
        worker: worker_name(),
        dry_run: false,
        plan_only: false,
        registry_host: args.registry_host.clone(),
    };
    let stop = Stop::default();
    interrupt::gently(&stop);
    let bar = SweepBar::start(terminal, global.quiet);
    sweep::work(&plan, &stop, &bar, args.idle.map_or(Until::Stopped, Until::Idle))?;
    Ok(Status::Clean)
}

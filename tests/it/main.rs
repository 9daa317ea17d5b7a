//! The one integration binary.

#[path = "../support/mod.rs"]
mod support;

mod accepting;
mod advise;
mod advise_bad;
mod advise_build;
mod architecture;
mod archives;
mod bad_input;
mod bases;
mod cache;
mod cat;
mod check;
mod check_thrift;
mod cli_basics;
mod documents;
mod explore;
mod formats;
mod forms;
mod hostile_text;
mod hostile_words;
mod html;
mod listing;
mod local_sources;
mod masks;
mod overlay;
mod packages;
mod patterns;
mod pipelines;
mod registry;
mod registry_answers;
mod registry_faults;
mod registry_lists;
mod registry_reach;
mod registry_slow;
mod report_sample;
mod report_schema;
mod report_text;
mod secret_places;
mod secrets;
mod sweep;
mod sweep_answers;
mod sweep_hostile;
mod walk_properties;
mod walk_umoci;

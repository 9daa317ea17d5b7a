//! The HTML page of an image, made by the library.

use careen::pipeline::{Inspection, Plan, Silent, inspect};
use careen::report::html::render;
use careen::source::PlatformChoice;
use careen::source::locator::Locator;

/// Everything there is to say of all platforms of an image, with its tree.
pub fn inspection(reference: &str) -> Inspection {
    let locator = Locator::parse(reference).expect("a reference");
    let platform = PlatformChoice::All;
    let plan = Plan { platform, all_advice: true, file_tree: true, ..Plan::new(locator) };
    inspect(&plan, &Silent).expect("an image")
}

pub fn page_of(reference: &str) -> String {
    let seen = inspection(reference);
    render(&seen.reports, &seen.trees).expect("a page")
}

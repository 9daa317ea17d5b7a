//! Arguments of `careen explore`.

use super::args::{REFERENCE, SourceArgs};
use clap::Args;

#[derive(Args)]
#[command(after_help = "\
Examples:
  careen explore debian:12
  careen explore ./image.tar
  NO_COLOR=1 careen explore shop:1.4")]
pub struct Explore {
    /// The image
    #[arg(value_name = "REF", long_help = REFERENCE)]
    pub reference: String,
    /// Show secrets in clear
    #[arg(long)]
    pub reveal: bool,
    #[command(flatten)]
    pub source: SourceArgs,
}

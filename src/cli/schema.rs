//! `careen schema`.

use super::error::CliError;
use super::output;
use super::status::Status;
use crate::report::{json, schema};

pub fn run() -> Result<Status, CliError> {
    output::write(&json::pretty(&schema::schema())?, None)?;
    Ok(Status::Clean)
}

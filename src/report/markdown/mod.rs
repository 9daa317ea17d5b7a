//! Markdown for a comment on a pull request: short, the verdict first, the rest to unfold.
//!
//! All that comes from an image is escaped, secrets stand here masked only, and the whole stays under
//! the length that GitHub takes.

mod escape;
mod growth;
mod room;
mod sections;

pub(super) use escape::{literal, prose};

use super::error::FormatError;
use super::made::Made;
use super::model::Report;
use room::Room;

/// GitHub takes 65,536 characters; counted in bytes there are never more of them.
const LIMIT: usize = 65_536;

/// The reports of all platforms as one text.
pub fn render(reports: &[Report], made: &Made) -> Result<String, FormatError> {
    let footer = format!("<sub>careen {}, {}</sub>\n", env!("CARGO_PKG_VERSION"), made.utc());
    let more = |n: usize| format!("{n} more images are left out for length.\n\n");
    let mut room = LIMIT - footer.len() - more(reports.len()).len();
    let mut heads = Vec::new();
    for report in reports {
        let head = sections::head(report);
        let needed = head.len() + room::RESERVE;
        if needed > room {
            break;
        }
        room -= needed;
        heads.push(head);
    }
    let mut out = String::new();
    for (n, (report, head)) in reports.iter().zip(&heads).enumerate() {
        // An equal share of what is left; what one does not need is for those behind it.
        let body = body(report, room::RESERVE + room / (heads.len() - n));
        room -= body.len().saturating_sub(room::RESERVE);
        out.push_str(head);
        out.push_str(&body);
    }
    if heads.len() < reports.len() {
        out.push_str(&more(reports.len() - heads.len()));
    }
    out.push_str(&footer);
    Ok(out)
}

/// All but the head, in at most `bytes`.
fn body(report: &Report, bytes: usize) -> String {
    let mut room = Room::new(bytes);
    growth::write(&mut room, report);
    sections::worst(&mut room, report);
    sections::first_steps(&mut room, report);
    sections::findings(&mut room, report);
    sections::not_looked_at(&mut room, report);
    sections::dockerfile(&mut room, report);
    sections::layers(&mut room, report);
    sections::waste(&mut room, report);
    room.finish()
}

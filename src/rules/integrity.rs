//! The image's own bytes are odd.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity};
use crate::image::{Node, Refusal};
use crate::index::Oddity;
use crate::text::Bytes;

pub const DIFF_ID: Rule = Rule {
    id: "integrity/diff-id",
    title: "a layer is not what the config says",
    severity: Severity::High,
    category: Category::Integrity,
    doc: "## What it does\n\
        Compares the hash of each layer's uncompressed tar with the diff id that the config declares.\n\n\
        ## Why it matters\n\
        A container runtime refuses such an image, and a scanner that trusts the declared hash can be \
        shown another layer's results.\n\n\
        ## What to do\n\
        Build and push the image again; if it comes from somebody else, do not use it.\n",
    check: diff_id,
};

fn diff_id(cx: &RuleContext, out: &mut Vec<Finding>) {
    for (number, layer) in cx.facts.image.layers.iter().enumerate() {
        if let (Some(index), Some(declared)) = (cx.facts.view.index(number), layer.declared_diff_id)
            && index.diff_id != declared
        {
            let message = format!(
                "layer {number} hashes to {} but the config declares {declared}",
                index.diff_id
            );
            out.push(Finding {
                layer: Some(number),
                advice: Some("Build and push the image again.".to_owned()),
                ..DIFF_ID.about(&index.diff_id.to_string(), Severity::High, message)
            });
        }
    }
}

pub const TRAILING_DATA: Rule = Rule {
    id: "integrity/trailing-data",
    title: "bytes behind the end of a layer",
    severity: Severity::Medium,
    category: Category::Integrity,
    doc: "## What it does\n\
        Looks for bytes other than zero behind the end mark of a layer's tar.\n\n\
        ## Why it matters\n\
        They are downloaded with the image and nobody unpacks them: a place to hide something, or the \
        sign of a broken builder.\n\n\
        ## What to do\n\
        Build the image again; if the bytes come back, look at the builder.\n",
    check: trailing_data,
};

fn trailing_data(cx: &RuleContext, out: &mut Vec<Finding>) {
    for number in 0..cx.facts.view.layer_count() {
        let Some(index) = cx.facts.view.index(number) else {
            continue;
        };
        // Other bytes make another tar, and are another finding.
        let tar = index.diff_id.to_string();
        for oddity in &index.oddities {
            if let Oddity::TrailingData { bytes } = oddity {
                let message = format!("layer {number} has {} behind its end", Bytes(*bytes));
                out.push(Finding {
                    layer: Some(number),
                    advice: Some("Build the image again.".to_owned()),
                    ..TRAILING_DATA.about(&tar, Severity::Medium, message)
                });
            }
        }
    }
}

pub const ESCAPING_PATH: Rule = Rule {
    id: "integrity/escaping-path",
    title: "a name that climbs out of the root",
    severity: Severity::High,
    category: Category::Integrity,
    doc: "## What it does\n\
        Looks for names in a layer whose `..` leads out of the image's root.\n\n\
        ## Why it matters\n\
        No builder writes them. A careless program that unpacks the layer writes outside of its \
        directory.\n\n\
        ## What to do\n\
        Do not use the image before you know where the name comes from.\n",
    check: escaping_path,
};

pub const UNKNOWN_TYPE: Rule = Rule {
    id: "integrity/unknown-type",
    title: "an entry of a type that no runtime unpacks",
    severity: Severity::Medium,
    category: Category::Integrity,
    doc: "## What it does\n\
        Looks for entries in a layer whose type is none that container runtimes know. careen looks at \
        their bytes as at those of a file.\n\n\
        ## Why it matters\n\
        Runtimes refuse such a layer, and other readers pass over the bytes.\n\n\
        ## What to do\n\
        Build the image again with a builder that is kept up, and ask where the entry came from.\n",
    check: unknown_type,
};

pub const REFUSED: Rule = Rule {
    id: "integrity/refused-entry",
    title: "an entry that makes runtimes refuse its layer",
    severity: Severity::Medium,
    category: Category::Integrity,
    doc: "## What it does\n\
        Looks for entries that cannot be unpacked into the folder of their layer: below a file or a deleted \
        name, below a link that leads to nothing in the layer, a hard link to what the layer does not have, \
        a whiteout of what it has, a root that is no directory, a name that stands twice. careen shows what \
        such an entry would do, and of two of one name the last.\n\n\
        ## Why it matters\n\
        Docker and Podman refuse the whole layer, so the image does not run there; unpackers that work \
        otherwise show other files, and nobody can say what the image holds. Of two of one name containerd \
        takes the last, and so does Docker where containerd keeps its images.\n\n\
        ## What to do\n\
        Build the image again with a builder that is kept up, and ask where the entry came from.\n",
    check: refused,
};

fn refused(cx: &RuleContext, out: &mut Vec<Finding>) {
    for (node, why, count) in cx.facts.view.refused() {
        let path = cx.facts.view.entry(node).path();
        let what = match why {
            Refusal::Root => "would make the root something else than a directory",
            Refusal::Parent => "stands below a file or below a name that the layer deletes",
            Refusal::Link => "stands below a link that leads to nothing in the layer",
            Refusal::HardLink => "is a hard link to what is no file of the layer",
            Refusal::Whiteout => "deletes what the layer itself has, or nothing",
        };
        let more = match count {
            1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        let message = format!(
            "{path} in layer {} {what}{more}: Docker and Podman refuse the layer",
            node.layer
        );
        out.push(Finding {
            path: Some(path.clone()),
            layer: Some(node.layer),
            state: cx.state(node),
            advice: Some("Build the image again with a builder that is kept up.".to_owned()),
            ..REFUSED.about(&format!("{why:?} {}", path.to_text()), Severity::Medium, message)
        });
    }
    for layer in 0..cx.facts.view.layer_count() {
        twice(cx, layer, out);
    }
}

fn twice(cx: &RuleContext, layer: usize, out: &mut Vec<Finding>) {
    let Some(index) = cx.facts.view.index(layer) else { return };
    let mut entries = index.oddities.iter().filter_map(|o| match o {
        Oddity::DuplicateEntry { entry } => Some(*entry),
        _ => None,
    });
    let Some(entry) = entries.next() else { return };
    let node = Node { layer, entry };
    let path = cx.facts.view.entry(node).path();
    let more = match entries.count() {
        0 => String::new(),
        n => format!(" (and {n} more)"),
    };
    let message = format!(
        "{path} in layer {layer} stands there a second time{more}: Podman refuses the layer, and so does Docker \
         where containerd does not keep its images"
    );
    out.push(Finding {
        path: Some(path.clone()),
        layer: Some(layer),
        state: cx.state(node),
        advice: Some("Build the image again with a builder that is kept up.".to_owned()),
        ..REFUSED.about(&format!("Twice {}", path.to_text()), Severity::Medium, message)
    });
}

fn escaping_path(cx: &RuleContext, out: &mut Vec<Finding>) {
    let escaping = |o: &Oddity| match o {
        Oddity::EscapingPath { entry } => Some(*entry),
        _ => None,
    };
    odd_entries(
        cx,
        &ESCAPING_PATH,
        escaping,
        ["climbs out of the root", "climb out of the root"],
        out,
    );
}

fn unknown_type(cx: &RuleContext, out: &mut Vec<Finding>) {
    let unknown = |o: &Oddity| match o {
        Oddity::UnknownType { entry } => Some(*entry),
        _ => None,
    };
    odd_entries(cx, &UNKNOWN_TYPE, unknown, ["has an unknown type", "have an unknown type"], out);
}

pub const TOO_LONG_PATH: Rule = Rule {
    id: "integrity/too-long-path",
    title: "a path that is too long to be unpacked",
    severity: Severity::Medium,
    category: Category::Integrity,
    doc: "## What it does\n\
        Looks for entries in a layer whose path, or the path that they link to, is longer than 4,095 bytes, or \
        has a name of more than 255. careen looks at the bytes of such a file, and calls it by the beginning \
        and the end of its path. Images of Windows, where names may be longer, are left out.\n\n\
        ## Why it matters\n\
        Linux makes no such file: no runtime unpacks the layer, and programs that read it may fail.\n\n\
        ## What to do\n\
        Build the image again with shorter names, and ask where the entry came from.\n",
    check: too_long_path,
};

fn too_long_path(cx: &RuleContext, out: &mut Vec<Finding>) {
    if cx.facts.image.found.config.os == "windows" {
        return;
    }
    let long = |o: &Oddity| match o {
        Oddity::TooLongPath { entry } => Some(*entry),
        _ => None,
    };
    let words = ["is too long to be unpacked", "are too long to be unpacked"];
    odd_entries(cx, &TOO_LONG_PATH, long, words, out);
}

/// One finding a layer, at the first of its odd entries. `words`: for one, and for several.
fn odd_entries(
    cx: &RuleContext,
    rule: &Rule,
    odd: impl Fn(&Oddity) -> Option<u32>,
    words: [&str; 2],
    out: &mut Vec<Finding>,
) {
    for layer in 0..cx.facts.view.layer_count() {
        let Some(index) = cx.facts.view.index(layer) else {
            continue;
        };
        let mut entries = index.oddities.iter().filter_map(&odd);
        let Some(entry) = entries.next() else {
            continue;
        };
        let node = Node { layer, entry };
        if index.entries.get(entry).is_none() {
            continue;
        }
        let message = match entries.count() {
            0 => format!("a name in layer {layer} {}", words[0]),
            more => format!("{} names in layer {layer} {}", more + 1, words[1]),
        };
        out.push(Finding {
            state: cx.state(node),
            advice: Some("Find out who built the image.".to_owned()),
            ..rule.at(cx, node, rule.severity, message)
        });
    }
}

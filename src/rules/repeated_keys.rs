//! A document of the image that says one thing to some readers and another to others.

use super::rule::{Rule, RuleContext};
use super::{Category, Finding, Severity};
use std::collections::BTreeMap;

pub const RULE: Rule = Rule {
    id: "integrity/repeated-keys",
    title: "a document that readers take differently",
    severity: Severity::High,
    category: Category::Integrity,
    doc: "## What it does\n\
        Looks for fields that stand more than once in the configuration, the manifest, the index or the \
        `manifest.json` of an archive, the same way or in another case: `\"layers\"` and then `\"Layers\"`. \
        careen reads the last one, as container runtimes do. Fields that no runtime knows do not matter.\n\n\
        ## Why it matters\n\
        Docker, containerd and Podman match keys in any case and take the last one; programs in other languages \
        take the one whose case is exact, or the first one. A scanner or a policy then judges other layers, \
        another user or another environment than the ones that run. No builder writes such a document.\n\n\
        ## What to do\n\
        Build and push the image again; if it comes from somebody else, do not use it before you know why.\n",
    check,
};

/// Of these fields of one document the message names so many.
const MOST_NAMED: usize = 5;

fn check(cx: &RuleContext, out: &mut Vec<Finding>) {
    let mut documents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for repeated in &cx.facts.image.found.repeated {
        let fields = documents.entry(&repeated.document).or_default();
        for field in &repeated.fields {
            if !fields.contains(&field.as_str()) {
                fields.push(field);
            }
        }
    }
    for (document, fields) in documents {
        let mut names: Vec<String> =
            fields.iter().take(MOST_NAMED).map(|field| format!("`{field}`")).collect();
        if fields.len() > MOST_NAMED {
            names.push(format!("and {} others", fields.len() - MOST_NAMED));
        }
        let message = format!(
            "{document} holds {} more than once: container runtimes take the last one, other readers another",
            names.join(", ")
        );
        out.push(Finding {
            advice: Some("Build and push the image again.".to_owned()),
            ..RULE.about(document, Severity::High, message)
        });
    }
}

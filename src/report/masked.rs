//! The last look at a finished report before anyone gets it: a secret may stand where none belongs, in the
//! name of a variable, a file, a package or a user.
//!
//! Build steps, commands and the values of variables were masked with what stands around them already.
//! Other texts are few and are tried against all that is known of this image's secrets; paths and packages may be
//! hundreds of thousands, and only the patterns know them. Digests, fingerprints, rule ids and words of
//! careen's own stay, and so does what `--reveal` asked for.

use super::bounds;
use super::growth::Growth;
use super::model::{
    AdviceReport, EnvVar, ExpiredAcceptance, FindingReport, ImageIdentity, PackageReport,
    PlaceReport, Report,
};
use super::tree::FileTree;
use crate::analyze::secrets::Masker;

/// Why there is no command to get the file back.
const NO_WAY_BACK: &str = " (its path holds a secret and is masked: `careen files` has it)";

/// Masks what is left in a report, and then cuts what is too long.
pub fn report(report: &mut Report, masker: &Masker) {
    let labels = std::mem::take(&mut report.image.labels);
    let mut labels: Vec<(String, String)> = labels.into_iter().collect();
    let mut few = Vec::new();
    few.extend(labels.iter_mut().map(|(k, _)| k));
    identity(&mut report.image, &mut few);
    few.extend(report.base.iter_mut().flat_map(|b| &mut b.name));
    few.extend(report.layers.iter_mut().flat_map(|l| &mut l.created));
    few.into_iter().for_each(|text| sure(text, masker));
    let mut said: Vec<&mut String> = report.expired.iter_mut().flat_map(expired).collect();
    said.extend(report.not_looked_at.iter_mut().flat_map(|n| [&mut n.what, &mut n.why]));
    report.advice.iter_mut().for_each(|a| advice(a, &mut said));
    said.into_iter().for_each(|text| sentence(text, masker));
    report.image.labels = labels.into_iter().collect();

    for f in report.findings.iter_mut().chain(&mut report.known) {
        finding(f, masker);
    }
    for a in &mut report.accepted {
        finding(&mut a.finding, masker);
        sentence(&mut a.accepted_by, masker);
        a.reason.iter_mut().for_each(|text| sentence(text, masker));
    }

    let mut many: Vec<&mut String> = Vec::new();
    many.extend(report.waste.paths.iter_mut().map(|w| &mut w.path));
    many.extend(report.packages.iter_mut().flat_map(package));
    for u in &mut report.unneeded {
        many.extend(&mut u.paths);
        many.extend(&mut u.owner);
    }
    many.extend(report.duplicates.iter_mut().flat_map(|d| &mut d.paths));
    masker.mask_names(&mut many);
    bounds::report(report);
}

/// Masks what the files of a growth are called. The rest of it comes from reports.
pub fn growth(growth: &mut Growth, masker: &Masker) {
    let mut names: Vec<&mut String> = growth.files.iter_mut().map(|f| &mut f.path).collect();
    // The baseline may have been written before this was masked.
    names.extend(growth.steps.iter_mut().flat_map(|s| &mut s.instruction));
    for p in &mut growth.packages {
        names.push(&mut p.name);
        names.extend(p.before.iter_mut().chain(&mut p.after));
    }
    masker.mask_names(&mut names);
}

/// Masks the names of files and packages.
pub fn tree(tree: &mut FileTree, masker: &Masker) {
    let mut names: Vec<&mut String> = tree.nodes.iter_mut().map(|n| &mut n.name).collect();
    names.extend(&mut tree.packages);
    masker.mask_names(&mut names);
}

fn sentence(text: &mut String, masker: &Masker) {
    *text = masker.mask_sentence(text);
}

fn sure(text: &mut String, masker: &Masker) {
    *text = masker.mask_sure(text);
}

/// All but the reference, which the user gave, and the digest.
fn identity<'a>(image: &'a mut ImageIdentity, out: &mut Vec<&'a mut String>) {
    let ImageIdentity {
        reference: _,
        digest: _,
        platform,
        created,
        os_release,
        os_id,
        os_version,
        user,
        command: _,
        working_dir,
        env,
        labels: _,
        exposed_ports,
        volumes,
        healthcheck: _,
    } = image;
    out.extend([platform, user, working_dir]);
    out.extend([created, os_release, os_id, os_version].into_iter().flatten());
    out.extend(env.iter_mut().map(|EnvVar { name, .. }| name));
    out.extend(exposed_ports.iter_mut().chain(volumes));
}

fn expired(e: &mut ExpiredAcceptance) -> impl Iterator<Item = &mut String> {
    std::iter::once(&mut e.accepted_by).chain(&mut e.reason)
}

fn package(p: &mut PackageReport) -> impl Iterator<Item = &mut String> {
    let PackageReport {
        name,
        version,
        kind: _,
        architecture,
        source,
        bytes: _,
        layer: _,
        path,
        namespace,
        inside,
        state: _,
    } = p;
    let optional = [architecture, source, namespace, inside].into_iter().flatten();
    [name, version, path].into_iter().chain(optional)
}

fn advice<'a>(advice: &'a mut AdviceReport, out: &mut Vec<&'a mut String>) {
    let AdviceReport {
        id: _,
        kind: _,
        title,
        possible: _,
        because,
        confidence: _,
        basis,
        changes,
        blockers,
        risks,
        removes: _,
        fixes: _,
        dockerfile,
        patch,
        no_patch: _,
        ignore,
        estimate: _,
    } = advice;
    out.extend([title, because, basis]);
    out.extend(changes.iter_mut().chain(blockers).chain(risks).chain(ignore));
    out.extend(dockerfile.iter_mut().chain(patch));
}

fn finding(f: &mut FindingReport, masker: &Masker) {
    let FindingReport { path, inside, message, advice, recover, package, members, also, .. } = f;
    place(path, recover, message, masker);
    advice.iter_mut().for_each(|text| sentence(text, masker));
    let texts = [inside, package].into_iter().flatten().chain(members);
    texts.for_each(|text| sure(text, masker));
    for PlaceReport { path, inside, message, recover, .. } in also {
        place(path, recover, message, masker);
        inside.iter_mut().for_each(|text| sure(text, masker));
    }
}

/// A masked path leads nowhere, so that no command is given with it.
fn place(
    path: &mut Option<String>,
    recover: &mut Option<String>,
    message: &mut String,
    masker: &Masker,
) {
    let clear = path.clone().unwrap_or_default();
    path.iter_mut().for_each(|text| sure(text, masker));
    if let Some(masked) = path.as_ref().filter(|p| **p != clear) {
        // As its own text the path may be known for what it is, and in the sentence not.
        *message = message.replace(&clear, masked);
        if recover.take().is_some() {
            message.push_str(NO_WAY_BACK);
        }
    }
    sentence(message, masker);
}

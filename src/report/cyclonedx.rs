//! CycloneDX 1.6 as JSON: what the image is made of, each package with the layer that brought it.
//!
//! A bill of the packages, not of the findings. How complete it is it says itself: `incomplete` where a
//! part of the image could not be read.

use super::error::FormatError;
use super::json;
use super::made::{self, Made};
use super::model::{LayerReport, PackageReport, Report, Section};
use super::purl;
use super::shown::{begun, shown};
use super::text::words;
use crate::analyze::PackageKind;
use serde_cyclonedx::cyclonedx::v_1_6::{
    AggregateType, Component, ComponentBuilder, Compositions, CycloneDx, Metadata, MetadataTools,
    MetadataToolsVariant0, Property,
};
use serde_json::json;
use std::collections::HashMap;

/// Characters of a name, and of a sentence.
const NAME: usize = 255;
const SENTENCE: usize = 1000;

/// One report as one bill of materials.
pub fn render(report: &Report, made: &Made) -> Result<String, FormatError> {
    let image = image(report)?;
    let mut components = Vec::with_capacity(report.packages.len() + 1);
    components.extend(system(report)?);
    let mut seen = HashMap::new();
    for package in &report.packages {
        components.push(component(report, package, &mut seen)?);
    }
    let composition = Compositions {
        aggregate: if is_partial(report) {
            AggregateType::Incomplete
        } else {
            AggregateType::Unknown
        },
        assemblies: image.bom_ref.as_ref().map(|r| vec![json!(r)]),
        bom_ref: None,
        dependencies: None,
        signature: None,
        vulnerabilities: None,
    };
    let bill = CycloneDx {
        schema: Some("http://cyclonedx.org/schema/bom-1.6.schema.json".to_owned()),
        bom_format: "CycloneDX".to_owned(),
        spec_version: "1.6".to_owned(),
        serial_number: Some(made.document(report, "cyclonedx").urn().to_string()),
        version: Some(1),
        metadata: Some(metadata(report, made, image)?),
        components: Some(components),
        compositions: Some(vec![composition]),
        annotations: None,
        declarations: None,
        definitions: None,
        dependencies: None,
        external_references: None,
        formulation: None,
        properties: None,
        services: None,
        signature: None,
        vulnerabilities: None,
    };
    Ok(json::pretty(&bill)?)
}

/// Packages that are there may be missing: some of the image could not be looked at, or the packages were left
/// out as asked.
pub(super) fn is_partial(report: &Report) -> bool {
    let hides = report.not_looked_at.iter().any(|gap| gap.failed || gap.hides_packages);
    hides || !report.has(Section::Packages)
}

fn metadata(report: &Report, made: &Made, image: Component) -> Result<Metadata, FormatError> {
    let tool = ComponentBuilder::default()
        .type_("application")
        .name("careen")
        .version(env!("CARGO_PKG_VERSION"))
        .build()?;
    let tools = MetadataToolsVariant0 { components: Some(vec![tool]), services: None };
    let gaps = report.not_looked_at.iter().map(|gap| {
        let text = format!("{}: {}", gap.what, gap.why);
        property("careen:not-looked-at", begun(&text, SENTENCE))
    });
    let mut properties: Vec<Property> = gaps.collect();
    if !report.has(Section::Packages) {
        properties.push(property("careen:not-looked-at", "packages: left out as asked".to_owned()));
    }
    Ok(Metadata {
        timestamp: Some(made.utc()),
        tools: Some(MetadataTools::Variant0(tools)),
        component: Some(image),
        properties: Some(properties).filter(|p| !p.is_empty()),
        ..Metadata::default()
    })
}

/// The image itself: what the bill is of.
fn image(report: &Report) -> Result<Component, FormatError> {
    let image = &report.image;
    let digest = image.digest.as_deref().unwrap_or_default();
    let reference = made::id(&["image", &image.reference, digest, &image.platform]);
    let mut properties = vec![property("careen:platform", shown(&image.platform, NAME))];
    for layer in &report.layers {
        properties.extend(layer_properties(layer));
    }
    let mut component = ComponentBuilder::default()
        .type_("container")
        .bom_ref(reference.to_string())
        .name(shown(&image.reference, SENTENCE))
        .properties(properties)
        .build()?;
    component.version = image.digest.clone();
    component.purl = purl::of_image(image);
    Ok(component)
}

fn layer_properties(layer: &LayerReport) -> impl Iterator<Item = Property> + use<'_> {
    let digest = layer.digest.as_ref().or(layer.diff_id.as_ref());
    digest
        .map(|d| property(&format!("careen:layer:{}:digest", layer.number), d.clone()))
        .into_iter()
}

/// The distribution, by which scanners find the advisories for its packages.
fn system(report: &Report) -> Result<Option<Component>, FormatError> {
    let image = &report.image;
    let Some(id) = &image.os_id else { return Ok(None) };
    let version = image.os_version.as_deref().unwrap_or_default();
    let mut component = ComponentBuilder::default()
        .type_("operating-system")
        .bom_ref(made::id(&["system", id, version]).to_string())
        .name(shown(id, NAME))
        .build()?;
    component.version = image.os_version.as_deref().map(|v| shown(v, NAME));
    component.description = image.os_release.as_deref().map(|r| shown(r, NAME));
    Ok(Some(component))
}

fn component(
    report: &Report,
    package: &PackageReport,
    seen: &mut HashMap<String, usize>,
) -> Result<Component, FormatError> {
    let mut properties = vec![
        property("careen:kind", words::package(package.kind).to_owned()),
        property("careen:path", shown(&words::path(&package.path), SENTENCE)),
    ];
    if let Some(inside) = &package.inside {
        properties.push(property("careen:inside", shown(inside, SENTENCE)));
    }
    if let Some(state) = package.state {
        properties.push(property("careen:state", state.word().to_owned()));
    }
    if let Some(number) = package.layer {
        properties.push(property("careen:layer:number", number.to_string()));
        properties.extend(
            layer_digest(report, number).map(|d| property("careen:layer:digest", d.to_owned())),
        );
    }
    properties.extend(package.bytes.map(|n| property("careen:bytes", n.to_string())));
    let mut component = ComponentBuilder::default()
        .type_("library")
        .bom_ref(package_id(package, seen))
        .name(shown(&package.name, NAME))
        .properties(properties)
        .build()?;
    component.version = Some(&package.version).filter(|v| !v.is_empty()).map(|v| shown(v, NAME));
    component.purl = purl::of_package(package, &report.image);
    if package.kind == PackageKind::Java {
        component.group = package.namespace.as_deref().map(|group| shown(group, NAME));
    }
    Ok(component)
}

/// Of the blob, or of its content where an archive has no blobs.
pub(super) fn layer_digest(report: &Report, number: usize) -> Option<&str> {
    let layer = report.layers.iter().find(|l| l.number == number)?;
    layer.digest.as_deref().or(layer.diff_id.as_deref())
}

/// An id of this package, unique in a document whose ids are all made with the same `seen`.
pub(super) fn package_id(package: &PackageReport, seen: &mut HashMap<String, usize>) -> String {
    let kind = words::package(package.kind);
    let arch = package.architecture.as_deref().unwrap_or_default();
    let inside = package.inside.as_deref().unwrap_or_default();
    let namespace = package.namespace.as_deref().unwrap_or_default();
    let mut words = vec![kind, &package.name, &package.version, arch, &package.path];
    // Only where there are any, so that the ids of all others stay what they are.
    words.extend([namespace, inside].into_iter().filter(|w| !w.is_empty()));
    let id = made::id(&words).to_string();
    let nth = seen.entry(id.clone()).or_default();
    *nth += 1;
    if *nth == 1 { id } else { made::id(&[&id, &nth.to_string()]).to_string() }
}

fn property(name: &str, value: String) -> Property {
    Property { name: name.to_owned(), value: Some(value) }
}

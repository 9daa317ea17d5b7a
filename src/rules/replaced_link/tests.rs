//! Links that a layer replaces, and layers that no runtime unpacks.

use crate::image::ReadImage;
use crate::image::testing::*;
use crate::layer::{Entry, LayerPath};
use crate::oci::ImageConfig;
use crate::rules::Severity;
use crate::rules::tests::{findings, image, of};

fn stack(layers: Vec<Vec<Entry>>) -> ReadImage {
    image("/x", ImageConfig::default(), layers.into_iter().map(layer).collect())
}

fn merged_usr() -> Vec<Entry> {
    vec![
        dir("usr/lib/x"),
        symlink("lib", "usr/lib"),
        sized("usr/lib/x/libc.so.6", 2000),
        sized("usr/lib/data", 10),
        sized("usr/bin/app", 700),
    ]
}

#[test]
fn a_layer_that_replaces_a_link_says_what_is_lost() {
    let id = "build/replaced-link";
    let replaced = stack(vec![merged_usr(), vec![sized("lib/x/libnv.so.1", 300)]]);
    assert_eq!(
        of(id, &replaced),
        [(
            Severity::High,
            "layer 1 replaces the link /lib to /usr/lib by a folder: 2 files are no longer there, as \
             /lib/x/libc.so.6, /lib/data; programs that need /lib/x/libc.so.6 no longer start"
                .to_owned()
        )]
    );
    let found = findings(&replaced).into_iter().find(|f| f.rule == id).unwrap();
    assert_eq!((found.layer, found.path.unwrap()), (Some(1), LayerPath::from("lib")));
    assert!(found.advice.unwrap().contains("`COPY … /usr/lib/`"));

    // A whiteout replaces it too; the file itself stays where the link led.
    let deleted = stack(vec![merged_usr(), vec![file("lib/.wh.data", b"")]]);
    assert_eq!(of(id, &deleted).len(), 1);
    let data =
        |upper: Vec<Entry>| stack(vec![vec![symlink("var/run", "/run"), sized("run/a", 1)], upper]);
    assert_eq!(of(id, &data(vec![dir("var/run")]))[0].0, Severity::Low);

    for fine in [
        // Where the link leads; the link again; a link elsewhere; the same files at both.
        vec![sized("usr/lib/x/libnv.so.1", 300)],
        vec![dir("usr/lib"), symlink("lib", "usr/lib"), sized("lib/y", 1)],
        vec![symlink("lib", "usr/share")],
        vec![sized("lib/x/libc.so.6", 2000), sized("lib/data", 10)],
        vec![file(".wh.lib", b"")],
    ] {
        assert_eq!(of(id, &stack(vec![merged_usr(), fine])), []);
    }
    // A later layer puts the link back.
    let mended = [merged_usr(), vec![sized("lib/y", 1)], vec![symlink("lib", "usr/lib")]];
    assert_eq!(of(id, &stack(mended.to_vec())), []);
}

/// With the facts of one program.
fn with_program(interpreter: &str, needed: &str, search: &str, upper: Entry) -> ReadImage {
    let mut base = index(vec![
        sized("app/run", 700),
        symlink("lib64", "usr/lib64"),
        symlink("usr/lib64/ld-linux-x86-64.so.2", "/lib/ld.so"),
        symlink("lib", "usr/lib"),
        sized("usr/lib/ld.so", 9),
        sized("usr/lib/liba.so", 9),
        symlink("opt/lib", "../data"),
        sized("data/libb.so", 9),
    ]);
    base.facts.elf.push(crate::analyze::ElfFact {
        entry: 0,
        elf_type: 3,
        machine: 62,
        debug_bytes: None,
        dynamic: crate::analyze::Dynamic::Linked(crate::analyze::Linked {
            needed: vec![needed.to_owned()],
            search: vec![search.to_owned()],
            ..Default::default()
        }),
        strings: vec![],
        interpreter: Some(interpreter.to_owned()),
    });
    image("/x", ImageConfig::default(), vec![layer_of(base), layer(vec![upper])])
}

#[test]
fn a_program_that_no_longer_starts_makes_a_replaced_link_high() {
    let id = "build/replaced-link";
    let one = |interpreter, needed, search, upper| {
        let image = with_program(interpreter, needed, search, sized(upper, 1));
        let found = of(id, &image);
        assert_eq!(found.len(), 1, "{upper}");
        found.into_iter().next().unwrap()
    };
    let loader = "/lib64/ld-linux-x86-64.so.2";
    // Through a link whose own target is the path that is lost.
    let (severity, message) = one(loader, "x", "/x", "lib/new");
    assert_eq!(severity, Severity::High);
    let lost = "/app/run no longer finds its interpreter /lib64/ld-linux-x86-64.so.2";
    assert!(message.ends_with(lost), "{message}");
    assert!(one(loader, "x", "/x", "lib64/new").1.ends_with(lost));
    // Found at `/usr/lib` all the same.
    assert_eq!(one("/usr/lib/ld.so", "liba.so", "/x", "lib/new").0, Severity::Medium);
    // Found by its own search path alone.
    let (severity, message) = one("/usr/lib/ld.so", "libb.so", "/opt/lib", "opt/lib/new");
    assert_eq!(severity, Severity::High);
    assert!(message.ends_with("/app/run no longer finds its library libb.so"), "{message}");
    assert_eq!(one("/usr/lib/ld.so", "libb.so", "/data", "opt/lib/new").0, Severity::Medium);

    // The command itself.
    let mut image = with_program("/usr/lib/ld.so", "x", "/x", sized("opt/lib/new", 1));
    image.found.config.config.cmd = vec!["/opt/lib/libb.so".to_owned()];
    assert!(of(id, &image)[0].1.ends_with("/opt/lib/libb.so is not found at its start"));
}

#[test]
fn a_layer_that_runtimes_refuse_is_told() {
    let id = "integrity/refused-entry";
    let upper = vec![hard_link("", "x"), hard_link("b", "a"), hard_link("c", "a")];
    assert_eq!(
        of(id, &stack(vec![vec![sized("a", 1)], upper])),
        [
            (
                Severity::Medium,
                "/b in layer 1 is a hard link to what is no file of the layer (and 1 more): Docker and \
                 Podman refuse the layer"
                    .to_owned()
            ),
            (
                Severity::Medium,
                "/ in layer 1 would make the root something else than a directory: Docker and Podman \
                 refuse the layer"
                    .to_owned()
            ),
        ]
    );
    assert!(of(id, &stack(vec![vec![sized("a", 1), hard_link("b", "a")]])).is_empty());
}

use super::*;
use crate::image::ImageLayer;
use crate::image::testing::*;
use crate::image::unneeded::unneeded;
use crate::layer::Entry;
use proptest::prelude::*;

struct Made {
    tree: FileTree,
    on_disk: u64,
    waste: u64,
    unneeded: u64,
}

fn made(layers: Vec<Vec<Entry>>, named: usize) -> Made {
    let layers: Vec<ImageLayer> = layers.into_iter().map(layer).collect();
    let facts = facts_of(layers);
    let ImageFacts { view, residue, packages, .. } = &facts;
    let source = Source { facts: &facts, findings: &[] };
    Made {
        tree: FileTree::with(&source, named),
        on_disk: view.on_disk_bytes(),
        waste: residue.iter().map(|r| r.bytes).sum(),
        unneeded: unneeded(view, packages).iter().map(|u| u.bytes).sum(),
    }
}

fn sums(tree: &FileTree) -> (u64, u64, u64, u64) {
    let leaves: Vec<&Leaf> = tree.nodes.iter().filter_map(|n| n.leaf.as_ref()).collect();
    let sum = |of: &dyn Fn(&Leaf) -> u64| leaves.iter().map(|l| of(l)).sum::<u64>();
    (
        sum(&|l| if l.hidden.is_none() { l.bytes } else { 0 }),
        sum(&|l| if l.hidden.is_some() { l.bytes } else { 0 }),
        sum(&|l| l.unneeded),
        sum(&|l| l.files),
    )
}

fn check(made: &Made) {
    let tree = &made.tree;
    assert_eq!((tree.visible, tree.hidden), (made.on_disk, made.waste));
    assert_eq!(sums(tree), (made.on_disk, made.waste, made.unneeded, tree.files));
    assert!(tree.nodes.first().is_some_and(|n| n.leaf.is_none() && n.parent == 0));
    let first_leaf = tree.nodes.iter().position(|n| n.leaf.is_some());
    let dirs = tree.nodes.iter().filter(|n| n.leaf.is_none()).count();
    assert_eq!(first_leaf.unwrap_or(dirs), dirs, "directories stand first");
    for (number, node) in tree.nodes.iter().enumerate().skip(1) {
        let parent = &tree.nodes[node.parent as usize];
        assert!((node.parent as usize) < number, "a directory stands before what is in it");
        assert!(parent.leaf.is_none(), "only directories have something in them");
    }
}

fn path_of(tree: &FileTree, number: usize) -> String {
    let (mut number, mut parts) = (number, Vec::new());
    while number != 0 {
        parts.push(tree.nodes[number].name.clone());
        number = tree.nodes[number].parent as usize;
    }
    parts.reverse();
    parts.join("/")
}

fn leaf<'a>(tree: &'a FileTree, path: &str) -> Vec<&'a Leaf> {
    let nodes = tree.nodes.iter().enumerate();
    nodes.filter(|(n, _)| path_of(tree, *n) == path).filter_map(|(_, n)| n.leaf.as_ref()).collect()
}

#[test]
fn a_file_has_its_layer_its_kind_and_what_hides_it() {
    let made = made(
        vec![
            vec![
                sized("usr/share/doc/a", 10),
                sized("app/x.py", 7),
                hard_link("app/y.py", "app/x.py"),
            ],
            vec![sized("app/x.py", 9)],
            vec![file(".wh.usr", b"")],
        ],
        NAMED,
    );
    check(&made);
    let tree = &made.tree;
    let both = leaf(tree, "app/x.py");
    assert_eq!(both.len(), 1, "the old content still stands at its other name");
    assert_eq!((both[0].bytes, both[0].layer, both[0].hidden), (9, 1, None));
    assert_eq!(leaf(tree, "app/y.py").iter().map(|l| l.bytes).collect::<Vec<_>>(), [7]);
    let gone = leaf(tree, "usr/share/doc/a")[0];
    let deleted = HiddenBy { kind: ResidueKind::Deleted, layer: Some(2) };
    assert_eq!((gone.bytes, gone.layer, gone.hidden), (10, 0, Some(deleted)));
    assert_eq!(tree.kinds[both[0].kind as usize].name, "python");
}

#[test]
fn what_production_does_not_need_says_why() {
    let made = made(vec![vec![sized("usr/share/doc/a", 10), sized("app/x", 5)]], NAMED);
    check(&made);
    let doc = leaf(&made.tree, "usr/share/doc/a")[0];
    assert_eq!(doc.unneeded, 10);
    let kind = made.tree.kinds[doc.kind as usize];
    assert!(kind.name == "doc" && kind.why.is_some(), "{kind:?}");
    assert_eq!(leaf(&made.tree, "app/x")[0].unneeded, 0);
}

#[test]
fn a_tree_of_very_many_files_is_small_and_has_the_largest() {
    // As many of one size, so that no size tells them apart.
    let mut files: Vec<Entry> =
        (0..60_000).map(|n| sized(&format!("d{}/e{}/f{n}", n % 40, n % 900), 1000)).collect();
    files.push(sized("d7/big", 5_000_000));
    let made = made(vec![files], NAMED);
    check(&made);
    assert!(made.tree.nodes.len() <= 2 * NAMED, "{}", made.tree.nodes.len());
    assert_eq!(leaf(&made.tree, "d7/big")[0].bytes, 5_000_000);
    assert!(made.tree.folded > 50_000);
}

#[test]
fn names_are_harmless_and_of_bounded_length() {
    let long = "x".repeat(5_000);
    let deep = vec!["d"; 3_000].join("/");
    let made = made(
        vec![vec![
            sized("a/\u{1b}[31m\u{202e}<script>", 5),
            sized(&long, 6),
            sized(&format!("{deep}/f"), 7),
        ]],
        NAMED,
    );
    check(&made);
    assert_eq!(leaf(&made.tree, "a/\\u{1b}[31m\\u{202e}<script>")[0].bytes, 5);
    assert!(made.tree.nodes.len() < 80);
    assert!(made.tree.nodes.iter().all(|n| n.name.chars().count() <= NAME + 1));
}

#[test]
fn a_small_file_with_a_finding_has_its_name() {
    use crate::rules::{Severity, State};
    let mut files: Vec<Entry> = (0..500).map(|n| sized(&format!("d/f{n}"), 1000)).collect();
    files.push(sized("d/.env", 20));
    let layers = vec![layer(files), layer(vec![file("d/.wh..env", b"")])];
    let found = |layer| Finding {
        path: Some(LayerPath::from("d/.env")),
        layer: Some(layer),
        state: State::DeletedLater,
        ..crate::rules::all()[0].finding(Severity::High, "x".to_owned())
    };
    let findings = [found(1), found(0)];
    let facts = facts_of(layers);
    let source = Source { facts: &facts, findings: &findings };
    let tree = FileTree::with(&source, 20);
    assert!(tree.nodes.len() < 60);
    // The first is of another layer's file.
    assert_eq!(leaf(&tree, "d/.env")[0].findings, [1]);
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let name = prop::sample::select(vec!["a", "b", "c", "usr", "share", "doc", ".git"]);
    let path = prop::collection::vec(name, 1..5).prop_map(|p| p.join("/"));
    let other = path.clone();
    prop_oneof![
        6 => (path.clone(), 0u64..50).prop_map(|(p, n)| sized(&p, n * 10)),
        1 => path.clone().prop_map(|p| dir(&p)),
        1 => (path.clone(), other.clone()).prop_map(|(p, t)| symlink(&p, &format!("/{t}"))),
        2 => (path.clone(), other).prop_map(|(p, t)| hard_link(&p, &t)),
        2 => path.clone().prop_map(|p| {
            let p = LayerPath::from(p.as_str());
            let name = [b".wh.", p.name()].concat();
            file(&p.parent().unwrap_or_default().join(&name).to_text(), b"")
        }),
        1 => path.prop_map(|p| file(&format!("{p}/.wh..wh..opq"), b"")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_byte_is_lost_and_none_is_counted_twice(
        layers in prop::collection::vec(prop::collection::vec(any_entry(), 0..25), 1..5),
        named in 0usize..30,
    ) {
        check(&made(layers, named));
    }
}

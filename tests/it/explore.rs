//! `careen explore`: its pictures on images made from code, and the program itself in a real terminal.

#[path = "explore/terminal.rs"]
mod terminal;

use crate::support::image_builder::{ImageBuilder, LayerBuilder};
use careen::explore::{Answer, Effect, Explorer, Key};
use careen::pipeline::explore::{OpenImage, open};
use careen::pipeline::{Plan, Silent};
use careen::source::locator::Locator;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::sync::Arc;

fn secret() -> String {
    crate::support::fleet::token(4)
}

/// Three layers: a base, sources with a secret, and one that takes the secret away.
pub fn shop() -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            "/bin/sh -c #(nop) ADD file:1 in / ",
            LayerBuilder::new()
                .file("etc/os-release", "PRETTY_NAME=\"Debian 12\"\n")
                .file_as("usr/bin/app", 0o755, 0, &vec![7; 40_000])
                .file_as("usr/bin/su", 0o4755, 0, &vec![8; 9_000])
                .hardlink("usr/bin/again", "usr/bin/app")
                .file("usr/share/doc/app/README", vec![b'd'; 20_000]),
        )
        .layer(
            "COPY . /app # buildkit",
            LayerBuilder::new()
                .file("app/.env", format!("NAME=shop\nNPM_TOKEN={}\nPORT=1\n", secret()))
                .file("app/main.py", "print('hello')\n")
                .file("app/data.bin", vec![0; 3000])
                .file("etc/os-release", "PRETTY_NAME=\"Debian 12.1\"\n"),
        )
        .layer("RUN /bin/sh -c rm /app/.env # buildkit", LayerBuilder::new().whiteout("app/.env"))
        .config("Entrypoint", serde_json::json!(["/usr/bin/app"]))
}

fn opened(image: &ImageBuilder) -> Arc<OpenImage> {
    let folder = tempfile::tempdir().unwrap();
    image.write_layout(folder.path(), "1");
    let locator = Locator::parse(&format!("oci:{}:1", folder.path().display())).unwrap();
    let plan = Plan { cache_dir: None, ..Plan::new(locator) };
    let mut open = open(&plan, &Silent).unwrap();
    // The temporary folder has another name each time.
    open.report.image.reference = "shop:1".to_owned();
    // Kept, so that files can be read.
    std::mem::forget(folder);
    Arc::new(open)
}

fn screen(explorer: &mut Explorer, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| explorer.draw(frame, true)).unwrap();
    let buffer = terminal.backend().buffer();
    let rows = (0..height).map(|y| {
        let row: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        row.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n") + "\n"
}

/// Keys as words; what they wish for is carried out.
fn press(explorer: &mut Explorer, keys: &str) {
    for word in keys.split_whitespace() {
        let key = match word {
            "down" => Key::Down,
            "up" => Key::Up,
            "right" => Key::Right,
            "left" => Key::Left,
            "enter" => Key::Enter,
            "esc" => Key::Esc,
            "tab" => Key::Tab,
            "end" => Key::End,
            one => Key::Char(one.chars().next().unwrap()),
        };
        match explorer.key(key) {
            Effect::Read(node) => {
                let file = explorer.open.begin(node, 1 << 20).map_err(|e| e.to_string());
                explorer.answer(Answer::Read(node, file));
            }
            Effect::Why(path) => {
                let open = Arc::clone(&explorer.open);
                let why = open.needs().and_then(|n| n.why(&path)).map_err(|e| e.to_string());
                explorer.answer(Answer::Why(why));
            }
            _ => {}
        }
    }
}

#[test]
fn the_first_screen_tells_what_is_big_and_what_is_wrong() {
    let mut explorer = Explorer::new(opened(&shop()));
    insta::assert_snapshot!("explore 80x24", screen(&mut explorer, 80, 24));
    press(&mut explorer, "right right");
    insta::assert_snapshot!("explore 120x40", screen(&mut explorer, 120, 40));
    assert!(screen(&mut explorer, 50, 10).contains("careen needs 60 columns and 15 lines"));
}

#[test]
fn a_layer_shows_what_it_adds_changes_and_removes() {
    let mut explorer = Explorer::new(opened(&shop()));
    press(&mut explorer, "1 right s");
    insta::assert_snapshot!("explore layer 1", screen(&mut explorer, 80, 24));
    press(&mut explorer, "2 right");
    let shown = screen(&mut explorer, 80, 24);
    let removed = |l: &str| l.contains(".env") && l.contains(" -          0 B ");
    assert!(shown.lines().any(removed), "{shown}");
    press(&mut explorer, "down");
    assert!(screen(&mut explorer, 80, 24).contains("removed by layer 2"));
}

#[test]
fn a_finding_leads_to_its_file_and_the_secret_stays_masked() {
    let mut explorer = Explorer::new(opened(&shop()));
    press(&mut explorer, "!");
    insta::assert_snapshot!("explore findings", screen(&mut explorer, 80, 24));
    press(&mut explorer, "enter");
    let at = screen(&mut explorer, 80, 24);
    assert!(
        at.contains("/app/.env") && at.contains("deleted by layer 2, still downloaded"),
        "{at}"
    );
    press(&mut explorer, "enter");
    let text = screen(&mut explorer, 80, 24);
    assert!(text.contains("NAME=shop") && text.contains("PORT=1"), "{text}");
    assert!(!text.contains(&secret()) && text.contains("NPM_TOKEN=npm_****"), "{text}");
    // Nor as bytes.
    press(&mut explorer, "tab");
    let bytes = screen(&mut explorer, 80, 24);
    assert!(bytes.contains("--reveal") && !bytes.contains("6e 70 6d 5f"), "{bytes}");
}

#[test]
fn content_is_text_or_bytes_and_why_is_told() {
    let mut explorer = Explorer::new(opened(&shop()));
    press(&mut explorer, "/ m a i n . p y enter enter");
    assert!(screen(&mut explorer, 80, 24).contains("print('hello')"));
    press(&mut explorer, "tab");
    let bytes = screen(&mut explorer, 80, 24);
    assert!(bytes.contains("00000000  70 72 69 6e 74 28 27 68  65 6c 6c 6f"), "{bytes}");
    press(&mut explorer, "esc / b i n / a p p enter w");
    let why = screen(&mut explorer, 80, 24);
    assert!(
        why.contains("needed (file)") && why.contains("the image starts: /usr/bin/app"),
        "{why}"
    );
    press(&mut explorer, "esc / R E A D M E enter w");
    let why = screen(&mut explorer, 80, 24);
    assert!(why.contains("no package brought it: it is the application's"), "{why}");
}

#[test]
fn filters_show_what_they_say_and_nothing_else() {
    let mut explorer = Explorer::new(opened(&shop()));
    let shown = |explorer: &mut Explorer| screen(explorer, 80, 24);
    press(&mut explorer, "f f"); // findings, unneeded
    let unneeded = shown(&mut explorer);
    assert!(unneeded.contains("only not needed") && unneeded.contains("README"), "{unneeded}");
    assert!(!unneeded.contains("main.py"), "{unneeded}");
    press(&mut explorer, "f f f");
    let setuid = shown(&mut explorer);
    assert!(setuid.contains("only setuid") && setuid.contains(" su"), "{setuid}");
    assert!(!setuid.contains("README"), "{setuid}");
    press(&mut explorer, "F F");
    let hidden = shown(&mut explorer);
    assert!(hidden.contains("only hidden later") && hidden.contains(".env"), "{hidden}");
    press(&mut explorer, "c / . e n v enter");
    let found = shown(&mut explorer);
    assert!(found.contains("only hidden later") && found.contains("deleted by layer 2"), "{found}");
    press(&mut explorer, "1 f f f");
    let hidden = shown(&mut explorer);
    assert!(
        hidden.contains("layer 1:")
            && hidden.contains("only hidden later")
            && hidden.contains(".env"),
        "{hidden}"
    );
    assert!(!hidden.contains("main.py"), "{hidden}");
}

#[test]
fn folders_add_up_to_what_the_image_takes_on_disk() {
    use careen::explore::Tree;
    let open = opened(&shop());
    let tree = Tree::merged(&open);
    assert_eq!(
        Some(tree.get(0).bytes),
        open.report.size.on_disk,
        "a file of two names counts once"
    );
    for number in 0..tree.len() as u32 {
        let entry = tree.get(number);
        if entry.is_dir {
            let sum: u64 = tree.children(number).map(|c| tree.get(c).bytes).sum();
            assert_eq!(entry.bytes, sum, "{}", tree.path(number));
        }
    }
    assert_eq!(tree.get(0).hidden, open.report.waste.at_least);
    let content: u64 = (0..3).map(|n| Tree::of_layer(&open, n).get(0).bytes).sum();
    assert_eq!(Some(content), open.report.size.content);
}

#[test]
fn hostile_names_do_nothing_to_the_screen() {
    let long = "n".repeat(200);
    let deep = vec!["d"; 200].join("/");
    let mut layer = LayerBuilder::new()
        .file("evil\u{1b}[2J\u{1b}[31mred", b"\x1b[2Jcontent\x1b]0;title\x07\n")
        .file("line\nbreak", "x")
        .file("right\u{202e}left", "x")
        .file(&format!("{long}/{long}"), "x")
        .file(&format!("{deep}/bottom"), vec![1; 100]);
    for n in 0..10_000 {
        layer = layer.file(&format!("many/f{n}"), "");
    }
    let image = ImageBuilder::new().layer("COPY \u{1b}[31m\nx /", layer);
    let mut explorer = Explorer::new(opened(&image));
    let start = std::time::Instant::now();
    for keys in [
        "s end",
        "/ b o t t o m enter",
        "/ e v i l enter",
        "w",
        "esc enter",
        "esc / m a n y enter right end",
    ] {
        press(&mut explorer, keys);
        for (width, height) in [(80, 24), (60, 15), (200, 60)] {
            let shown = screen(&mut explorer, width, height);
            let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!shown.contains(odd), "{keys}: {shown:?}");
        }
    }
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
    press(&mut explorer, "c / b o t t o m enter");
    insta::assert_snapshot!("explore hostile", screen(&mut explorer, 80, 24));
}

/// A key of several lines above a line with a password, and a key that is not whole in what is shown.
#[test]
fn secrets_of_several_lines_and_those_cut_off_stay_hidden() {
    let body = "bWFkZSB1cCBmb3IgdGhlIHRlc3RzLCBub3QgYSBrZXkgb2YgYW55Ym9keQ".to_owned();
    let lines = (0..24).map(|n| format!("{body}{n:02}ab")).collect::<Vec<_>>().join("\n");
    let key =
        ["-----BEGIN RSA ", "PRIVATE KEY-----\n", &lines, "\n-----END RSA ", "PRIVATE KEY-----\n"]
            .concat();
    let password = secret();
    let below = format!("{key}one\nhost: x\n_authToken={password}\nlast\n");
    let filler = "0123456789 some words of no meaning\n".repeat((256 << 10) / 36 - 8);
    let image = ImageBuilder::new().layer(
        "COPY . /",
        LayerBuilder::new()
            .file("root/.npmrc", &below)
            .file("cut.txt", format!("{filler}{key}{filler}")),
    );
    let mut explorer = Explorer::new(opened(&image));
    for file in ["n p m r c", "c u t . t x t"] {
        press(&mut explorer, &format!("/ {file} enter"));
        let Effect::Read(node) = explorer.key(Key::Enter) else { panic!("{file}") };
        let read = explorer.open.begin(node, careen::explore::VIEW_LIMIT).unwrap();
        explorer.answer(Answer::Read(node, Ok(read)));
        for end in ["", "end"] {
            press(&mut explorer, end);
            let mut tall = screen(&mut explorer, 120, 200);
            tall.push_str(&screen(&mut explorer, 80, 24));
            assert!(!tall.contains(&body) && !tall.contains(&password), "{file}: {tall}");
        }
        press(&mut explorer, "esc");
    }
}

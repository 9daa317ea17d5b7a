//! The HTML report in a real browser: it is drawn, works by mouse and keyboard, complains of nothing,
//! asks nobody for anything, and runs nothing that stands in an image.

mod parts;

use crate::support::browser::{Browser, Look};
use crate::support::image_builder::{Compression, ImageBuilder, LayerBuilder};
use crate::support::page_of::{inspection, page_of};
use crate::support::tutorial::tutorial;
use careen::report::html::render;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use thirtyfour::Key;

pub const WIDE: Look = Look { width: 1280, height: 900, dark: false };
const LOOKS: [Look; 4] = [
    WIDE,
    Look { dark: true, ..WIDE },
    Look { width: 400, height: 800, dark: false },
    Look { width: 400, height: 800, dark: true },
];

fn layout(folder: &TempDir, image: ImageBuilder) -> String {
    image.write_layout(&folder.path().join("image"), "1").display().to_string()
}

fn write(folder: &TempDir, page: &str) -> PathBuf {
    let file = folder.path().join("report.html");
    std::fs::write(&file, page).unwrap();
    file
}

/// What must hold of every page, however it is looked at.
pub fn is_sound(browser: &Browser, file: &Path, look: Look) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{look:?}: {complaints:#?}");
    let asked = browser.requests();
    let own = url::Url::from_file_path(file).unwrap().to_string();
    assert!(asked.iter().all(|a| *a == own) && !asked.is_empty(), "{look:?}: {asked:#?}");
    let wide = browser.js("return document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(wide <= look.width.into(), "{look:?}: the page is {wide} pixels wide");
    let contrast = browser.js(include_str!("html/contrast.js"));
    let contrast = contrast.as_array().unwrap();
    assert!(contrast[0].as_u64().unwrap() > 30, "{contrast:?}");
    assert!(contrast.len() == 1, "{look:?}: {contrast:#?}");
    let unnamed = browser
        .js("return [...document.querySelectorAll('button, a, input, select')].filter((n) => \
         !n.textContent.trim() && !n.getAttribute('aria-label')).length");
    assert_eq!(unnamed, 0, "everything that can be operated has a name");
}

#[test]
fn a_page_is_drawn_and_works_in_every_width_and_colour() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, &page_of(&layout(&folder, tutorial())));
    let browser = Browser::start();
    for look in LOOKS {
        browser.open(&file, look);
        let headings =
            browser.js("return [...document.querySelectorAll('h2')].map((h) => h.textContent)");
        for title in
            ["What fills it", "Layers", "Proposals", "Findings", "Packages", "Configuration"]
        {
            assert!(headings.as_array().unwrap().iter().any(|h| h == title), "{title} {headings}");
        }
        assert_eq!(browser.js("return document.documentElement.lang"), "en");
        // The picture is really painted.
        let colours = browser.js(
            "const c = document.querySelector('canvas'); \
             const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
             const seen = new Set(); \
             for (let i = 0; i < d.length; i += 64) seen.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]); \
             return seen.size",
        );
        assert!(colours.as_u64().unwrap() > 8, "{look:?}: {colours} colours");
        is_sound(&browser, &file, look);
    }
    // The switch wins over what the system has, and says which is on.
    let ground = "return getComputedStyle(document.body).backgroundColor";
    let dark = browser.js(ground);
    browser.click("#theme [data-theme=light]");
    assert_ne!(browser.js(ground), dark);
    assert_eq!(
        browser.js("return document.querySelector('#theme [aria-pressed=true]').textContent"),
        "Light"
    );
}

#[test]
fn the_map_is_walked_by_mouse_and_by_keyboard() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, &page_of(&layout(&folder, tutorial())));
    let browser = Browser::start();
    browser.open(&file, WIDE);
    let place = || browser.text("return document.querySelector('.crumbs').textContent");
    let rows = || {
        let names = browser
            .js("return [...document.querySelectorAll('#map-list tbody bdi')].map((n) => n.textContent)");
        let names = names.as_array().unwrap().iter();
        names.map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(place(), "everything");
    let all = rows();
    assert_eq!(all[0], "usr", "the largest first: {all:?}");

    // By mouse: into what is under the pointer, back by the crumbs.
    browser.hover("#map-frame canvas", -200, 0);
    browser.wait_for("return !document.querySelector('.tip').hidden");
    let tip = browser.text("return document.querySelector('.tip').textContent");
    assert!(tip.contains("/usr") && tip.contains("layer"), "{tip}");
    browser.js("document.querySelector('#map-frame').scrollIntoView({block: 'center'})");
    browser.click("#map-frame canvas");
    assert_ne!(place(), "everything");
    assert_ne!(rows(), all);
    browser.click(".crumbs button");
    assert_eq!((place(), rows()), ("everything".to_owned(), all.clone()));

    // By keyboard: an arrow chooses, Enter opens, Escape and Backspace go back.
    browser.type_into("#map-frame", Key::Right + Key::Enter);
    let inside = place();
    assert!(inside.starts_with("everything") && inside != "everything", "{inside}");
    let said = browser.text("return document.getElementById('live').textContent");
    assert!(said.starts_with("opened "), "{said}");
    browser.type_into("#map-frame", Key::Escape + "");
    assert_eq!(place(), "everything");
    browser.type_into("#map-frame", Key::Enter + Key::Backspace);
    assert_eq!(place(), "everything");

    // The table is the same data, and works alike.
    browser.js("document.querySelector('#map-list tbody button').focus()");
    browser.type_into("#map-list tbody button", Key::Enter + "");
    assert!(place().contains("usr"), "{}", place());
    browser.type_into("#map-list tbody button", Key::Escape + "");
    assert_eq!(place(), "everything");

    // The other arrangements hold the same bytes.
    let sum = || {
        let text = browser.text("return document.querySelector('#map .sum').textContent");
        text.split(" in ").next().unwrap().to_owned()
    };
    let whole = sum();
    for mode in ["layer", "package", "kind"] {
        browser.click(&format!("#map [data-mode={mode}]"));
        assert_eq!(sum(), whole, "by {mode}");
        assert!(!rows().is_empty());
    }
    assert!(rows().iter().any(|r| r == "cache"), "{:?}", rows());
    browser.click("#map [data-mode=path]");

    // The filters.
    browser.js("document.querySelector('#map-list tbody').id = 'before'");
    // At once: slow keys would draw it several times.
    browser.js("const s = document.querySelector('#map-text'); s.value = 'NPMRC'; s.dispatchEvent(new Event('input'))");
    browser.wait_for("return document.querySelector('#before') === null");
    assert_eq!(rows(), ["root"]);
    browser.click("#map-list tbody button");
    assert_eq!(rows(), [".npmrc"]);
    browser.js("const s = document.querySelector('#map-only'); s.value = 'waste'; s.dispatchEvent(new Event('change'))");
    assert!(
        browser.text("return document.querySelector('#map .sum').textContent").contains("hidden")
    );
    browser.js("const s = document.querySelector('#map-only'); s.value = 'unneeded'; s.dispatchEvent(new Event('change'))");
    assert!(
        browser
            .text("return document.querySelector('#map-list').textContent")
            .contains("Nothing fits")
    );

    // A layer leads to its part of the map.
    browser.click("#layer-2");
    browser.js("[...document.querySelectorAll('.layer-detail button')].find((b) => b.textContent === 'Show in the map').click()");
    assert!(place().contains("layer 2: RUN apt-get install"), "{}", place());
    is_sound(&browser, &file, WIDE);
}

#[test]
fn findings_are_filtered_and_what_helps_can_be_copied() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(&folder, &page_of(&layout(&folder, tutorial())));
    let browser = Browser::start();
    browser.open(&file, WIDE);
    let rules = || {
        let rules = browser
            .js("return [...document.querySelectorAll('#finding-results .rule')].map((n) => n.dataset.rule)");
        let rules = rules.as_array().unwrap().iter();
        rules.map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = rules();
    assert!(all[0].starts_with("secret/npm"), "the worst first: {all:?}");
    assert!(all.iter().any(|r| r == "config/root-user"), "{all:?}");

    browser.click("#findings [data-severity=medium]");
    let less = rules();
    assert!(less.len() < all.len() && !less.iter().any(|r| r == "config/root-user"), "{less:?}");
    browser.click("#findings [data-severity=medium]");
    assert_eq!(rules(), all);

    browser.type_into("#finding-text", "NPMRC");
    assert_eq!(rules().len(), 1);
    let told = browser.text("return document.querySelector('#finding-results').textContent");
    for word in ["deleted later, still downloadable", "npm_****", "careen cat", "/root/.npmrc:1"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    // The text of the rule, as text.
    assert!(told.contains("What to do") && !told.contains("##"), "{told}");
    let token = ["npm_", "x7Kd9QmZ2pLw4TnB8vRc5YhJ3sFg6A", "2PXb1Q"].concat();
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&token), "masked everywhere");
    browser.type_into("#finding-text", "no such thing");
    assert!(rules().is_empty());
    browser.js("[...document.querySelectorAll('#findings button')].find((b) => b.textContent === 'Clear filters').click()");
    assert_eq!(rules(), all);
    // The chips of the verdict lead here.
    browser.js("document.querySelector('.verdict .chip.sev-medium').click()");
    assert!(rules().iter().all(|r| !r.starts_with("secret/npm")) && !rules().is_empty());

    let opened = browser.js(
        "const d = [...document.querySelectorAll('.proposal details')].find((d) => d.textContent.includes('FROM ')); \
         d.open = true; d.querySelector('.copy').id = 'copy-it'; \
         return d.querySelector('pre').textContent",
    );
    assert!(opened.as_str().unwrap().contains("FROM "), "{opened}");
    browser.click("#copy-it");
    browser.wait_for("return document.querySelector('#copy-it').textContent === 'Copied'");
    is_sound(&browser, &file, WIDE);
}

/// Names that try to become markup, to end an element, or to move what stands around them.
const HOSTILE: [&str; 7] = [
    "<script>window.pwned=1",
    "a<",
    "\"><img src=x onerror=window.pwned=2>",
    "]]><svg onload=window.pwned=3>",
    "new\nline\u{1b}[31mred",
    "\u{202e}txt.exe\u{200b}",
    "{{constructor}}${window.pwned=4}`'\\",
];

#[test]
fn nothing_that_stands_in_an_image_is_run_or_hides() {
    let folder = tempfile::tempdir().unwrap();
    let token = ["npm_", "x7Kd9QmZ2pLw4TnB8vRc5YhJ3sFg6A", "2PXb1Q"].concat();
    let mut layer = LayerBuilder::new().file(
        "var/lib/dpkg/status",
        "Package: <img src=x onerror=window.pwned=5>\nStatus: install ok installed\nVersion: \"><b>\nArchitecture: all\n\n",
    );
    for name in HOSTILE {
        layer = layer
            .file(&format!("app/{name}/inner"), vec![b'x'; 3000])
            .file(&format!("app/{name}.npmrc"), format!("//r/:_authToken={token}\n"));
    }
    // The element that would end the data.
    layer = layer.file("app/a</script><script>window.pwned=6</script>", vec![b'y'; 9000]);
    let image = ImageBuilder::new()
        .layer("RUN echo '</script><script>window.pwned=7</script>' <!-- \u{202e}", layer)
        .layer("RUN rm", LayerBuilder::new().whiteout(&format!("app/{}.npmrc", HOSTILE[2])))
        .config(
            "Env",
            serde_json::json!(["A=</script><script>window.pwned=8</script>", "<b>=\u{1b}[0m"]),
        )
        .config("Labels", serde_json::json!({"<img src=x onerror=window.pwned=9>": "]]>"}))
        .config("User", serde_json::json!("<script>window.pwned=10</script>"))
        .config("Cmd", serde_json::json!(["<iframe src=javascript:window.pwned=11>"]));
    let file = write(&folder, &page_of(&layout(&folder, image)));
    let browser = Browser::start();
    for look in [LOOKS[0], LOOKS[2]] {
        browser.open(&file, look);
        // Everything there is to open.
        browser.js("for (const d of document.querySelectorAll('details')) d.open = true");
        for mode in ["layer", "package", "kind", "path"] {
            browser.click(&format!("#map [data-mode={mode}]"));
        }
        browser.hover("#map-frame canvas", 5, 5);
        browser.type_into("#map-frame", Key::Right + Key::Enter + Key::Escape);
        // The list is drawn anew a little after the last key.
        browser.js("document.querySelector('#map-list tbody').id = 'before'");
        browser.type_into("#map-text", "<");
        browser.wait_for("return document.querySelector('#before') === null");
        browser.click("#map-list tbody button");
        browser.wait_for(
            "return document.querySelector('#map-list').textContent.includes('<script>')",
        );
        browser.click("#layer-0");
        assert_eq!(browser.js("return window.pwned ?? null"), serde_json::Value::Null);
        let alien = "return document.querySelectorAll('img, svg, iframe, b b, script:not(body > script)').length";
        assert_eq!(browser.js(alien), 0);
        let text = browser.text("return document.body.innerText");
        let shown = [
            "<script>window.pwned=1",
            "<img src=x onerror=window.pwned=2>.npmrc",
            "\\u{1b}[31mred",
            "new\\nline",
            "\\u{202e}txt.exe\\u{200b}",
            "<img src=x onerror=window.pwned=5>",
            "<iframe src=javascript:",
        ];
        for name in shown {
            assert!(text.contains(name), "{name} is not shown: {text}");
        }
        for hidden in ['\u{1b}', '\u{202e}', '\u{200b}'] {
            assert!(!text.contains(hidden), "{hidden:?}");
        }
        is_sound(&browser, &file, look);
    }
}

#[test]
fn what_is_missing_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let reference = layout(&folder, tutorial());
    let blobs = folder.path().join("image/blobs/sha256");
    let manifest = std::fs::read_dir(&blobs).unwrap().find_map(|b| {
        let text = std::fs::read(b.unwrap().path()).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).ok().filter(|j| j["layers"].is_array())
    });
    let manifest = manifest.expect("a manifest");
    let digest = manifest["layers"][2]["digest"].as_str().unwrap();
    std::fs::write(blobs.join(&digest["sha256:".len()..]), "not a layer").unwrap();
    let mut seen = inspection(&reference);
    let browser = Browser::start();
    let file = write(&folder, &render(&seen.reports, &seen.trees).unwrap());
    browser.open(&file, WIDE);
    let banner = browser.text("return document.querySelector('.banner[role=alert]').textContent");
    assert!(banner.starts_with("PARTIAL") && banner.contains("layer"), "{banner}");
    let map = browser.text("return document.querySelector('#map').textContent");
    assert!(map.contains("1 layer that was not looked at is not in the map"), "{map}");
    is_sound(&browser, &file, WIDE);

    // Nothing found in what was looked at is not clean; without a tree there is no map.
    let report = &mut seen.reports[0];
    report.findings.clear();
    report.advice.clear();
    report.packages.clear();
    let file = write(&folder, &render(&seen.reports, &[]).unwrap());
    browser.open(&file, WIDE);
    let verdict = browser.text("return document.querySelector('.verdict').innerText");
    assert!(verdict.contains("Unknown") && verdict.contains("in what was looked at"), "{verdict}");
    assert!(browser.js("return document.querySelector('#map')").is_null());
    is_sound(&browser, &file, WIDE);

    // A list too long for a page says so.
    let report = &mut seen.reports[0];
    let one = careen::report::model::PackageReport {
        name: "p".to_owned(),
        source: None,
        version: "1".to_owned(),
        kind: careen::analyze::PackageKind::Dpkg,
        architecture: None,
        bytes: None,
        layer: None,
        path: "var/lib/dpkg/status".to_owned(),
        namespace: None,
        inside: None,
        state: None,
    };
    report.packages = vec![one; 3_500];
    let file = write(&folder, &render(&seen.reports, &[]).unwrap());
    browser.open(&file, WIDE);
    let packages = browser.text("return document.querySelector('#packages').textContent");
    assert!(packages.contains("The first 3,000 of 3,500"), "{packages}");

    let report = &mut seen.reports[0];
    report.packages.clear();
    report.not_looked_at.clear();
    let file = write(&folder, &render(&seen.reports, &[]).unwrap());
    browser.open(&file, LOOKS[2]);
    let verdict = browser.text("return document.querySelector('.verdict').innerText");
    assert!(verdict.contains("Good") && verdict.contains("No findings."), "{verdict}");
    is_sound(&browser, &file, LOOKS[2]);
}

#[test]
fn each_platform_has_its_own_page() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = inspection(&layout(&folder, tutorial()));
    let other = tempfile::tempdir().unwrap();
    let small = ImageBuilder::new()
        .architecture("arm64")
        .layer("COPY x /x", LayerBuilder::new().file("x", vec![b'x'; 1000]))
        .config("User", serde_json::json!("65532"));
    let second = inspection(&layout(&other, small));
    seen.reports.extend(second.reports);
    seen.trees.extend(second.trees);
    // As all platforms of one image have it.
    seen.reports[1].image.reference = seen.reports[0].image.reference.clone();
    let file = write(&folder, &render(&seen.reports, &seen.trees).unwrap());
    let browser = Browser::start();
    browser.open(&file, WIDE);
    let map = "return document.querySelector('#map-list').textContent";
    assert!(browser.text(map).contains("usr"));
    browser.js("document.querySelectorAll('.platforms button')[1].click()");
    let chosen =
        browser.text("return document.querySelector('.platforms [aria-pressed=true]').textContent");
    assert_eq!(chosen, "linux/arm64");
    assert!(browser.text(map).contains("1.00 kB") && !browser.text(map).contains("usr"));
    let user = browser.text("return document.querySelector('.tiles').textContent");
    assert!(user.contains("65532"), "{user}");
    is_sound(&browser, &file, WIDE);
}

#[test]
fn a_hundred_thousand_files_do_not_freeze_it() {
    const FILES: usize = 100_000;
    let folder = tempfile::tempdir().unwrap();
    let mut layer = LayerBuilder::new();
    for n in 0..FILES {
        let path = format!("srv/{}/{}/{}/file-{n}.js", n % 17, n % 331, n % 7);
        layer = layer.file(&path, vec![b'a'; 20 + (n * 7919) % 400]);
    }
    let image = ImageBuilder::new().compression(Compression::None).layer("COPY . /srv", layer);
    let page = page_of(&layout(&folder, image));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let file = write(&folder, &page);
    let browser = Browser::start();
    let ready = browser.open(&file, WIDE);
    assert!(ready < 10_000.0, "drawn after {ready} ms");
    let files = browser.text("return document.querySelector('#map .sum').textContent");
    assert!(files.contains("100,000 files"), "{files}");
    // How long each step keeps the page busy.
    let steps = browser.js("const frame = document.getElementById('map-frame'); \
         const press = (key) => { const t = performance.now(); \
           frame.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true })); \
           return performance.now() - t; }; \
         return ['ArrowRight', 'Enter', 'ArrowRight', 'Enter', 'Escape', 'Escape'].map(press)");
    let slowest = steps.as_array().unwrap().iter().filter_map(|s| s.as_f64()).fold(0.0, f64::max);
    assert!(slowest < 1_000.0, "{steps}");
    is_sound(&browser, &file, WIDE);
}

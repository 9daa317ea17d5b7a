//! Which images a sweep looks at, and what its inventory answers: on the real server.

use crate::support::browser::Browser;
use crate::support::fleet::{Fleet, app, base, noise, store_in, token};
use crate::support::image_builder::LayerBuilder;
use crate::support::program::{Home, show};
use crate::support::registry::{Auth, Registry};

/// `repository:tag` of all tags in force.
fn tags(home: &Home, store: &str) -> Vec<String> {
    let sql = "SELECT r.name || ':' || t.name FROM tags t JOIN repositories r ON r.id = t.repository \
               WHERE t.selected IS NOT NULL ORDER BY 1";
    let run = home.run(&["inventory", "sql", sql, "--store", store, "--format", "csv"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    run.text().lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_sweep_is_narrowed_by_prefix_globs_versions_age_and_lists() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 4);
    let sweep = |n: usize, args: &[&str]| {
        let store = store_in(&folder.path().join(n.to_string()));
        let run = home.run(&[&["sweep", "--dry-run", "--store", &store], args].concat());
        assert_eq!(run.status, 0, "{args:?}: {}", run.stderr);
        tags(&home, &store)
    };
    let host = registry.host.as_str();
    let prefix = format!("{host}/team-1");
    let all = ["latest", "v1", "v2", "v3", "v4"].map(|t| format!("team-1/app-1:{t}")).to_vec();
    assert_eq!(sweep(1, &[&prefix]), all);
    assert_eq!(sweep(2, &[host, "--repository", "team-1/*"]), all);
    let versions = ["team-2/app-2:v4", "team-3/app-3:v4"];
    let chosen = sweep(3, &[host, "--tags", "semver:latest", "--repository", "team-[23]/*"]);
    assert_eq!(chosen, versions);
    let some = sweep(4, &[&prefix, "--tag", "v*", "--exclude", "team-1/app-1:v[13]"]);
    assert_eq!(some, ["team-1/app-1:v2", "team-1/app-1:v4"]);
    assert_eq!(sweep(5, &[&prefix, "--tags", "newest:2"]).len(), 2);
    assert!(sweep(6, &[&prefix, "--since", "2026-01-03"]).is_empty());
    assert_eq!(sweep(7, &[&prefix, "--since", "2026-01-02"]), all);
    let list = folder.path().join("list");
    std::fs::write(&list, format!("# what runs\n{host}/team-1/app-1:v2\n\n{host}/base/debian:*\n"))
        .unwrap();
    let mut named = sweep(8, &["--from", &show(&list)]);
    assert_eq!(named.pop().unwrap(), "team-1/app-1:v2");
    assert_eq!(named.len(), 6);
    let pods = folder.path().join("pods.json");
    let pod = format!(
        r#"{{"kind":"List","items":[{{"spec":{{"containers":[{{"name":"a","image":"{host}/team-3/app-3:v1"}}]}}}}]}}"#
    );
    std::fs::write(&pods, pod).unwrap();
    assert_eq!(sweep(9, &["--from-kubernetes", &show(&pods)]), ["team-3/app-3:v1"]);
    // Of the image for two platforms, one.
    let store = store_in(&folder.path().join("10"));
    let multi = format!("{host}/team-0/multi");
    let args = ["sweep", &multi, "--dry-run", "--store", &store, "--platform", "linux/arm64"];
    let run = home.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(run.json()["planned"]["images"], 1);
    for wrong in [
        &["sweep", "team/app"][..],
        &["sweep"],
        &["sweep", host, "--tags", "oldest"],
        &["sweep", host, "--repository", "[", "--store", "x.db"],
        &["sweep", host, "--since", "yesterday"],
        &["sweep", "--from-kubernetes", &show(&list)],
        &["worker", "--store", &store],
    ] {
        let run = home.run(wrong);
        assert_eq!(run.status, 2, "{wrong:?}: {}", run.stderr);
    }
}

#[test]
fn the_next_sweep_says_what_changed_and_measures_what_was_proposed() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let store = store_in(folder.path());
    let big = |tools: bool| {
        let image = base(1);
        let image = match tools {
            true => image.layer(
                "RUN /bin/sh -c apt-get install -y gcc # buildkit",
                LayerBuilder::new().file("usr/share/doc/gcc/manual", noise(3000, 9)),
            ),
            false => image,
        };
        image.layer("COPY . /app # buildkit", LayerBuilder::new().file("app/x", noise(50, 3)))
    };
    fleet.put(&registry, "shop/web", "1", &big(true));
    fleet.put(&registry, "shop/web", "2", &big(true).config("User", "1000".into()));
    fleet.put(&registry, "shop/old", "1", &app(0, 1));
    let sweep = || {
        let run = home.run(&["sweep", &registry.host, "--store", &store, "--format", "json"]);
        assert!(run.status <= 1, "{}", run.stderr);
        run.json()
    };
    let first = sweep();
    let advice = first["advice"].as_array().unwrap();
    let tools = advice.iter().find(|a| a["kind"] == "unneeded").unwrap();
    assert!(tools["title"].as_str().unwrap().contains("apt-get install -y gcc"), "{tools}");
    let predicted = tools["registry_bytes"].as_u64().unwrap();
    assert!((3_000_000..3_200_000).contains(&predicted), "{predicted}");
    assert_eq!(tools["pull_bytes"], predicted * 2, "two tags");

    // The advice is followed, a tag is new, a repository is gone.
    fleet.put(&registry, "shop/web", "1", &big(false));
    fleet.put(&registry, "shop/web", "2", &big(false).config("User", "1000".into()));
    fleet.put(&registry, "shop/new", "1", &big(false));
    registry.remove_tag("shop/old", "1");
    let second = sweep();
    let measured = second["measured"].as_array().unwrap();
    let tools = measured.iter().find(|m| m["kind"] == "unneeded").unwrap();
    for kind in ["registry", "pull"] {
        let predicted = tools[format!("predicted_{kind}_bytes")].as_f64().unwrap();
        let measured = tools[format!("measured_{kind}_bytes")].as_f64().unwrap();
        assert!((measured / predicted - 1.0).abs() < 0.05, "{kind}: {predicted} {measured}");
    }
    let changes = home.run(&["inventory", "changes", "--store", &store, "--format", "json"]).json();
    let changes: Vec<(String, String)> = changes["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| {
            (r["change"].as_str().unwrap().to_owned(), r["image"].as_str().unwrap().to_owned())
        })
        .collect();
    let named = |change: &str, name: &str| (change.to_owned(), format!("{}/{name}", registry.host));
    assert_eq!(
        changes,
        [
            named("gone", "shop/old:1"),
            named("moved", "shop/web:1"),
            named("moved", "shop/web:2"),
            named("new", "shop/new:1"),
        ]
    );
}

#[test]
fn a_secret_is_followed_to_the_layer_and_the_repository_that_brought_it() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let store = store_in(folder.path());
    let leaky = || {
        let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(1));
        let layer = LayerBuilder::new().file("root/.npmrc", npmrc);
        base(2).layer("RUN npm login # buildkit", layer)
    };
    fleet.put(&registry, "base/node", "20", &leaky());
    for n in 0..5 {
        let mut own = LayerBuilder::new().file("app/n", n.to_string());
        if n == 4 {
            own = own.file("root/.wh..npmrc", "");
        }
        let image = leaky().layer("COPY . /app # buildkit", own);
        fleet.put(&registry, &format!("a-team/app-{n}"), "1", &image);
    }
    let run = home.run(&["sweep", &registry.host, "--store", &store, "-q"]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    let ask = |args: &[&str]| {
        let words = [&["inventory"], args, &["--store", &store, "--format", "json"]].concat();
        home.run(&words).json()["rows"].as_array().unwrap().clone()
    };
    let secrets = ask(&["secrets"]);
    let found = secrets.iter().find(|s| s["path"] == "root/.npmrc").unwrap();
    assert_eq!(found["brought_by"], format!("{}/base/node", registry.host));
    assert_eq!((&found["tags"], &found["repositories"]), (&6.into(), &6.into()));
    // The most exposed of all places.
    assert_eq!(found["state"], "visible");
    assert_eq!(found["instruction"], "RUN npm login");
    let print = found["fingerprint"].as_str().unwrap();
    assert_eq!(ask(&["places", "--fingerprint", &print[..12]]).len(), 6);
    assert_eq!(ask(&["images", "--fingerprint", print, "--repository", "a-*"]).len(), 5);
    let layer = found["layer"].as_str().unwrap();
    assert_eq!(ask(&["images", "--layer", layer]).len(), 6);
    assert_eq!(ask(&["images", "--root"]).len(), 6);
    let whole = std::fs::read(&store).unwrap();
    let secret = token(1);
    assert!(!whole.windows(secret.len()).any(|w| w == secret.as_bytes()), "in clear in the store");
    let advice = ask(&["advice"]);
    assert_eq!(advice[0]["kind"], "leak");
    assert_eq!(advice[0]["tags"], 6);

    // Every other form says the same.
    let csv = home.run(&["inventory", "secrets", "--store", &store, "--format", "csv"]).text();
    assert_eq!(csv.lines().count(), secrets.len() + 1);
    let lines = home.run(&["inventory", "secrets", "--store", &store, "--format", "jsonl"]).text();
    assert_eq!(lines.lines().count(), secrets.len());
    let parquet = folder.path().join("s.parquet");
    let args =
        ["inventory", "secrets", "--store", &store, "--format", "parquet", "-o", &show(&parquet)];
    assert_eq!(home.run(&args).status, 0);
    assert_eq!(&std::fs::read(&parquet).unwrap()[..4], b"PAR1");
    let page = home.run(&["inventory", "report", "--store", &store]).text();
    assert!(page.contains("Content-Security-Policy") && page.contains("base/node"));
    let wrong = home.run(&["inventory", "sql", "DELETE FROM tags", "--store", &store]);
    assert_ne!(wrong.status, 0);
    assert_eq!(ask(&["images"]).len(), 6);
}

#[test]
fn the_end_of_a_sweep_answers_how_bad_where_and_what_to_do() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    Fleet::fill(&registry, 5);
    let store = store_in(folder.path());
    let text = |args: &[&str]| {
        let run = home.run(&[args, &["--store", &store]].concat());
        assert!(run.status <= 1, "{args:?}: {}", run.stderr);
        // Ports have five digits here, so that columns do not move.
        run.text().replace(&registry.host, "127.0.0.1:PORT_").replace("PORT_", "55555")
    };
    insta::assert_snapshot!("sweep_plan", text(&["sweep", &registry.host, "--dry-run"]));
    insta::assert_snapshot!("sweep", text(&["sweep", &registry.host]));
    let days = |s: String| s.lines().map(|l| l.trim_end().to_owned() + "\n").collect::<String>();
    for view in ["secrets", "images", "bases", "repositories", "advice"] {
        let table = days(text(&["inventory", view, "--limit", "6"]));
        insta::assert_snapshot!(format!("inventory_{view}"), table);
    }
}

#[test]
fn names_from_images_stay_text_in_every_form() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let store = store_in(folder.path());
    let npmrc = format!("//registry.npmjs.org/:_authToken={}\n", token(4));
    let layer = LayerBuilder::new()
        .file("app/</script><script>alert(1)</script>/.npmrc", &npmrc)
        .file("=cmd|' /C calc'!A1/.npmrc", &npmrc)
        .file("app/\u{1b}[31mred/.npmrc", &npmrc);
    let image = base(0).layer("RUN echo </script>\u{1b}[2J =1+1 # buildkit", layer);
    fleet.put(&registry, "team/app", "1", &image);
    let run = home.run(&["sweep", &registry.host, "--store", &store]);
    assert_eq!(run.status, 1, "{}", run.stderr);
    assert!(!run.text().contains('\u{1b}'));
    let ask =
        |args: &[&str]| home.run(&[&["inventory"], args, &["--store", &store]].concat()).text();
    let page = ask(&["report"]);
    assert_eq!(page.matches("</script>").count(), 2, "the page's own two elements end");
    assert!(!page.contains("<script>alert"));
    // In a real browser it is drawn, complains of nothing and asks nobody.
    let file = folder.path().join("fleet.html");
    std::fs::write(&file, &page).unwrap();
    let browser = Browser::start();
    browser.open(&file, crate::html::WIDE);
    browser.js("document.querySelector('#tab-layers').click()");
    let text = browser.text("return document.querySelector('main').innerText");
    assert!(text.contains("RUN echo </script>") && !text.contains('\u{1b}'), "{text}");
    crate::html::is_sound(&browser, &file, crate::html::WIDE);
    assert!(!ask(&["places", "-v"]).contains('\u{1b}'));
    let csv = ask(&["places", "--format", "csv"]);
    assert!(csv.contains(",'=cmd|") && !csv.contains(",=cmd|"), "{csv}");
    for line in ask(&["places", "--format", "jsonl"]).lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn root_by_another_name_is_root_in_the_inventory_too() {
    let (home, folder) = (Home::new(), tempfile::tempdir().unwrap());
    let registry = Registry::start(Auth::Anonymous, None);
    let mut fleet = Fleet::default();
    let passwd = "root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";
    for user in ["toor", "app"] {
        let layer = LayerBuilder::new().file("etc/passwd", passwd);
        let image = base(0).layer("COPY passwd /etc/ # buildkit", layer);
        fleet.put(&registry, "team/app", user, &image.config("User", user.into()));
    }
    let store = store_in(folder.path());
    let run = home.run(&["sweep", &registry.host, "--store", &store, "--fail-on", "never"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let args = ["inventory", "images", "--root", "--store", &store, "--format", "json"];
    let rows = home.run(&args).json()["rows"].as_array().unwrap().clone();
    let named: Vec<_> = rows.iter().map(|r| r["run_as"].as_str().unwrap()).collect();
    assert_eq!(named, ["toor"]);
}

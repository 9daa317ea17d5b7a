use super::super::packages::feed;
use super::*;
use proptest::prelude::*;

fn of(path: &str, text: &str) -> References {
    let facts = feed(&mut ReferenceAnalyzer::new(), path, text.as_bytes(), 7);
    facts.references.into_iter().next().unwrap_or_default()
}

#[test]
fn an_entry_script_tells_its_commands() {
    let found = of(
        "app/entry.sh",
        r#"#!/bin/sh -e
# gcc is only named here
export PASS=hunter2abc
. /etc/default/app
. ./lib.sh
if [ -f /run/x ]; then cat /run/x | grep -q y && sed -i s/a/b/ "/etc/app/$NAME.conf"; fi
VERSION=`git rev-parse HEAD` && id=$(whoami)
if [ "$(stat -c %u /data)" = 0 ] && chown x "$(echo `dirname "$1"`)"; then :; fi
cat > /tmp/out <<EOF
nothing here is run
EOF
exec gosu app /usr/local/bin/server --password hunter2abc "$@"
"#,
    );
    assert_eq!(found.interpreter, ["/bin/sh", "-e"]);
    assert_eq!(
        found.commands,
        [
            "/usr/local/bin/server",
            "cat",
            "chown",
            "dirname",
            "exec",
            "git",
            "gosu",
            "grep",
            "sed",
            "stat",
            "whoami"
        ]
    );
    assert_eq!(found.includes, ["./lib.sh", "/etc/default/app"]);
    for path in ["/etc/default/app", "/etc/app", "/usr/local/bin/server", "/run/x"] {
        assert!(found.paths.iter().any(|p| p == path), "{path}: {:?}", found.paths);
    }
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    assert!(found.unclear.is_empty() && !found.runs_arguments);
}

#[test]
fn what_only_a_run_can_tell_is_said() {
    let found = of("entry.sh", "#!/bin/bash\neval \"$X\"\n$CMD --now\nexec \"$@\"\n");
    assert_eq!(
        found.unclear,
        ["it evaluates text (eval)", "it starts what a variable holds ($CMD)"]
    );
    assert!(found.runs_arguments);
    let found = of("entry.sh", "#!/bin/sh\nset -- redis-server \"$@\"\nexec \"$@\"\n");
    assert!(found.runs_arguments && found.commands.iter().any(|c| c == "redis-server"));
}

#[test]
fn settings_name_paths_modules_and_commands() {
    let found = of(
        "etc/nginx/nginx.conf",
        "user www;\nload_module modules/ngx_http_x_module.so;\nhttp {\n  include /etc/nginx/mime.types;\n}\n",
    );
    assert_eq!(found.includes, ["/etc/nginx/mime.types", "modules/ngx_http_x_module.so"]);
    let found = of("srv/supervisord.conf", "[program:x]\ncommand = /usr/bin/python3 /srv/a.py\n");
    assert_eq!(found.commands, ["/usr/bin/python3"]);
    assert!(found.paths.contains(&"/srv/a.py".to_owned()));
    let found =
        of("app/package.json", r#"{"scripts": {"start": "node server.js", "test": "jest"}}"#);
    assert_eq!(found.commands, ["node"]);
}

#[test]
fn programs_name_well_known_tools_only() {
    let found =
        of("app/main.py", "subprocess.run([\"git\", \"clone\", 'hunter2'])\nopen('/var/data/x')");
    assert_eq!((found.commands, found.paths), (vec!["git".into()], vec!["/var/data/x".into()]));
    assert_eq!(of("usr/lib/python3/dist-packages/a.py", "run('git')"), References::default());
    assert_eq!(of("etc/shadow", "root:/x/y/z:"), References::default());
}

proptest! {
    #[test]
    fn no_text_panics(text in "[a-z$`'\"(){};|&<#\\\\ \n/.@*-]{0,300}") {
        of("x.sh", &text);
        of("etc/x", &text);
        of("app/x.py", &text);
    }
}

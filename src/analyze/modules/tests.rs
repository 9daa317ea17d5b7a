use super::*;
use crate::analyze::packages::feed;
use crate::analyze::{How, Load, Modules};

fn found(path: &str, text: &str) -> Vec<(String, u16, How)> {
    let facts = feed(&mut ModuleAnalyzer::new(), path, text.as_bytes(), 7);
    let Modules { names, files } = &facts.modules;
    let list = files.first().map(|f| f.list.clone()).unwrap_or_default();
    list.iter()
        .map(|Load { name, line, how }| (names[*name as usize].clone(), *line, *how))
        .collect()
}

fn names(path: &str, text: &str, how: How) -> Vec<String> {
    found(path, text).into_iter().filter(|f| f.2 == how).map(|f| f.0).collect()
}

const LIB: &str = "usr/local/lib/python3.11/site-packages/x/a.py";

#[test]
fn an_import_is_told_with_its_line_and_what_stands_around_it() {
    let text = r#"""" import not.this """
import os, a.b as c
from .x import (y,  # import no
    z as w, Class)
from . import s
from.g import *
try:
    import quick
except ImportError:
    quick = None
if TYPE_CHECKING:
    import typed
else:
    import really
def f():
    if x:
        import late
    '''
    import in_text
    '''
with w(): 
    import within
class C:
    import of_class
async def g(): import one_line
x = "import no"; import behind
import \
    broken
"#;
    use How::{Always, Guarded, Later, Member};
    let expected = [
        ("os", 2, Always),
        ("a.b", 2, Always),
        (".x", 3, Always),
        ("y", 3, Member),
        ("z", 3, Member),
        (".", 5, Always),
        ("s", 5, Member),
        (".g", 6, Always),
        ("quick", 8, Guarded),
        ("really", 14, Guarded),
        ("late", 17, Later),
        ("within", 22, Always),
        ("of_class", 24, Always),
        ("one_line", 25, Later),
        ("behind", 26, Always),
        ("broken", 27, Always),
    ];
    let told: Vec<_> = found(LIB, text);
    let told: Vec<_> = told.iter().map(|(n, l, h)| (n.as_str(), *l, *h)).collect();
    assert_eq!(told, expected);
}

#[test]
fn quotes_in_comments_and_texts_do_not_turn_the_file_inside_out() {
    for line in ["# it's \"\"\" here", "a = '\"\"\"'", "a = \"'''\"", "a = 'x\\'' # '''", "r'\\'"] {
        let text = format!("{line}\nimport real\n'''\nimport unreal\n'''\nimport last\n");
        assert_eq!(names(LIB, &text, How::Always), ["real", "last"], "{line}");
    }
    assert_eq!(names(LIB, "'''\nimport unreal\n", How::Always), [""; 0]);
}

#[test]
fn modules_that_are_loaded_by_name_are_told() {
    let text = "x = importlib.import_module('a.b')\ny = __import__(\"c\")\nimport_module(name)\nimport_module('not a name')";
    assert_eq!(names(LIB, text, How::Later), ["a.b", "c"]);
}

#[test]
fn texts_of_the_application_are_told_where_they_read_like_modules() {
    let text = "INSTALLED_APPS = [\n  'rest_framework',  # 'no'\n  \"corsheaders\",\n]\nx = ['plain']\n\
        ENGINE = 'django.db.x'\nPASSWORD = 'hunter2.dot'\napi_key='a.b'\nuvicorn.run('service.main:app')\n";
    let told = names("app/a.py", text, How::Text);
    assert_eq!(told, ["rest_framework", "corsheaders", "django.db.x", "service.main"]);
    assert_eq!(names(LIB, text, How::Text), [""; 0]);
    // An application that was installed as a library lists its parts there.
    assert_eq!(names(&LIB.replace("a.py", "settings.py"), text, How::Text).len(), 4);
}

#[test]
fn settings_name_modules_with_dots_or_behind_an_option() {
    let text =
        "class=pythonjsonlogger.json.Formatter\npython -m celery worker\npassword: a.b\nx: plain\n";
    let told = names("app/logging.ini", text, How::Text);
    assert_eq!(told, ["pythonjsonlogger.json.Formatter", "celery"]);
    assert_eq!(names("app/pyproject.toml", text, How::Text), [""; 0]);
}

#[test]
fn groups_of_plugins_words_and_stored_objects_are_told() {
    let text = "[console_scripts]\nx = y:z\n\n[sqlalchemy.dialects]\na = b:c\n";
    assert_eq!(
        names("s/x-1.dist-info/entry_points.txt", text, How::Group),
        ["sqlalchemy.dialects"]
    );
    assert_eq!(names("app/a.py", "df.to_parquet(x)\nplots = 1", How::Word), ["parquet"]);
    let pickle = "\u{80}\u{4}\u{8c}\u{11}pandas.core.frame\u{8c}\u{9}DataFrame cnumpy.core\nx\n";
    let told = names("app/model.pkl", pickle, How::Text);
    assert_eq!(told, ["cnumpy.core", "numpy.core", "pandas.core.frame"]);
    // What is packed may name anything.
    assert_eq!(names("app/model.joblib", "x\u{1}pressed", How::Word).len(), WORDS.len());
}

#[test]
fn much_of_everything_is_bounded() {
    let text = "import a\n".repeat(100_000);
    assert_eq!(found(LIB, &text).len(), 1);
    let text: String = (0..10_000).map(|n| format!("import m{n}\n")).collect();
    assert_eq!(found(LIB, &text).len(), 3000);
    let deep: String = (0..3000).map(|n| format!("{}if x:\n", " ".repeat(n))).collect();
    assert_eq!(found(LIB, &deep), []);
    assert_eq!(found(LIB, &format!("import {}", "a".repeat(5000))), []);
}

#[test]
fn packages_of_javascript_and_of_a_manifest_are_told() {
    let text = "const a = require('lodash/fp'), b = require(\"./own\");\nimport x from '@s/p/dist/x.js';\n\
        import 'side';\n  // require('comment')\n * import('doc')\nawait import(`late`); export * from 'again'\n\
        import type { T } from 'types'; const p = 'hunter2'; require(variable)";
    let told = names("app/a.ts", text, How::Always);
    assert_eq!(told, ["lodash", "@s/p", "side", "late", "again"]);
    assert_eq!(found("app/node_modules/x/a.js", text), []);
    let text = r#"{"dependencies": {"b": "1", "a": {}, "no name": 1}, "optionalDependencies": {"c": 1},
        "peerDependencies": ["x"], "devDependencies": {"d": 1}}"#;
    let path = "app/node_modules/x/package.json";
    assert_eq!(names(path, text, How::Always), ["a", "b", "c"]);
    assert_eq!(names(path, "{}", How::Group), [MANIFEST]);
    assert_eq!(names(path, "{", How::Group), [""; 0]);
}

//! The program in a terminal of its own (tmux): what a person sees after each key.

use super::{secret, shop};
use crate::support::program::Home;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

struct Screen {
    socket: String,
    folder: TempDir,
    _home: Home,
}

impl Screen {
    /// A shell of 80 columns and 24 lines.
    fn open() -> Self {
        let (folder, home) = (tempfile::tempdir().unwrap(), Home::new());
        let socket = format!("careen-{}", folder.path().file_name().unwrap().display());
        // The prompt of a shell says who asks; here it is the same for everyone. The shell reads it from
        // a file: typed, it could be there before the shell and stand in the line of the first prompt.
        let rc = home.0.path().join("rc");
        std::fs::write(&rc, "PS1='$ '\n").unwrap();
        let screen = Self { socket, folder, _home: home };
        let rc = format!("ENV={}", rc.display());
        screen.tmux(&["new-session", "-d", "-x", "80", "-y", "24", "-e", &rc, "sh"]);
        screen.prompt();
        screen
    }

    fn tmux(&self, args: &[&str]) -> String {
        let out = Command::new("tmux")
            .args(["-f", "/dev/null", "-L", &self.socket])
            .args(args)
            .current_dir(self.folder.path())
            .env("CAREEN_CACHE_DIR", self._home.cache())
            .env("HOME", self._home.0.path())
            .env("TERM", "xterm-256color")
            .env_remove("TMUX")
            .output()
            .expect("tmux is needed (Debian: tmux)");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn shown(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// Waits until the screen has a text.
    fn wait(&self, text: &str) -> String {
        let start = Instant::now();
        loop {
            let shown = self.shown();
            if shown.contains(text) {
                return shown;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "no {text:?} in\n{shown}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the shell: what is typed before it is back is lost.
    fn prompt(&self) {
        let start = Instant::now();
        while self.shown().trim_end().lines().last() != Some("$") {
            assert!(start.elapsed() < Duration::from_secs(60), "no prompt in\n{}", self.shown());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn type_in(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).output();
    }
}

fn explore(screen: &Screen) {
    shop().write_layout(&screen.path("image"), "1");
    screen.type_in(&format!("{} explore image:1", env!("CARGO_BIN_EXE_careen")));
    screen.keys(&["Enter"]);
    screen.wait("all layers together · largest first");
}

fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn a_deleted_file_is_found_looked_at_and_saved() {
    let screen = Screen::open();
    explore(&screen);
    // Down to the file by its finding.
    screen.keys(&["!"]);
    screen.wait("the worst first");
    screen.keys(&["Enter"]);
    screen.wait("deleted by layer 2, still downloaded");
    screen.keys(&["Enter"]);
    let text = screen.wait("NPM_TOKEN=npm_****");
    assert!(!text.contains(&secret()));
    screen.keys(&["x"]);
    screen.wait("save in the current folder as: env");
    screen.keys(&["Enter"]);
    screen.wait("saved env");
    let wanted = format!("NAME=shop\nNPM_TOKEN={}\nPORT=1\n", secret());
    assert_eq!(bytes(&screen.path("env")), wanted.as_bytes());
    // What is there stays.
    screen.keys(&["x"]);
    screen.wait("save in the current folder as: env");
    screen.keys(&["Enter"]);
    screen.wait("env is there already");
    // A name leads nowhere else.
    screen.keys(&["x"]);
    screen.wait("save in the current folder as: env");
    screen.type_in("/../../x");
    screen.keys(&["Enter"]);
    screen.wait("save in the current folder as: env/../../x");
    screen.keys(&["Escape"]);

    screen.keys(&["a", "/"]);
    screen.type_in("data.bin");
    screen.wait("app/data.bin");
    screen.keys(&["Enter"]);
    screen.wait("/app/data.bin");
    screen.keys(&["Enter"]);
    screen.wait("00000010  00 00 00");
    screen.keys(&["Tab"]);
    screen.wait("text, 3.00 kB");
    screen.keys(&["q"]);
    screen.keys(&["?"]);
    screen.wait("open a folder; look into a file");
    screen.keys(&["q"]);
    screen.keys(&["w"]);
    screen.wait("no package brought it");
    screen.keys(&["Escape"]);
    screen.wait("? help");
    // The shell is there again as it was.
    screen.keys(&["q"]);
    screen.prompt();
    screen.type_in("echo back $?");
    screen.keys(&["Enter"]);
    screen.wait("back 0");
    assert!(!screen.shown().contains("compressed"), "{}", screen.shown());
}

#[test]
fn the_terminal_is_given_back_on_ctrl_c_and_on_a_signal() {
    let screen = Screen::open();
    explore(&screen);
    screen.keys(&["C-c"]);
    screen.prompt();
    screen.type_in("stty -a | grep -c -w echo; echo is $?");
    screen.keys(&["Enter"]);
    let shown = screen.wait("is 0");
    assert!(!shown.contains("largest first"), "{shown}");
    screen.type_in("clear");
    screen.keys(&["Enter"]);
    screen.prompt();
    screen.type_in(&format!("{} explore image:1", env!("CARGO_BIN_EXE_careen")));
    screen.keys(&["Enter"]);
    screen.wait("largest first");
    let pid = screen.tmux(&["display-message", "-p", "#{pane_pid}"]);
    let killed =
        Command::new("pkill").args(["-TERM", "-P", pid.trim(), "careen"]).status().unwrap();
    assert!(killed.success());
    screen.prompt();
    screen.type_in("echo ended $?");
    screen.keys(&["Enter"]);
    screen.wait("ended 143");
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let image = shop().write_layout(folder.path(), "1");
    let run = home.run(&["explore", &image.display().to_string()]);
    assert_eq!((run.status, run.text().as_str()), (2, ""));
    assert!(run.stderr.contains("needs a terminal\nhint: `careen files`"), "{}", run.stderr);
}

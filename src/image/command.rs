//! The command that a container of the image really starts.

use super::view::{Node, View};
use crate::layer::{LONGEST_PATH, LayerPath};
use crate::oci::ContainerConfig;

/// What starts, with all that can be told from the config and the final file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Entrypoint and cmd, as a runtime joins them.
    pub argv: Vec<String>,
    /// Started through a shell (`CMD make run` rather than `CMD ["make", "run"]`): the program does
    /// not get the signals.
    pub shell_form: bool,
    /// The program's file, symlinks followed. `None` where it is not found.
    pub program: Option<(LayerPath, Node)>,
}

/// `PATH` where the config sets none (runc's default).
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Folders of a `PATH` that are looked into.
pub const MOST_FOLDERS: usize = 256;

/// Joins entrypoint and cmd and finds the program.
pub fn effective_command(config: &ContainerConfig, view: &View) -> Command {
    let argv: Vec<String> = config.entrypoint.iter().chain(&config.cmd).cloned().collect();
    let shell_form = match argv.as_slice() {
        [shell, flag, _, ..] => {
            let name = shell.rsplit('/').next().unwrap_or_default();
            flag == "-c" && ["sh", "bash", "ash", "dash"].contains(&name)
        }
        _ => false,
    };
    let program = argv.first().and_then(|p| find_program(config, view, p));
    Command { argv, shell_form, program }
}

/// Finds a program as `execvp` would: a name with `/` is a path from the working directory, any other
/// is looked for in `PATH`.
pub fn find_program(
    config: &ContainerConfig,
    view: &View,
    name: &str,
) -> Option<(LayerPath, Node)> {
    let file = |path: LayerPath| view.follow(&path).filter(|(_, n)| !view.entry(*n).is_dir());
    let from = |dir: &str| match dir.starts_with('/') {
        true => LayerPath::from(dir),
        false => LayerPath::from(config.working_dir.as_str()).join(dir.as_bytes()),
    };
    // Linux opens no longer path.
    if name.is_empty() || name.len() + config.working_dir.len() > 2 * LONGEST_PATH {
        return None;
    }
    if name.contains('/') {
        return file(from(name));
    }
    let path = config.env.iter().find_map(|e| e.strip_prefix("PATH="));
    let folders = path.unwrap_or(DEFAULT_PATH).split(':').take(MOST_FOLDERS);
    folders
        .filter(|dir| dir.len() <= LONGEST_PATH)
        .find_map(|dir| file(from(dir).join(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    #[test]
    fn a_program_is_found_by_path_and_link() {
        let view = View::merge(&[layer(vec![
            symlink("bin", "usr/bin"),
            sized("usr/bin/dash", 1),
            symlink("usr/bin/sh", "dash"),
            sized("app/run", 1),
        ])]);
        let mut config = ContainerConfig {
            entrypoint: vec!["/bin/sh".into(), "-c".into(), "x".into()],
            working_dir: "/app".into(),
            ..Default::default()
        };
        let c = effective_command(&config, &view);
        assert!(c.shell_form);
        assert_eq!(c.program.unwrap().0, "usr/bin/dash".into());
        config.entrypoint = vec!["./run".into()];
        config.cmd = vec!["-v".into()];
        let c = effective_command(&config, &view);
        assert_eq!((c.argv, c.shell_form), (vec!["./run".to_string(), "-v".into()], false));
        assert_eq!(c.program.unwrap().0, "app/run".into());
        assert!(find_program(&config, &view, "sh").is_some());
        assert!(find_program(&config, &view, "nothing").is_none());
    }
}

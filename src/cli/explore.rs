//! `careen explore`: the terminal around [`crate::explore`]. Keys go in, wishes are carried out on a thread
//! beside, so that no key waits for a layer to be read.

use super::args::Global;
use super::error::CliError;
use super::explore_args::Explore;
use super::settings::SourceSettings;
use super::status::Status;
use super::terminal::Terminal;
use super::{interrupt, plan, progress};
use crate::explore::{Answer, Effect, Explorer, Key};
use crate::pipeline::explore::{OpenImage, open};
use crate::pipeline::{PipelineError, Plan};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    self, DisableMouseCapture, EnableMouseCapture, Event, KeyCode, KeyEventKind, KeyModifiers,
    MouseButton, MouseEventKind,
};
use ratatui::crossterm::execute;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

/// How often an answer is looked for while nobody presses a key.
const TICK: Duration = Duration::from_millis(50);

pub fn run(args: &Explore, global: &Global, terminal: &Terminal) -> Result<Status, CliError> {
    if !io::stdout().is_terminal() || (args.reference != "-" && !io::stdin().is_terminal()) {
        return Err(CliError::UsageWithHint {
            what: "`explore` needs a terminal".to_owned(),
            hint:
                "`careen files` lists what is in an image, `careen inspect` what is wrong with it"
                    .to_owned(),
        });
    }
    let settings = SourceSettings::new(&args.source, false, args.reveal, &[&args.reference])?;
    let plan = Plan { advise: false, ..plan::plan(&args.reference, &settings)? };
    let image = Arc::new(progress::during(terminal, global.quiet, |p| open(&plan, p))?);
    let partial = image.report.not_looked_at.iter().any(|n| n.failed);
    let explorer = Explorer::new(Arc::clone(&image));
    let (wishes, answers) = worker(image);
    // From here on the screen is ours, and given back whatever happens.
    let screen = ratatui::try_init().map_err(CliError::Stdout)?;
    interrupt::on_end(give_back);
    let done = execute!(io::stdout(), EnableMouseCapture)
        .and_then(|()| look_around(screen, explorer, terminal.stdout_colour, &wishes, &answers));
    give_back();
    done.map_err(CliError::Stdout)?;
    Ok(if partial { Status::NotLookedAt } else { Status::Clean })
}

fn give_back() {
    let _ = execute!(io::stdout(), DisableMouseCapture);
    ratatui::restore();
}

fn look_around(
    mut screen: DefaultTerminal,
    mut explorer: Explorer,
    colour: bool,
    wishes: &Sender<Effect>,
    answers: &Receiver<Answer>,
) -> io::Result<()> {
    loop {
        screen.draw(|frame| explorer.draw(frame, colour))?;
        // All keys that are there, then one picture: a held key must not lag behind.
        let mut waited = false;
        while event::poll(if waited { Duration::ZERO } else { TICK })? {
            waited = true;
            let Some(key) = key(&event::read()?) else { continue };
            match explorer.key(key) {
                Effect::None => {}
                Effect::Quit => return Ok(()),
                wish => {
                    let _ = wishes.send(wish);
                }
            }
        }
        while let Ok(answer) = answers.try_recv() {
            explorer.answer(answer);
        }
    }
}

/// What an event of the terminal means here. Ctrl-C leaves, as everywhere.
fn key(event: &Event) -> Option<Key> {
    Some(match event {
        Event::Key(k) if k.kind == KeyEventKind::Release => return None,
        Event::Key(k) if k.modifiers.contains(KeyModifiers::CONTROL) => match k.code {
            KeyCode::Char('c') => {
                interrupt::now();
                return None;
            }
            KeyCode::Char('d') => Key::PageDown,
            KeyCode::Char('u') => Key::PageUp,
            _ => return None,
        },
        Event::Key(k) => match k.code {
            KeyCode::Char(c) => Key::Char(c),
            KeyCode::Up => Key::Up,
            KeyCode::Down => Key::Down,
            KeyCode::Left => Key::Left,
            KeyCode::Right => Key::Right,
            KeyCode::PageUp => Key::PageUp,
            KeyCode::PageDown => Key::PageDown,
            KeyCode::Home => Key::Home,
            KeyCode::End => Key::End,
            KeyCode::Enter => Key::Enter,
            KeyCode::Esc => Key::Esc,
            KeyCode::Tab => Key::Tab,
            KeyCode::BackTab => Key::BackTab,
            KeyCode::Backspace => Key::Backspace,
            _ => return None,
        },
        Event::Mouse(m) => match m.kind {
            MouseEventKind::Down(MouseButton::Left) => Key::Click(m.column, m.row),
            MouseEventKind::ScrollUp => Key::WheelUp,
            MouseEventKind::ScrollDown => Key::WheelDown,
            _ => return None,
        },
        _ => return None,
    })
}

/// A thread that carries out one wish after the other. It ends when nobody wishes any more.
fn worker(image: Arc<OpenImage>) -> (Sender<Effect>, Receiver<Answer>) {
    let (wishes, wanted) = mpsc::channel();
    let (answer, answers) = mpsc::channel();
    std::thread::spawn(move || {
        // Worked out when it is first asked for, and kept.
        let mut needs = None;
        for wish in wanted {
            let done = match wish {
                Effect::Read(node) => {
                    Answer::Read(node, image.begin(node, crate::explore::VIEW_LIMIT).map_err(told))
                }
                Effect::Save { node, name } => Answer::Saved(save(&image, node, &name)),
                Effect::Why(path) => {
                    let needs = needs.get_or_insert_with(|| image.needs().map_err(told));
                    let why = needs.as_ref().map_err(Clone::clone);
                    Answer::Why(why.and_then(|n| n.why(&path).map_err(told)))
                }
                Effect::None | Effect::Quit => continue,
            };
            if answer.send(done).is_err() {
                break;
            }
        }
    });
    (wishes, answers)
}

fn told(e: PipelineError) -> String {
    match e.hint() {
        Some(hint) => format!("{e}; {hint}"),
        None => e.to_string(),
    }
}

/// Into the current folder; a file that is there stays.
fn save(image: &OpenImage, node: crate::image::view::Node, name: &str) -> Result<String, String> {
    let path = Path::new(name);
    let failed = |e: io::Error| format!("cannot write {name}: {e}");
    if path.symlink_metadata().is_ok() {
        return Err(format!("{name} is there already"));
    }
    let mut file = tempfile::Builder::new().prefix(".careen-").tempfile_in(".").map_err(failed)?;
    interrupt::unfinished(Some(file.path()));
    let written = image.write(node, file.as_file_mut()).map_err(told);
    interrupt::unfinished(None);
    written?;
    file.persist_noclobber(path).map_err(|e| failed(e.error))?;
    Ok(name.to_owned())
}

//! `retrace replay run --interactive`: back and forth through a history, in the whole terminal.

mod draw;
mod state;

use std::{
    io::{self, IsTerminal as _},
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Zoned;
use kernel::Domain;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
};
use replay::steps::{Scope, Step, count, steps};
use runtime::Engine;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::{
    bar::Bar,
    failure::Failure,
    roles::Signals,
    words::{counted, out, plain},
};
use draw::{Colours, draw};
use state::{Flow, Key, Outside, State};

/// How many steps are held at most, so that any of them is shown at once; about a kilobyte each.
const MOST_STEPS: usize = 100_000;

/// How long a key is waited for before it is looked whether the process shall end.
const PATIENCE: Duration = Duration::from_millis(200);

/// Whether there is a terminal to draw on and to type at.
pub(super) fn check() -> Result<(), Failure> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Failure::usage("--interactive needs a terminal for input and output; without one, leave it out"))
}

/// Gathers the steps and lets somebody walk through them.
pub(super) async fn run(domain: &Domain, engine: &Engine, scope: Scope) -> Result<(), Failure> {
    let is_whole = scope.is_whole();
    let (steps, outside) = gather(domain, engine, scope, MOST_STEPS).await?;
    if steps.is_empty() {
        let log = plain(&engine.url()).into_owned();
        out(&format!("{log} {}\n", if is_whole { "is empty" } else { "has no events in that part" }));
        return Ok(());
    }
    let read_moment = |text: &str| runtime::moment::read(text, &Zoned::now());
    let state = State::new(&engine.url(), steps, outside, read_moment);
    let mut signals = Signals::watched()?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let showing = tokio::task::spawn_blocking(move || show(state, &stopped));
    tokio::pin!(showing);
    let shown = tokio::select! {
        shown = &mut showing => shown,
        () = signals.next() => {
            stop.cancel();
            showing.await
        }
    };
    let failed = |error: io::Error| Failure::failed(format!("the terminal can't be used: {error}"));
    shown.map_err(|error| Failure::failed(format!("showing it died: {error}")))?.map_err(failed)
}

/// The first steps, so many at most, and what there is after them.
async fn gather(
    domain: &Domain,
    engine: &Engine,
    scope: Scope,
    most: usize,
) -> Result<(Vec<Step>, Option<Outside>), Failure> {
    let gathered = Arc::new(Mutex::new((Vec::new(), None)));
    let progress = watch::Sender::new(0_u64);
    let bar = Bar::show(progress.subscribe(), |steps| counted(*steps, "step", "steps"));
    let of_the_scan = gathered.clone();
    let visit = move |step: Step| {
        let (steps, next) = &mut *of_the_scan.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.len() == most {
            *next = Some(step.event.position);
            return ControlFlow::Break(());
        }
        steps.push(step);
        progress.send_replace(steps.len() as u64);
        ControlFlow::Continue(())
    };
    let stepped = steps(domain, engine, scope.clone(), visit).await;
    bar.clear().await;
    stepped?;
    let (steps, next) = std::mem::take(&mut *gathered.lock().unwrap_or_else(PoisonError::into_inner));
    let outside = match next {
        Some(next) => Some(Outside { next, all: count(engine, scope).await? }),
        None => None,
    };
    Ok((steps, outside))
}

/// The terminal, given back as it was however this ends. A panic gives it back before it tells why.
struct Screen(DefaultTerminal);

impl Screen {
    fn open() -> io::Result<Self> {
        ratatui::try_init().map(Self)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

fn show(mut state: State, stop: &CancellationToken) -> io::Result<()> {
    let colours =
        if std::env::var_os("NO_COLOR").is_some_and(|no| !no.is_empty()) { Colours::None } else { Colours::Some };
    let mut screen = Screen::open()?;
    screen.0.draw(|frame| draw(frame, &mut state, colours))?;
    while !stop.is_cancelled() {
        if !event::poll(PATIENCE)? {
            continue;
        }
        match event::read()? {
            Event::Key(pressed) if pressed.kind != KeyEventKind::Release => {
                let Some(key) = key(pressed) else { continue };
                if state.press(key) == Flow::Quit {
                    break;
                }
            }
            Event::Resize(..) => {}
            Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Paste(_) => continue,
        }
        screen.0.draw(|frame| draw(frame, &mut state, colours))?;
    }
    Ok(())
}

/// What a key stands for; nothing for those that stand for nothing here.
fn key(KeyEvent { code, modifiers, .. }: KeyEvent) -> Option<Key> {
    if modifiers.contains(KeyModifiers::CONTROL) {
        return (code == KeyCode::Char('c')).then_some(Key::Interrupt);
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "a keyboard has many keys, and most mean nothing here")]
    match code {
        KeyCode::Char(c) => Some(Key::Character(c)),
        KeyCode::Right | KeyCode::Down => Some(Key::Next),
        KeyCode::Left | KeyCode::Up => Some(Key::Previous),
        KeyCode::PageDown => Some(Key::PageDown),
        KeyCode::PageUp => Some(Key::PageUp),
        KeyCode::Home => Some(Key::Home),
        KeyCode::End => Some(Key::End),
        KeyCode::Enter => Some(Key::Enter),
        KeyCode::Esc => Some(Key::Escape),
        KeyCode::Backspace => Some(Key::Backspace),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

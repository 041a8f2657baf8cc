//! Where somebody is in a history, and where a key takes them. Nothing here knows the terminal.

use kernel::{Moment, Position};
use replay::steps::{Decision, Step, Verdict};
use runtime::moment::UnreadableMoment;

use super::super::telling;
use crate::cli::words::{counted, is_unprintable, plain};

/// How many characters may be typed.
const MOST_TYPED: usize = 200;

/// A key, whatever terminal it was pressed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    Next,
    Previous,
    PageDown,
    PageUp,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    /// Ctrl-C: out, whatever is going on.
    Interrupt,
}

/// What comes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Stay,
    Quit,
}

/// What keys mean at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Stepping,
    Help,
    /// A text to search for is typed.
    Search(String),
    /// A place to go to is typed.
    Go(String),
}

/// Reads a moment, by whatever clock there is.
pub(super) type ReadMoment = fn(&str) -> Result<Moment, UnreadableMoment>;

/// What comes after the steps that are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outside {
    /// Where the first of the others stands.
    pub(super) next: Position,
    /// How many steps there are in all, where that is known.
    pub(super) all: Option<u64>,
}

/// A history, and where somebody is in it.
#[derive(Debug)]
pub(super) struct State {
    /// The log's name.
    pub(super) log: String,
    pub(super) steps: Vec<Step>,
    /// What comes after the steps.
    pub(super) outside: Option<Outside>,
    pub(super) at: usize,
    pub(super) mode: Mode,
    /// What there is to say about the last key.
    pub(super) note: Option<String>,
    /// How many lines of the details are scrolled over.
    pub(super) scrolled: usize,
    /// How many lines of them could be, and how many steps are in sight; the drawing knows.
    pub(super) most_scrolled: usize,
    pub(super) page: usize,
    /// In which steps something is decided otherwise, in order.
    pub(super) differing: Vec<usize>,
    /// How many decisions of the steps differ.
    pub(super) differences: u64,
    sought: Option<String>,
    read_moment: ReadMoment,
}

impl State {
    pub(super) fn new(log: &str, steps: Vec<Step>, outside: Option<Outside>, read_moment: ReadMoment) -> Self {
        let differing = steps.iter().enumerate().filter(|(_, step)| step.diverges()).map(|(at, _)| at).collect();
        let decisions = steps.iter().flat_map(|step| &step.decisions);
        let differences = decisions.filter(|decision| decision.differs()).count() as u64;
        let mut state = Self {
            log: plain(log).into_owned(),
            note: None,
            steps,
            outside,
            at: 0,
            mode: Mode::Stepping,
            scrolled: 0,
            most_scrolled: 0,
            page: 10,
            differing,
            differences,
            sought: None,
            read_moment,
        };
        state.note = state.within("only", " are here");
        state
    }

    /// The step that is looked at; none in a history without events.
    pub(super) fn step(&self) -> Option<&Step> {
        self.steps.get(self.at)
    }

    /// Does what a key stands for.
    pub(super) fn press(&mut self, key: Key) -> Flow {
        self.note = None;
        match (&mut self.mode, key) {
            (_, Key::Interrupt) => return Flow::Quit,
            (Mode::Stepping, key) => return self.stepping(key),
            (Mode::Help, _) | (_, Key::Escape) => self.mode = Mode::Stepping,
            (Mode::Search(text) | Mode::Go(text), Key::Character(c)) => {
                if !is_unprintable(c) && text.chars().count() < MOST_TYPED {
                    text.push(c);
                }
            }
            (Mode::Search(text) | Mode::Go(text), Key::Backspace) => {
                if text.pop().is_none() {
                    self.mode = Mode::Stepping;
                }
            }
            (_, Key::Enter) => match std::mem::replace(&mut self.mode, Mode::Stepping) {
                Mode::Search(text) => self.search(text),
                Mode::Go(text) => self.go(text.trim()),
                Mode::Stepping | Mode::Help => {}
            },
            (Mode::Search(_) | Mode::Go(_), _) => {}
        }
        Flow::Stay
    }

    fn stepping(&mut self, key: Key) -> Flow {
        let last = self.steps.len().saturating_sub(1);
        let page = self.page.max(1);
        match key {
            Key::Character('q') | Key::Escape => return Flow::Quit,
            Key::Character('j' | 'n' | 'l' | ' ') | Key::Next if self.at >= last => self.note = Some(self.end()),
            Key::Character('k' | 'p' | 'h') | Key::Previous if self.at == 0 => {
                self.note = Some("this is the first step".to_owned());
            }
            Key::Character('j' | 'n' | 'l' | ' ') | Key::Next => self.to(self.at + 1),
            Key::Character('k' | 'p' | 'h') | Key::Previous => self.to(self.at - 1),
            Key::PageDown => self.to((self.at + page).min(last)),
            Key::PageUp => self.to(self.at.saturating_sub(page)),
            Key::Home => self.to(0),
            Key::End => {
                self.to(last);
                self.note = self.within("the last of", "");
            }
            Key::Character('d') => match self.differing.iter().find(|index| **index > self.at) {
                Some(at) => self.to(*at),
                None => self.note = Some(self.no_later()),
            },
            Key::Character('D') => match self.differing.iter().rfind(|index| **index < self.at) {
                Some(at) => self.to(*at),
                None if self.differing.is_empty() => self.note = Some(self.no_later()),
                None => self.note = Some("no earlier decision differs".to_owned()),
            },
            Key::Character('c') => self.cause(),
            Key::Character('J') => self.scrolled = (self.scrolled + 1).min(self.most_scrolled),
            Key::Character('K') => self.scrolled = self.scrolled.saturating_sub(1),
            Key::Character('/') => self.mode = Mode::Search(String::new()),
            Key::Character('g') => self.mode = Mode::Go(String::new()),
            Key::Character('?') => self.mode = Mode::Help,
            Key::Character(_) | Key::Enter | Key::Backspace | Key::Interrupt => {}
        }
        Flow::Stay
    }

    fn to(&mut self, at: usize) {
        (self.at, self.scrolled) = (at, 0);
    }

    /// What is true of the steps that are held and not known of those after them; nothing where these are all.
    fn within(&self, what: &str, of_them: &str) -> Option<String> {
        let Outside { next, .. } = self.outside?;
        let steps = counted(self.steps.len() as u64, "step", "steps");
        Some(format!("{what} the first {steps}{of_them}; the rest with --from {next}"))
    }

    fn end(&self) -> String {
        self.within("the last of", "").unwrap_or_else(|| "this is the last step".to_owned())
    }

    fn no_later(&self) -> String {
        if !self.differing.is_empty() {
            let within = self.within("no later one in", "");
            return within.unwrap_or_else(|| "no later decision differs".to_owned());
        }
        if let Some(within) = self.within("none in", "") {
            return within;
        }
        let is_open = |decision: &&Decision| decision.verdict == Verdict::Unrecorded;
        match self.steps.iter().flat_map(|step| &step.decisions).filter(is_open).count() as u64 {
            0 => "nothing is decided otherwise than the log has it".to_owned(),
            open => format!("none differs; the log says nothing of {}", counted(open, "decision", "decisions")),
        }
    }

    /// Goes to the event that the step came of.
    fn cause(&mut self) {
        let Some(step) = self.step() else { return };
        let Some(cause) = &step.origin.cause else {
            return self.note = Some("the log names no event that this one came of".to_owned());
        };
        match self.steps.iter().position(|step| step.event.id == *cause) {
            Some(at) => self.to(at),
            None => {
                let cause = telling::cause(step).unwrap_or_default();
                self.note = Some(format!("not among these steps: event {cause}"));
            }
        }
    }

    /// Goes to the next step that says `text`, from the beginning where none follows; no text is the last one again.
    fn search(&mut self, text: String) {
        let Some(text) = Some(text).filter(|text| !text.is_empty()).or_else(|| self.sought.clone()) else { return };
        let wanted = text.to_lowercase();
        let (until, after) = self.steps.split_at(self.steps.len().min(self.at + 1));
        let says = |step: &Step| says(step, &wanted);
        let next = after.iter().position(says).map(|index| until.len() + index);
        match next.or_else(|| until.iter().position(says)) {
            Some(at) => {
                let (note, within) = match () {
                    () if at == self.at => ("only here", "only here in"),
                    () if next.is_none() => ("went on from the beginning", "again from the beginning of"),
                    () => ("", ""),
                };
                if !note.is_empty() {
                    self.note = self.within(within, "").or_else(|| Some(format!("\"{text}\": {note}")));
                }
                self.to(at);
            }
            None => self.note = self.within("not in", "").or_else(|| Some(format!("\"{text}\" is in no step"))),
        }
        self.sought = Some(text);
    }

    /// Goes to an event by its identifier, or to the first at or after a number, a position or a time.
    fn go(&mut self, text: &str) {
        let number = text.parse::<u64>();
        let by_id = self.steps.iter().position(|step| step.event.id == text && number.is_err());
        if let Some(at) = by_id {
            return self.to(at);
        }
        let has_numbers = || self.steps.iter().any(|step| step.event.number.is_some());
        let at = match number {
            Ok(_) if !has_numbers() => {
                return self.note = Some("this history has no event numbers; g takes a position or a time".to_owned());
            }
            Ok(number) => self.steps.iter().position(|step| step.event.number.is_some_and(|own| own >= number)),
            Err(_) if text.is_empty() => return,
            Err(_) => match (self.read_moment)(text) {
                Ok(Moment::Position(position)) => self.steps.iter().position(|step| step.event.position >= position),
                Ok(Moment::Number(number)) => {
                    self.steps.iter().position(|step| step.event.number.is_some_and(|own| own >= number.0))
                }
                Ok(Moment::Time(time)) => {
                    self.steps.iter().position(|step| step.event.position.time().is_some_and(|own| own >= time))
                }
                // What a command line has room to list does not fit below a screen.
                Err(_) => {
                    let wrong = format!("no number, position, time (as 2026-11-22 15:04) or id that is here: {text}");
                    return self.note = Some(wrong);
                }
            },
        };
        match at {
            Some(at) => self.to(at),
            None => {
                let nowhere = || Some(format!("no step is at or after {text}"));
                self.note = self.within("not in", "").or_else(nowhere);
            }
        }
    }
}

/// Whether a step says `wanted`, which is in small letters.
fn says(step: &Step, wanted: &str) -> bool {
    let line = |line: &telling::Line| line.row().to_lowercase().contains(wanted);
    let ids = [Some(&step.event.id), step.origin.cause.as_ref()];
    ids.into_iter().flatten().any(|id| id.to_lowercase().contains(wanted))
        || line(&telling::place(step))
        || telling::told(step).iter().any(line)
}

//! The screen: where and when on top, the events on the left, what came of one on the right, the keys below.

use kernel::{CREATED, DELETED, UPDATED};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Borders, Clear, Paragraph},
};
use replay::steps::{Step, Verdict};

use super::{
    super::telling::{self, Tone},
    state::{Mode, Outside, State},
};
use crate::cli::words::{counted, plain, since, thousands};

/// Nothing can be told on less.
const LEAST: (u16, u16) = (40, 10);

const KEYS: &str = "←→ step  d/D difference  c cause  / search  g go to  J/K scroll  ? help  q quit";

const HELP: [(&str, &str); 13] = [
    ("→  j  n  space", "one step on"),
    ("←  k  p", "one step back"),
    ("PgDn  PgUp", "a page on, a page back"),
    ("Home  End", "the first step, the last"),
    ("d  D", "the next decision that differs, the one before"),
    ("c", "the event that it came of"),
    ("/", "search in all that is told; empty: the same again"),
    ("g", "go to an event's number or id, a position or a time"),
    ("J  K", "scroll the details"),
    ("+  ~  -", "in the list: created, changed, deleted"),
    ("!  ?", "in the list: the log has it otherwise, says nothing"),
    ("?", "this help"),
    ("q  Esc  Ctrl-C", "quit"),
];

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Some,
    None,
}

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, state: &mut State, colours: Colours) {
    let area = frame.area();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        let (width, height) = LEAST;
        return frame.render_widget(Paragraph::new(format!("needs {width}x{height}")), area);
    }
    let rows = [Constraint::Length(2), Constraint::Min(1), Constraint::Length(1)];
    let [head, body, foot] = Layout::vertical(rows).areas(area);
    let list_width = (area.width * 2 / 5).clamp(18, 64);
    let [list, details] = Layout::horizontal([Constraint::Length(list_width), Constraint::Min(1)]).areas(body);
    header(frame, head, state);
    events(frame, list, state, colours);
    told(frame, details, state, colours);
    footer(frame, foot, state);
    if state.mode == Mode::Help {
        help(frame, body);
    }
}

fn header(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let (at, held) = (thousands(state.at as u64 + 1), thousands(state.steps.len() as u64));
    let steps = match state.outside {
        None => format!("step {at} of {held}"),
        Some(Outside { all: None, .. }) => format!("step {at} of the first {held}"),
        // What the log's name takes up beside it shall be little, not nothing.
        Some(Outside { all: Some(all), .. }) => format!("{at} of first {held} of {}", thousands(all)),
    };
    let differ = counted(state.differences, "decision differs", "decisions differ");
    let (where_, place) = match state.step() {
        Some(step) => (format!("{steps}, {differ}"), telling::place(step).row()),
        None => ("no events".to_owned(), String::new()),
    };
    let width = usize::from(area.width);
    let room = width.saturating_sub(Span::raw(&where_).width() + 2);
    let log = cut(&state.log, room);
    let gap = " ".repeat(width.saturating_sub(Span::raw(&log).width() + Span::raw(&where_).width()));
    let first = Line::from(vec![Span::styled(log, bold), Span::raw(gap), Span::raw(where_)]);
    frame.render_widget(Paragraph::new(vec![first, Line::raw(cut(&place, width))]), area);
}

fn events(frame: &mut Frame<'_>, area: Rect, state: &mut State, colours: Colours) {
    let block = Block::new().borders(Borders::TOP | Borders::RIGHT).title("events");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let height = usize::from(inner.height);
    state.page = height;
    // The step that is looked at is kept in the middle, as far as there are others on both sides.
    let first = state.at.saturating_sub(height / 2).min(state.steps.len().saturating_sub(height));
    let shown = state.steps.iter().enumerate().skip(first).take(height);
    let names = shown.clone().map(|(_, step)| name(step).len()).max().unwrap_or_default();
    let room = (names, usize::from(inner.width));
    let lines: Vec<_> = shown.map(|(index, step)| row(step, index == state.at, room, colours)).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// What an event goes by in the list: its number, which is shorter than its time and says as much, where it has one.
fn name(step: &Step) -> String {
    step.event.number.map_or_else(|| since(step.elapsed_us), |number| number.to_string())
}

/// One event in the list, with so much room for its name and for all of it.
fn row(step: &Step, is_at: bool, (names, width): (usize, usize), colours: Colours) -> Line<'static> {
    let is_open = step.decisions.iter().any(|decision| decision.verdict == Verdict::Unrecorded);
    let (mark, tone) = match () {
        () if step.diverges() || step.unreadable.is_some() => ("!", Tone::Different),
        () if is_open => ("?", Tone::Open),
        () => (" ", Tone::Plain),
    };
    let name = name(step);
    let key = step.event.key.as_deref().filter(|key| *key != step.event.position.to_string()).map(short);
    let subject = subject(&step.event.topic, key.as_deref(), &step.event.action);
    let text = cut(&format!("{mark} {name:>names$} {}", plain(&subject)), width);
    let pad = " ".repeat(width.saturating_sub(Span::raw(&text).width()));
    let style = style(tone, colours);
    let style = if is_at { style.add_modifier(Modifier::REVERSED) } else { style };
    Line::styled(format!("{text}{pad}"), style)
}

/// What happened to what, the usual as a sign in front: a list has no room for what comes last.
fn subject(topic: &str, key: Option<&str>, action: &str) -> String {
    let sign = match action {
        CREATED => "+",
        UPDATED => "~",
        DELETED => "-",
        _ => return format!("  {}", telling::subject(topic, key, action)),
    };
    let key = key.map(|key| format!(" {key}")).unwrap_or_default();
    format!("{sign} {topic}{key}")
}

/// The beginning of a key that is too long for a list.
fn short(key: &str) -> String {
    if key.chars().count() <= 12 { key.to_owned() } else { key.chars().take(6).chain(['…']).collect() }
}

fn told(frame: &mut Frame<'_>, area: Rect, state: &mut State, colours: Colours) {
    let mut block = Block::new().borders(Borders::TOP).title("what came of it");
    let inner = block.inner(area);
    let lines: Vec<_> = state.step().map(|step| details(step, inner.width, colours)).unwrap_or_default();
    state.most_scrolled = lines.len().saturating_sub(usize::from(inner.height));
    state.scrolled = state.scrolled.min(state.most_scrolled);
    let below = state.most_scrolled - state.scrolled;
    if below > 0 {
        block = block.title(Line::raw(format!("{} more, J", counted(below as u64, "line", "lines"))).right_aligned());
    }
    frame.render_widget(block, area);
    let shown: Vec<_> = lines.into_iter().skip(state.scrolled).take(usize::from(inner.height)).collect();
    frame.render_widget(Paragraph::new(shown), inner);
}

/// All there is to tell of a step, folded to a width.
fn details(step: &Step, width: u16, colours: Colours) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, line) in telling::told(step).iter().enumerate() {
        if index > 0 && line.depth == 1 && line.tone != Tone::Faint {
            lines.push(Line::default());
        }
        let style = style(line.tone, colours);
        // The pane has an edge of its own, so that what comes first needs no room in front.
        let indent = 2 * line.depth.saturating_sub(1);
        let mut push = |text: &str, indent: usize| {
            let folded = fold(text, usize::from(width), indent);
            lines.extend(folded.into_iter().map(|text| Line::styled(text, style)));
        };
        let head = if line.items.is_empty() { line.head.clone() } else { format!("{}:", line.head) };
        push(&head, indent);
        line.items.iter().for_each(|item| push(item, indent + 4));
    }
    lines
}

fn style(tone: Tone, colours: Colours) -> Style {
    let colour = |colour| if colours == Colours::Some { Style::new().fg(colour) } else { Style::new() };
    match tone {
        Tone::Title => Style::new().add_modifier(Modifier::BOLD),
        Tone::Plain => Style::new(),
        Tone::Faint => Style::new().add_modifier(Modifier::DIM),
        Tone::Same => colour(Color::Green),
        Tone::Different => colour(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Open => colour(Color::Yellow),
    }
}

fn footer(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let width = usize::from(area.width);
    let typed = |name: &str, text: &str| {
        let room = width.saturating_sub(name.len() + 2);
        format!("{name}{}▏", cut_front(text, room))
    };
    let text = match (&state.mode, &state.note) {
        (Mode::Search(text), _) => typed("search: ", text),
        (Mode::Go(text), _) => typed("go to (number, id, position or time): ", text),
        (Mode::Stepping | Mode::Help, Some(note)) => cut(&plain(note), width),
        (Mode::Stepping | Mode::Help, None) => cut(KEYS, width),
    };
    frame.render_widget(Paragraph::new(text).style(Style::new().add_modifier(Modifier::REVERSED)), area);
}

fn help(frame: &mut Frame<'_>, body: Rect) {
    let keys = HELP.iter().map(|(key, _)| Span::raw(*key).width()).max().unwrap_or_default();
    let lines = HELP.iter().map(|(key, what)| {
        let pad = " ".repeat(keys - Span::raw(*key).width() + 2);
        Line::raw(format!(" {key}{pad}{what} "))
    });
    let lines: Vec<_> = lines.collect();
    let width = lines.iter().map(Line::width).max().unwrap_or_default() as u16 + 2;
    let height = lines.len() as u16 + 2;
    let [area] = Layout::horizontal([Constraint::Length(width)]).flex(ratatui::layout::Flex::Center).areas(body);
    let [area] = Layout::vertical([Constraint::Length(height)]).flex(ratatui::layout::Flex::Center).areas(area);
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title("keys")), area);
}

/// As much of a text as there is room for.
fn cut(text: &str, width: usize) -> String {
    if Span::raw(text).width() <= width {
        return text.to_owned();
    }
    let mut taken = String::new();
    for c in text.chars() {
        taken.push(c);
        if Span::raw(&taken).width() >= width {
            taken.pop();
            break;
        }
    }
    taken.push('…');
    taken
}

/// The end of a text, as much as there is room for: what was typed last.
fn cut_front(text: &str, width: usize) -> &str {
    let mut rest = text;
    while Span::raw(rest).width() > width {
        let Some(first) = rest.chars().next() else { break };
        rest = &rest[first.len_utf8()..];
    }
    rest
}

/// Folds a text to a width, at spaces where there are any; what is folded stands deeper.
pub(super) fn fold(text: &str, width: usize, indent: usize) -> Vec<String> {
    let hanging = (indent + 2).min(width / 2);
    let mut lines = Vec::new();
    let mut line = " ".repeat(indent.min(width / 2));
    let mut used = line.len();
    let mut start = used;
    for word in text.split_inclusive(' ') {
        let wide = Span::raw(word.trim_end()).width();
        if used + wide > width && used > start {
            lines.push(std::mem::replace(&mut line, " ".repeat(hanging)));
            (used, start) = (hanging, hanging);
        }
        for c in word.chars() {
            let wide = Span::raw(c.to_string()).width();
            if used + wide > width && c != ' ' {
                lines.push(std::mem::replace(&mut line, " ".repeat(hanging)));
                (used, start) = (hanging, hanging);
            }
            line.push(c);
            used += wide;
        }
    }
    lines.push(line);
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

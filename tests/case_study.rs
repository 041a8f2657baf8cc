//! `docs/case-study.md` shows what the program prints.

use std::process::Stdio;

use crate::common::Retrace;

const PAGE: &str = include_str!("../docs/case-study.md");

/// Whether `lines` are what is shown, where `…` stands for any lines that are left out.
fn is_shown(shown: &[&str], lines: &[&str]) -> bool {
    match shown {
        [] => lines.is_empty(),
        ["…", rest @ ..] => (0..=lines.len()).any(|left_out| is_shown(rest, &lines[left_out..])),
        [first, rest @ ..] => lines.first() == Some(first) && is_shown(rest, &lines[1..]),
    }
}

#[test]
fn what_the_page_shows_is_what_is_printed() {
    let blocks = PAGE.split("```console\n$ retrace ").skip(1);
    let mut count = 0;
    for block in blocks {
        let (command, rest) = block.split_once('\n').unwrap();
        let shown: Vec<_> = rest.split_once("```").unwrap().0.lines().collect();
        let mut run = Retrace::command();
        run.args(command.split(' ')).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
        let printed = String::from_utf8(run.env("RETRACE_LOG", "error").output().unwrap().stdout).unwrap();
        assert!(is_shown(&shown, &printed.lines().collect::<Vec<_>>()), "{command} prints\n{printed}");
        count += 1;
    }
    assert_eq!(count, 7);
}

//! `retrace completions`: a completion script for a shell.

use clap_complete::Shell;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args, command: &mut clap::Command) {
    clap_complete::generate(args.shell, command, "retrace", &mut std::io::stdout());
}

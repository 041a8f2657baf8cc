//! The `retrace` binary: the workbench with OrderShop in it.

use std::process::ExitCode;

fn main() -> ExitCode {
    retrace::cli::main(ordershop::domain())
}

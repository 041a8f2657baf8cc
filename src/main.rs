//! The `retrace` binary: the workbench with OrderShop in it.

use std::process::ExitCode;

/// A third of a busy gateway's time went into the system's allocator; this one takes a fraction of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    retrace::cli::main(ordershop::domain())
}

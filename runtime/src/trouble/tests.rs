use std::{
    io::{self, Write},
    sync::Arc,
};

use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// What is logged.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl Told {
    /// The lines since it was asked last.
    fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }
}

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Told {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_told_when_it_begins_every_half_minute_and_when_it_is_over() {
    let told = Told::default();
    let format = tracing_subscriber::fmt().without_time().with_target(false).with_ansi(false);
    let _told = tracing::subscriber::set_default(format.with_writer(told.clone()).finish());
    let trouble = Trouble::new("commands wait");

    trouble.over();
    assert_eq!(told.lines(), [""; 0], "nothing was wrong");

    trouble.failed(&"away");
    assert_eq!(told.lines(), ["WARN commands wait error=away"]);
    for _ in 0..59 {
        tokio::time::advance(Duration::from_millis(500)).await;
        trouble.failed(&"away");
    }
    assert_eq!(told.lines(), [""; 0]);
    tokio::time::advance(Duration::from_millis(500)).await;
    trouble.failed(&"loading");
    assert_eq!(told.lines(), ["WARN commands wait error=loading attempts=61 seconds=30"]);
    tokio::time::advance(Duration::from_secs(7)).await;
    trouble.over();
    assert_eq!(told.lines(), ["WARN over: commands wait attempts=61 seconds=37"]);
    trouble.over();
    assert_eq!(told.lines(), [""; 0]);

    trouble.failed(&"away");
    assert_eq!(told.lines(), ["WARN commands wait error=away"], "another spell is told at once");
}

//! What this process has taken of the machine, where the system tells.

use std::{fs, time::Duration};

/// How long one tick of the times in `/proc` is: the kernel counts a hundred a second for programs, whatever its own.
const TICK: Duration = Duration::from_millis(10);

/// The most memory that this process had at a time, in bytes.
pub(super) fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Begins to look for the most memory anew, from what this process has now; where that may not be, what it had before
/// counts too.
pub(super) fn forget_peak_memory() {
    // What proc(5) has for it.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// How long the cores have worked for this process, all of its threads together.
pub(super) fn worked() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold anything, and ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(2).map_while(|field| field.parse().ok()).collect();
    let [user, system] = ticks[..] else { return None };
    Some(TICK * (user + system))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn the_most_memory_is_looked_for_anew() {
        let large = vec![1_u8; 64 << 20];
        let before = peak_memory().unwrap();
        assert!(before >= large.len() as u64, "{before}");
        drop(large);
        forget_peak_memory();
        let after = peak_memory().unwrap();
        assert!(after + (32 << 20) < before, "{after}, {before} before");
    }

    #[test]
    fn work_is_counted() {
        let (before, began) = (worked().unwrap(), Instant::now());
        while worked().unwrap() <= before {
            assert!(began.elapsed() < Duration::from_secs(60), "no tick was counted");
        }
    }
}

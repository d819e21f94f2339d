//! Several machines: what relaying takes, beside Zenoh alone, and what becomes of pictures when machines die and cables are cut.

use super::{Promise, program};
use crate::packages::as_root;
use crate::shell::{line, output, release_program};
use anyhow::{Context, Result, ensure};

/// All that the program of the tests measures.
pub(super) fn measure(seconds: u64) -> Result<Vec<Promise>> {
    let mut command = as_root(&program("cluster")?);
    command.arg("--measure").arg(seconds.to_string()).arg("--server").arg(release_program("mutoscope-server")?);
    // Missing a target is no failure of the program here.
    command.arg("--figures");
    let text = output(&mut command).with_context(|| format!("repeat with `{}`", line(&command)))?;
    let text = String::from_utf8_lossy(&text);
    println!("{text}");
    let promises: Vec<_> = text.lines().filter_map(promise).collect();
    ensure!(!promises.is_empty(), "nothing was measured");
    Ok(promises)
}

/// A row of the program's table.
fn promise(row: &str) -> Option<Promise> {
    let cells: Vec<_> = row.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
    let [what, target, measured, reached @ ("yes" | "NO")] = cells[..] else { return None };
    let [what, target, measured] = [what, target, measured].map(|cell| cell.trim().to_owned());
    Some(Promise { what, target, measured, reached: reached == "yes" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read() {
        let read = promise("| edge killed: pictures missing | <= 2 | 3 | NO |").unwrap();
        assert_eq!(
            (&*read.what, &*read.target, &*read.measured, read.reached),
            ("edge killed: pictures missing", "<= 2", "3", false)
        );
        assert!(promise("| Zenoh alone |  | 0.1 ms | yes |").is_some_and(|row| row.target.is_empty() && row.reached));
        assert!(promise("| what | target | measured | reached |").is_none() && promise("kill: 2.0 s").is_none());
    }
}

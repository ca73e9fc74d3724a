//! A limit of memory for all processes of a sandbox together: a control group.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::PATIENCE;

/// A control group, which is removed at its end; its processes have to be gone by then.
pub struct Memory {
    group: PathBuf,
}

impl Memory {
    /// A group that may use so many bytes. The error names what stands in the way.
    pub fn limit(bytes: u64) -> Result<Memory, String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("go1x-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let mut reasons = Vec::new();
        // cgroup-v1/memory.rst and cgroup-v2.rst of the kernel's documentation.
        for (hierarchy, limit, swap) in [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
        ] {
            let group = Path::new(hierarchy).join(&name);
            if let Err(error) = fs::create_dir(&group) {
                reasons.push(format!("{}: {error}", group.display()));
                continue;
            }
            let memory = Memory { group };
            match fs::write(memory.group.join(limit), bytes.to_string()) {
                Ok(()) => {
                    // Only where there is swap.
                    let bytes = if limit == "memory.max" { 0 } else { bytes };
                    _ = fs::write(memory.group.join(swap), bytes.to_string());
                    return Ok(memory);
                }
                Err(error) => reasons.push(format!("{}/{limit}: {error}", memory.group.display())),
            }
        }
        Err(reasons.join("; "))
    }

    /// Where a process writes 0 to join.
    pub fn entrance(&self) -> PathBuf {
        self.group.join("cgroup.procs")
    }

    /// The processes in it.
    pub fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.entrance()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let end = std::time::Instant::now() + PATIENCE;
        while fs::remove_dir(&self.group).is_err() && self.group.exists() && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

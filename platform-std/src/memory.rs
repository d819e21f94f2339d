//! Large buffers of what comes and goes.

/// glibc's allocator keeps what was freed of blocks up to 32 MB (512 KB on 32 bits), for each thread's sake: whatever large ones have
/// come and gone, some of them stay with the process. A longer block is always a mapping of its own. It goes back to the
/// system when it is freed, and only what is written to takes memory.
const OWN_MAPPING: usize = if usize::BITS > 32 { 32 * 1024 * 1024 + 1 } else { 512 * 1024 + 1 };
/// Shorter ones are not worth it.
const LARGE: usize = 1024 * 1024;

/// Zeros that cost nothing until they are written over, and nothing any more once they are dropped.
pub(crate) fn zeros(len: usize) -> Vec<u8> {
    let mut zeros = vec![0; len.max(OWN_MAPPING)];
    zeros.truncate(len);
    zeros
}

/// Makes such room for `len` bytes, where they are many, in a buffer of which the contents do not matter.
pub(crate) fn reserve(buffer: &mut Vec<u8>, len: usize) {
    if len > LARGE && len > buffer.capacity() {
        *buffer = Vec::with_capacity(len.max(OWN_MAPPING));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What this process has in memory, in megabytes.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn resident() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<usize>().unwrap() / 1024
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn large_buffers_of_many_threads_go_back_when_they_are_dropped() {
        let before = resident();
        for _ in 0..3 {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        let mut zeros = zeros(8 << 20);
                        zeros.fill(1);
                        let mut copy = Vec::new();
                        reserve(&mut copy, zeros.len());
                        copy.extend_from_slice(&zeros);
                        assert_eq!((copy.len(), zeros.len()), (8 << 20, 8 << 20));
                    });
                }
            });
        }
        // Other tests run meanwhile.
        let kept = resident().saturating_sub(before);
        assert!(kept < 64, "{kept} MB are kept");
    }
}

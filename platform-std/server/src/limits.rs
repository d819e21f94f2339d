//! How many files the process may have open.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Descriptors that are asked for where the system sets no limit: what Linux allows a process by default.
const MAX_FILES: rlim_t = 1 << 20;

/// Takes as many descriptors as the system gives, and tells how many. Every client takes one, and every file that is watched.
pub(crate) fn raise_file_limit() -> u64 {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(MAX_FILES);
        if wanted > soft { setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).map(|()| wanted) } else { Ok(soft) }
    });
    let files = raised.unwrap_or_else(|error| {
        log::warn!("cannot ask for more open files: {error}");
        getrlimit(Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft)
    });
    to_u64(files)
}

/// A limit has 32 bits on some systems, and is signed on others.
#[allow(clippy::unnecessary_fallible_conversions, clippy::useless_conversion, reason = "it depends on the system")]
fn to_u64(limit: rlim_t) -> u64 {
    u64::try_from(limit).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_the_system_allows() {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!(raise_file_limit(), to_u64(hard.min(MAX_FILES)));
    }
}

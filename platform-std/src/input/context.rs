//! Which input a thread is busy with.

use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static INPUT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Inside of a logger: the input that a line is about and that it does not name itself. The client, and the core's machines, do
/// not know whom they serve.
pub fn input_of(record: &log::Record<'_>) -> Option<Arc<str>> {
    let name = INPUT.with_borrow(Clone::clone)?;
    let is_named = record.args().to_string().strip_prefix(&*name).is_some_and(|rest| rest.starts_with([':', ' ']));
    (!is_named).then_some(name)
}

/// What this thread does from now on, it does for the input `name`.
pub(super) fn enter(name: &str) {
    INPUT.set(Some(name.into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_name_their_input_are_known() {
        let about = |line: &str| input_of(&log::Record::builder().args(format_args!("{line}")).build());
        assert_eq!(about("no answer"), None);
        enter("cam");
        assert_eq!(about("no answer").as_deref(), Some("cam"));
        assert_eq!(about("camera gone").as_deref(), Some("cam"));
        assert_eq!((about("cam: no answer"), about("cam says: hello")), (None, None));
        assert_eq!(std::thread::spawn(|| INPUT.with_borrow(Clone::clone)).join().unwrap(), None);
    }
}

//! The steps of `cargo xtask test`: what there is, what each needs, and what runs beside what.
//!
//! Builds come first, those first for which players wait: then the steps that mostly wait run beside the ones that keep the
//! processors busy.

use super::schedule::{Load, Task};
use super::{package, steps};
use crate::groups::Group;
use crate::packages::{
    CHROMIUM, DISPLAY, FFMPEG, GSTREAMER, GSTREAMER_SERVER, IMAGEMAGICK, IPROUTE, JPEG_TOOLS, KERNEL_MACHINE, Need,
    QEMU, SDL2, TKINTER, TSHARK, TURBO_TOOLS, VENV, VLC,
};
use anyhow::Result;

/// The parts that a run without `--long` does shorter or not at all, in words.
pub(super) const LONG: &str = "60 s of firmware playing without a gap (20 s here), 5 s for each fuzz target (1 s here), \
    the camera of a real kernel (not here), cameras with libjpeg-turbo (not here), the server's threads under \
    ThreadSanitizer (not here)";

/// One step.
pub(super) struct Step {
    pub(super) task: Task,
    /// `None`: it makes something ready for others, and runs where one of them does.
    pub(super) group: Option<Group>,
    /// Without these system packages it is skipped.
    pub(super) needs: &'static [&'static Need],
    /// Without these it does less, and says so.
    pub(super) likes: &'static [&'static Need],
    pub(super) run: Box<dyn Fn() -> Result<()> + Send + Sync>,
}

impl Step {
    fn new(
        group: impl Into<Option<Group>>,
        name: impl Into<String>,
        load: Load,
        run: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        let task = Task { name: name.into(), after: Vec::new(), alone_with: Vec::new(), load };
        Self { task, group: group.into(), needs: &[], likes: &[], run: Box::new(run) }
    }

    fn busy(
        group: impl Into<Option<Group>>,
        name: impl Into<String>,
        run: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::new(group, name, Load::Busy, run)
    }

    fn single(
        group: impl Into<Option<Group>>,
        name: impl Into<String>,
        run: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::new(group, name, Load::Single, run)
    }

    fn waiting(
        group: impl Into<Option<Group>>,
        name: impl Into<String>,
        run: impl Fn() -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::new(group, name, Load::Waiting, run)
    }

    fn needs(mut self, needs: &'static [&'static Need]) -> Self {
        self.needs = needs;
        self
    }

    fn likes(mut self, likes: &'static [&'static Need]) -> Self {
        self.likes = likes;
        self
    }

    /// Names the steps that make ready what this one needs. They run where this one is chosen.
    fn after(mut self, names: &[&'static str]) -> Self {
        self.task.after = names.to_vec();
        self
    }

    /// Steps that share one of these never run at the same time.
    fn alone_with(mut self, names: &[&'static str]) -> Self {
        self.task.alone_with = names.to_vec();
        self
    }
}

const TARGETS: &str = "get targets";
const TESTS: &str = "build tests";
const PROGRAMS: &str = "build programs";
const CLIPS: &str = "make clips";
const FIRMWARE: &str = "build firmware";

/// All steps in the order in which they start where nothing else decides.
pub(super) fn steps(long: bool) -> Vec<Step> {
    let mut steps = vec![
        Step::busy(Group::Fmt, "fmt", steps::fmt),
        Step::busy(Group::Check, "check", steps::rules),
        Step::waiting(None, TARGETS, steps::get_targets),
        Step::busy(None, PROGRAMS, steps::build_programs),
        Step::busy(None, TESTS, steps::build_tests),
        Step::single(None, CLIPS, steps::make_clips).likes(&[&JPEG_TOOLS, &GSTREAMER, &IMAGEMAGICK]).needs(&[&FFMPEG]),
    ];
    steps.extend(playing(long));
    if long {
        steps.extend([
            Step::single(Group::Cameras, "v4l2", steps::v4l2).after(&[PROGRAMS]).needs(&[&FFMPEG, &KERNEL_MACHINE]),
            Step::busy(Group::Unit, "thread sanitizer", steps::thread_sanitizer),
            Step::busy(Group::Cameras, "turbojpeg", steps::turbojpeg).after(&[TESTS]).needs(&[&TURBO_TOOLS]),
        ]);
    }
    steps.extend([
        Step::single(Group::Unit, "unit", steps::unit).after(&[TESTS]).likes(&[&JPEG_TOOLS]),
        Step::single(Group::Unit, "lab check", steps::lab_check).after(&[TESTS]).likes(&[&TKINTER]),
        Step::single(Group::Unit, "metrics", steps::metrics).after(&[TESTS]),
        Step::single(Group::Unit, "loom", steps::loom),
        Step::busy(Group::Clippy, "clippy", steps::clippy),
        Step::busy(Group::Clippy, "clippy cluster", steps::clippy_cluster).after(&[TESTS]),
        Step::busy(Group::Doc, "doc-tests", steps::doc_tests).after(&[TESTS]),
        Step::busy(Group::Doc, "doc", steps::doc),
    ]);
    for &tried in steps::NO_STD {
        let name = format!("no_std {}", tried.package);
        steps.push(Step::busy(Group::NoStd, name, move || steps::no_std(tried)).after(&[TARGETS]));
    }
    steps.extend([
        Step::busy(Group::Targets, "targets", steps::other_systems).after(&[TARGETS]),
        Step::busy(Group::Package, "package", package::package),
        Step::single(Group::Package, "service", steps::service).after(&[TESTS]),
        Step::single(Group::Sizes, "sizes", steps::sizes).after(&[TARGETS]),
        Step::single(Group::Fuzz, "fuzz", move || steps::fuzz(if long { "5" } else { "1" })).after(&[TESTS]),
        Step::busy(Group::Fuzz, "bent frames", move || steps::bent(if long { 20_000 } else { 2400 }))
            .after(&[TESTS])
            .needs(&[&JPEG_TOOLS]),
        Step::single(Group::Fuzz, "reduced frames", steps::reduced).after(&[TESTS]).needs(&[&JPEG_TOOLS]),
        Step::busy(Group::Firmware, "firmware lint", steps::firmware_lint).after(&[FIRMWARE]),
        Step::busy(Group::Deny, "deny", steps::deny),
    ]);
    steps
}

/// Steps that play with real programs or in real time, and therefore wait most of their time.
fn playing(long: bool) -> Vec<Step> {
    const DECODERS: &[&Need] = &[&JPEG_TOOLS, &GSTREAMER, &IMAGEMAGICK];
    let peer = |name: &'static str| {
        Step::waiting(Group::Peers, format!("peers {name}"), move || steps::peer(name)).after(&[TESTS, PROGRAMS, CLIPS])
    };
    let firmware = move || steps::firmware(if long { 60 } else { 20 });
    vec![
        Step::waiting(Group::Interop, "interop", || steps::interop(&crate::media::CLIPS))
            .after(&[TESTS, PROGRAMS, CLIPS])
            .alone_with(&["many players"])
            .needs(&[&FFMPEG])
            .likes(DECODERS),
        Step::single(None, FIRMWARE, steps::build_firmware).after(&[TARGETS]),
        Step::waiting(Group::Player, "player", steps::player).after(&[TESTS]).needs(&[&SDL2]),
        Step::waiting(Group::Player, "player protocol", steps::player_protocol)
            .after(&[TESTS])
            .needs(&[&SDL2, &TSHARK]),
        Step::waiting(Group::Player, "player window", steps::player_window).after(&[TESTS]).needs(&[&SDL2, &DISPLAY]),
        Step::waiting(Group::Firmware, "firmware", firmware).after(&[FIRMWARE]).needs(&[&FFMPEG, &QEMU]),
        Step::waiting(Group::Interop, "interop corpus", || steps::interop(&crate::media::CORPUS))
            .after(&[TESTS, PROGRAMS, CLIPS])
            .alone_with(&["many players"])
            .needs(&[&FFMPEG])
            .likes(DECODERS),
        Step::waiting(Group::Interop, "inputs", steps::inputs)
            .after(&[TESTS, PROGRAMS, CLIPS])
            .alone_with(&["many players"])
            .needs(&[&FFMPEG])
            .likes(&[&GSTREAMER_SERVER]),
        Step::waiting(Group::Interop, "multipart", steps::multipart)
            .after(&[TESTS, PROGRAMS, CLIPS])
            .alone_with(&["many players"])
            .needs(&[&FFMPEG])
            .likes(&[&GSTREAMER]),
        Step::waiting(Group::Interop, "guarded", steps::guarded)
            .after(&[TESTS, PROGRAMS, CLIPS])
            .alone_with(&["many players"])
            .needs(&[&FFMPEG])
            .likes(&[&GSTREAMER, &GSTREAMER_SERVER, &SDL2]),
        Step::waiting(Group::Interop, "onvif", steps::onvif)
            .after(&[TESTS, PROGRAMS])
            .alone_with(&["many players"])
            .needs(&[&VENV])
            .likes(&[&FFMPEG]),
        Step::waiting(Group::Browser, "browser", steps::browser)
            .after(&[TESTS, PROGRAMS])
            .alone_with(&["many players"])
            .needs(&[&CHROMIUM]),
        Step::waiting(Group::Cluster, "cluster", steps::cluster)
            .after(&[TESTS, PROGRAMS])
            .needs(&[&FFMPEG])
            .likes(&[&IPROUTE, &SDL2]),
        peer("lab").needs(&[&SDL2, &FFMPEG]),
        peer("gstreamer").needs(&[&SDL2, &FFMPEG, &GSTREAMER_SERVER]),
        peer("vlc").needs(&[&SDL2, &FFMPEG, &VLC]),
        peer("espp").needs(&[&SDL2, &FFMPEG, &JPEG_TOOLS, &VENV]),
        Step::waiting(Group::Tap, "tap", steps::tap).after(&[PROGRAMS, CLIPS]).needs(&[&FFMPEG]).likes(&[&GSTREAMER]),
    ]
}

/// The steps of chosen groups with all that they need, and the others.
pub(super) fn choose(steps: Vec<Step>, chosen: impl Fn(Group) -> bool) -> (Vec<Step>, Vec<Step>) {
    let mut wanted: Vec<bool> = steps.iter().map(|step| step.group.is_some_and(&chosen)).collect();
    // A step that is needed may need others too.
    loop {
        let needed: Vec<_> = steps.iter().zip(&wanted).filter(|(_, wanted)| **wanted).collect();
        let needed: Vec<_> = needed.iter().flat_map(|(step, _)| step.task.after.iter().copied()).collect();
        let found: Vec<_> = (0..steps.len())
            .filter(|&number| !wanted[number] && needed.contains(&steps[number].task.name.as_str()))
            .collect();
        if found.is_empty() {
            break;
        }
        found.into_iter().for_each(|number| wanted[number] = true);
    }
    let mut wanted = wanted.into_iter();
    steps.into_iter().partition(|_| wanted.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn steps_have_distinct_names() {
        let mut names: Vec<_> = steps(true).into_iter().map(|step| step.task.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_group_has_a_step() {
        let steps = steps(true);
        for group in Group::value_variants() {
            assert!(steps.iter().any(|step| step.group == Some(*group)), "{}", group.name());
        }
    }

    #[test]
    fn every_step_gets_what_it_waits_for() {
        let steps = steps(true);
        for step in &steps {
            for name in &step.task.after {
                let before = steps.iter().find(|step| step.task.name == *name);
                assert!(before.is_some_and(|before| before.group.is_none()), "{} after {name}", step.task.name);
            }
        }
        let outcomes = super::super::schedule::run_all(
            &steps.iter().map(|step| step.task.clone()).collect::<Vec<_>>(),
            2,
            |_| super::super::schedule::Outcome::Passed,
            |_, _, _| {},
        );
        assert!(outcomes.iter().all(|outcome| *outcome == super::super::schedule::Outcome::Passed));
    }

    #[test]
    fn a_chosen_step_brings_along_what_it_needs() {
        let (chosen, left) = choose(steps(true), |group| group == Group::Tap);
        let names: Vec<_> = chosen.iter().map(|step| step.task.name.as_str()).collect();
        assert_eq!(names, [PROGRAMS, CLIPS, "tap"]);
        assert!(left.iter().any(|step| step.task.name == TESTS));
        assert_eq!(choose(steps(true), |_| true).1.len(), 0);
    }
}

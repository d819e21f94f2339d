//! The player with a window: opens it, passes SDL's events to the [`App`] until the user closes it, then says what went
//! wrong.

use super::app::{App, Closed, Wake};
use super::display::Display;
use super::screen::{self, Screen, sdl_error};
use super::widgets::header::window_title;
use crate::args::Args;
use crate::json::PrintError;
use crate::model::{Model, Phase};
use crate::run::{Files, FinishedRun};
use crate::wording::uncapitalised;
use anyhow::{Result, anyhow};
use sdl2::EventSubsystem;
use sdl2::event::Event as SdlEvent;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shows the window until the user closes it, or until all that was asked for on the command line has been shown.
///
/// # Errors
/// A sentence, if there is no display for a window, or if not all that was asked for has been shown.
pub(crate) fn run(args: &Args) -> Result<()> {
    let files = Files::open(args)?;
    sdl2::hint::set("SDL_RENDER_SCALE_QUALITY", "linear");
    // SDL asks the compositor to stand aside by default, which makes the screen flicker whenever the player starts.
    sdl2::hint::set("SDL_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR", "0");
    let sdl = sdl2::init().map_err(sdl_error("cannot start SDL"))?;
    let video = sdl.video().map_err(sdl_error("cannot use a display"))?;
    screen::ensure_visible(&video)?;
    let mut pump = sdl.event_pump().map_err(sdl_error("cannot take input"))?;
    let (canvas, scale) = screen::open(&video, args, &window_title(""))?;
    let creator = canvas.texture_creator();
    let display = Display::new(Screen::new(canvas, &creator), scale, sdl.mouse());

    let woken = Arc::new(Mutex::new(false));
    let events = sdl.event().map_err(sdl_error("cannot take input"))?;
    let wake: Wake = Arc::new(waker(&events, woken.clone())?);
    let mut app = App::new(args, (files, wake), display, video.clipboard());
    app.begin()?;
    while !app.is_over() {
        let timeout = app.timeout().as_millis().clamp(1, 1000) as u32;
        let first = pump.wait_event_timeout(timeout);
        *lock(&woken) = false;
        for event in first.into_iter().chain(pump.poll_iter()) {
            app.handle_event(&event);
        }
        app.advance()?;
        std::thread::sleep(app.rest());
    }
    // Streams go on for a moment after the window has ended. SDL would send their events to it, and X11 ends a program for that.
    *lock(&woken) = true;
    let mut first = None;
    let summarise = |finished: &FinishedRun| {
        if args.output.stats.is_some() {
            finished.output.print(finished.figures.add_latencies(finished.summary()));
        }
    };
    let Closed { last, left } = app.close();
    for finished in left.into_iter().filter_map(|thread| thread.join().ok()) {
        summarise(&finished);
        // What could not be played was left for something else.
        first = first.or_else(|| finished.recording_problem()).or(finished.protocol_problem);
    }
    let several = last.len() > 1;
    for (url, run, model, complete) in last {
        let finished = run.finish();
        summarise(&finished);
        let problem = problem(args, &finished, model, complete);
        let problem = problem.map(|problem| if several { format!("{url}: {problem}") } else { problem });
        first = first.or(problem);
    }
    first.map_or(Ok(()), |problem| Err(anyhow!(problem)))
}

/// Returns a function with which other threads wake the main thread. It sends an event of SDL's, but only one until
/// `woken` is cleared: one is enough to wake, however much there is to do. Whoever has set `woken` knows that none is being sent.
fn waker(events: &EventSubsystem, woken: Arc<Mutex<bool>>) -> Result<impl Fn() + Send + Sync + 'static> {
    // SAFETY: the number is only used for events without data, so nothing can misread what they carry.
    let kind = unsafe { events.register_event() }.map_err(sdl_error("cannot take input"))?;
    let sender = Arc::new(events.event_sender());
    Ok(move || {
        let mut woken = lock(&woken);
        if !std::mem::replace(&mut *woken, true) {
            let (data1, data2) = (std::ptr::null_mut(), std::ptr::null_mut());
            let event = SdlEvent::User { timestamp: 0, window_id: 0, type_: kind, code: 0, data1, data2 };
            let _ = sender.push_event(event);
        }
    })
}

fn lock(woken: &Mutex<bool>) -> MutexGuard<'_, bool> {
    woken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns why the run is a failure, if it is one.
fn problem(args: &Args, finished: &FinishedRun, model: Model, complete: bool) -> Option<String> {
    // If only the reader of the statistics has gone, the user who watched the window does not mind.
    let unprinted = finished.output.failure().filter(|error| *error != PrintError::ReaderGone);
    let unprinted = unprinted.map(|error| error.to_string());
    let unwritten = || finished.recording_problem().or_else(|| finished.protocol_problem.clone());
    unprinted.or_else(unwritten).or_else(|| match model.phase {
        Phase::Failed { reason, .. } => Some(uncapitalised(&reason)),
        Phase::Asking(asked) => Some(uncapitalised(&asked.reason)),
        Phase::Reconnecting { reason, .. } if !model.worked => Some(uncapitalised(&reason)),
        _ if (args.extent.frames.is_some() || args.extent.duration.is_some()) && !complete => {
            Some("quit before all was shown".into())
        }
        _ => None,
    })
}

//! What the user does with mouse and keyboard, as actions.

use super::layout::{Layout, Target};
use crate::model::{Button, LONG_STEP, Model, STEP};
use sdl2::event::{Event as SdlEvent, WindowEvent};
use sdl2::keyboard::{Keycode, Mod};
use sdl2::mouse::MouseButton;
use std::time::{Duration, Instant};

/// What the user asks of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    Press(Button),
    /// Play or pause, whichever is possible.
    TogglePlaying,
    /// Seek to this part of the stream's length, 0 to 1.
    SeekTo(f64),
    SeekBy {
        step: Duration,
        forward: bool,
    },
    ToggleHelp,
    ToggleStatistics,
    ToggleFullscreen,
    SaveSnapshot,
    /// Leave whatever covers the window, or the player if nothing does.
    Back,
    Quit,
    /// Draw the window again: the system may have lost what it showed.
    Redraw,
    /// Make all textures again: the graphics card has lost them.
    Restore,
}

/// What the meaning of an input depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct InputContext<'a> {
    pub(super) layout: &'a Layout,
    pub(super) model: &'a Model,
    /// Whether the help covers the window.
    pub(super) help: bool,
    /// How many pixels of the window one of the mouse's units is.
    pub(super) pixel_ratio: f32,
}

/// Where the mouse is and what it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    /// The mouse's place in pixels. `None`: it is outside the window.
    mouse: Option<(i32, i32)>,
    /// When the mouse last moved.
    moved: Instant,
    /// The button on which the mouse's button was pressed and not yet released.
    pressed: Option<Button>,
    /// The part of the progress bar to which the user drags the position.
    dragging: Option<f64>,
}

impl Input {
    pub(super) fn new(now: Instant) -> Self {
        Self { mouse: None, moved: now, pressed: None, dragging: None }
    }

    /// Takes an event of SDL's, and returns what the user asks for by it.
    pub(super) fn handle_event(&mut self, event: &SdlEvent, now: Instant, context: InputContext<'_>) -> Option<Action> {
        match *event {
            SdlEvent::Quit { .. } => Some(Action::Quit),
            SdlEvent::KeyDown { keycode: Some(key), keymod, repeat, .. } => key_action(key, keymod, repeat),
            SdlEvent::TextInput { ref text, .. } if text == "?" => Some(Action::ToggleHelp),
            SdlEvent::MouseMotion { x, y, .. } => {
                self.move_to(x, y, now, context);
                None
            }
            SdlEvent::MouseButtonDown { mouse_btn: MouseButton::Left, clicks, x, y, .. } => {
                self.move_to(x, y, now, context);
                self.press(clicks, context)
            }
            SdlEvent::MouseButtonUp { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.move_to(x, y, now, context);
                self.release(context.layout)
            }
            SdlEvent::Window { win_event, .. } => match win_event {
                WindowEvent::Leave => {
                    self.mouse = None;
                    None
                }
                WindowEvent::Exposed | WindowEvent::SizeChanged(..) | WindowEvent::Restored => Some(Action::Redraw),
                WindowEvent::Close => Some(Action::Quit),
                _ => None,
            },
            SdlEvent::RenderTargetsReset { .. } | SdlEvent::RenderDeviceReset { .. } => Some(Action::Restore),
            _ => None,
        }
    }

    /// Counts as a movement of the mouse, so that the controls in full screen stay visible for a while.
    pub(super) fn touch(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Whether the mouse was used within this time, or is being used.
    pub(super) fn is_active(&self, now: Instant, within: Duration) -> bool {
        now.duration_since(self.moved) < within || self.dragging.is_some()
    }

    /// The button under the mouse.
    pub(super) fn hovered(&self, layout: &Layout) -> Option<Button> {
        match self.target(layout) {
            Target::Button(button) => Some(button),
            _ => None,
        }
    }

    /// The button that the mouse holds down.
    pub(super) fn pressed(&self) -> Option<Button> {
        self.pressed
    }

    /// The part of the progress bar that the mouse points to.
    pub(super) fn pointed(&self, layout: &Layout) -> Option<f64> {
        match (self.dragging, self.target(layout)) {
            (Some(fraction), _) | (None, Target::Track(fraction)) => Some(fraction),
            _ => None,
        }
    }

    fn target(&self, layout: &Layout) -> Target {
        self.mouse.map_or(Target::Nothing, |(x, y)| layout.target(x, y))
    }

    fn move_to(&mut self, x: i32, y: i32, now: Instant, context: InputContext<'_>) {
        let pixels = |units: i32| (units as f32 * context.pixel_ratio) as i32;
        self.mouse = Some((pixels(x), pixels(y)));
        self.moved = now;
        if self.dragging.is_some() {
            self.dragging = Some(context.layout.fraction(pixels(x)));
        }
    }

    fn press(&mut self, clicks: u8, context: InputContext<'_>) -> Option<Action> {
        if context.help {
            // The help hides what lies under it, so a click there can only mean the help.
            return Some(Action::ToggleHelp);
        }
        match self.target(context.layout) {
            Target::Button(button) => self.pressed = Some(button).filter(|&button| context.model.is_enabled(button)),
            Target::Track(fraction) if context.model.can_seek() => self.dragging = Some(fraction),
            Target::Video if clicks >= 2 => return Some(Action::ToggleFullscreen),
            _ => {}
        }
        None
    }

    fn release(&mut self, layout: &Layout) -> Option<Action> {
        let (pressed, dragged) = (self.pressed.take(), self.dragging.take());
        // A button counts only if the mouse has not left it in the meantime.
        let button = pressed.filter(|&button| self.hovered(layout) == Some(button));
        button.map(Action::Press).or(dragged.map(Action::SeekTo))
    }
}

fn key_action(key: Keycode, held: Mod, repeat: bool) -> Option<Action> {
    if held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD | Mod::LALTMOD | Mod::LGUIMOD | Mod::RGUIMOD) {
        return None;
    }
    let step = if held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD) { LONG_STEP } else { STEP };
    Some(match key {
        Keycode::Left | Keycode::Right => Action::SeekBy { step, forward: key == Keycode::Right },
        // A key that is held down goes on seeking. It must not start and stop in turns.
        _ if repeat => return None,
        Keycode::Space => Action::TogglePlaying,
        Keycode::S => Action::Press(Button::Setup),
        Keycode::F => Action::ToggleFullscreen,
        Keycode::P => Action::SaveSnapshot,
        Keycode::I => Action::ToggleStatistics,
        Keycode::H | Keycode::F1 => Action::ToggleHelp,
        Keycode::Escape => Action::Back,
        Keycode::Q => Action::Quit,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::layout::Chrome;
    use super::*;
    use crate::model::tests::presentation;
    use crate::network::Report;
    use sdl2::mouse::MouseState;

    fn layout() -> Layout {
        Layout::new((640, 636), 1.0, Chrome::Framed, &[100; 6], 6)
    }

    /// A model of a film of a minute that has been set up, so that PLAY can be pressed and the bar be dragged.
    fn ready() -> Model {
        let mut model = Model::new();
        model.press(Button::Setup);
        model.handle_report(Report::SetUp(presentation(Some(60))), Instant::now());
        model
    }

    fn button_event(down: bool, (x, y): (i32, i32), clicks: u8) -> SdlEvent {
        let (timestamp, window_id, which, mouse_btn) = (0, 0, 0, MouseButton::Left);
        if down {
            SdlEvent::MouseButtonDown { timestamp, window_id, which, mouse_btn, clicks, x, y }
        } else {
            SdlEvent::MouseButtonUp { timestamp, window_id, which, mouse_btn, clicks, x, y }
        }
    }

    fn motion((x, y): (i32, i32)) -> SdlEvent {
        let mousestate = MouseState::from_sdl_state(0);
        SdlEvent::MouseMotion { timestamp: 0, window_id: 0, which: 0, mousestate, x, y, xrel: 0, yrel: 0 }
    }

    /// Feeds events to a new `Input`, and returns all actions.
    fn actions(events: &[SdlEvent], model: &Model, help: bool) -> Vec<Action> {
        let (now, layout) = (Instant::now(), layout());
        let mut input = Input::new(now);
        let context = InputContext { layout: &layout, model, help, pixel_ratio: 1.0 };
        events.iter().filter_map(|event| input.handle_event(event, now, context)).collect()
    }

    #[test]
    fn a_button_counts_when_the_mouse_is_released_where_it_was_pressed() {
        let play = layout().buttons[1];
        let (inside, outside) = ((play.x + 5, play.y + 5), (play.x + 5, 1));
        let model = ready();
        let click = [button_event(true, inside, 1), button_event(false, inside, 1)];
        assert_eq!(actions(&click, &model, false), [Action::Press(Button::Play)]);
        assert_eq!(actions(&click, &Model::new(), false), [], "PLAY is not enabled before SETUP");
        assert_eq!(actions(&[button_event(true, inside, 1), button_event(false, outside, 1)], &model, false), []);
        assert_eq!(actions(&click[..1], &model, true), [Action::ToggleHelp]);
    }

    #[test]
    fn the_position_is_dragged_until_the_mouse_is_released() {
        let track = layout().track;
        let at = |part: i32| (track.x + track.w * part / 4, track.y + 2);
        let drag = [button_event(true, at(1), 1), motion(at(3)), button_event(false, at(2), 1)];
        let [Action::SeekTo(fraction)] = actions(&drag, &ready(), false)[..] else { panic!("one seek at the end") };
        assert!((fraction - 0.5).abs() < 0.01, "{fraction}");
        assert_eq!(actions(&drag, &Model::new(), false), [], "there is no length to seek in");
    }

    #[test]
    fn a_double_click_on_the_picture_fills_the_screen() {
        let video = layout().video;
        let place = (video.x + 9, video.y + 9);
        assert_eq!(actions(&[button_event(true, place, 1)], &ready(), false), []);
        assert_eq!(actions(&[button_event(true, place, 2)], &ready(), false), [Action::ToggleFullscreen]);
    }

    #[test]
    fn keys_that_are_held_down_seek_and_do_nothing_else() {
        let none = Mod::empty();
        assert_eq!(key_action(Keycode::Space, none, false), Some(Action::TogglePlaying));
        assert_eq!(key_action(Keycode::Space, none, true), None);
        let seek = |step, forward| Some(Action::SeekBy { step, forward });
        assert_eq!(key_action(Keycode::Right, none, true), seek(STEP, true));
        assert_eq!(key_action(Keycode::Left, Mod::LSHIFTMOD, false), seek(LONG_STEP, false));
        assert_eq!(key_action(Keycode::Q, Mod::LCTRLMOD, false), None, "Ctrl-Q belongs to the desktop");
    }
}

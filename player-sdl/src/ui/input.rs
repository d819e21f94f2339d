//! What the user does with mouse and keyboard, as actions.

use super::layout::{Control, Layout, Target, Tool};
use super::pane::Part;
use super::wall::grid::Way;
use crate::model::{Button, LONG_STEP, Model, Pace, STEP};
use crate::steps::Step;
use sdl2::event::{Event as SdlEvent, WindowEvent};
use sdl2::keyboard::{Keycode, Mod};
use sdl2::mouse::{MouseButton, MouseWheelDirection};
use std::time::{Duration, Instant};

/// What the user asks of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    Press(Button),
    /// Do what a button of the notice says.
    Take(Step),
    /// Play or pause, whichever is possible.
    TogglePlaying,
    /// Seek to this part of the stream's length, 0 to 1.
    SeekTo(f64),
    /// Show what is at this part of the stream's length, where the position is being dragged to.
    ScrubTo(f64),
    SeekBy {
        step: Duration,
        forward: bool,
    },
    /// Show the next frame, or the one before.
    StepFrame {
        forward: bool,
    },
    ChangePace(Pace),
    ToggleHelp,
    ToggleStatistics,
    /// Show the protocol pane, or not.
    TogglePane,
    /// Show the bad network in it, or close it.
    ToggleNetwork,
    /// Press a part of the pane.
    Pane(Part),
    ToggleFullscreen,
    SaveSnapshot,
    ToggleRecording,
    /// Go from the chosen tile of the wall to another one.
    Choose(Way),
    /// Show this stream alone; `None`: the chosen one.
    Open(Option<usize>),
    /// Show all streams.
    ShowWall,
    /// Show the start page.
    ShowPage,
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

impl InputContext<'_> {
    /// Whether a control can be pressed, and is to be seen.
    fn is_enabled(&self, control: Control) -> bool {
        let can_be = match control {
            Control::Step(_) => true,
            Control::Button(button) => self.model.is_enabled(button),
            Control::Tool(tool) => tool.is_enabled(self.model),
            Control::Tile(_) => true,
            Control::Pane(_) => true,
        };
        can_be && !self.layout.place(control).is_empty()
    }
}

/// For so long a click on the picture may turn out to be the first half of a double click.
const DOUBLE_CLICK: Duration = Duration::from_millis(250);
/// For so long the mouse rests on a control before it is told what that does.
const HINT_AFTER: Duration = Duration::from_millis(600);
/// The mouse has to move so many pixels of the design before a press is a drag.
const DRAG: i32 = 3;

/// The position is being dragged.
#[derive(Clone, Copy, Debug)]
struct Drag {
    /// Where the mouse was pressed.
    from: i32,
    /// The part of the progress bar where the mouse is.
    fraction: f64,
    /// Whether the mouse has moved far enough.
    is_one: bool,
}

/// Where the mouse is and what it holds, and where keys go to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input {
    /// The mouse's place in pixels. `None`: it is outside the window.
    mouse: Option<(i32, i32)>,
    /// When the mouse last moved.
    moved: Instant,
    /// The control on which the mouse's button was pressed and not yet released.
    pressed: Option<Control>,
    dragging: Option<Drag>,
    /// The control that the keyboard is at.
    focus: Option<Control>,
    /// When a click on the picture counts, unless another one follows.
    click: Option<Instant>,
    /// What was told of the control under the mouse has been read, or pressed away.
    is_hint_over: bool,
}

impl Input {
    pub(super) fn new(now: Instant) -> Self {
        Self { mouse: None, moved: now, pressed: None, dragging: None, focus: None, click: None, is_hint_over: false }
    }

    /// Takes an event of SDL's, and returns what the user asks for by it.
    pub(super) fn handle_event(&mut self, event: &SdlEvent, now: Instant, context: InputContext<'_>) -> Option<Action> {
        match *event {
            SdlEvent::Quit { .. } => Some(Action::Quit),
            SdlEvent::KeyDown { keycode: Some(key), keymod, repeat, .. } => {
                self.press_key(key, keymod, repeat, context)
            }
            SdlEvent::TextInput { ref text, .. } if text == "?" => Some(Action::ToggleHelp),
            SdlEvent::MouseMotion { x, y, .. } => self.move_to(x, y, now, context),
            SdlEvent::MouseButtonDown { mouse_btn: MouseButton::Left, clicks, x, y, .. } => {
                self.move_to(x, y, now, context);
                self.press(clicks, now, context)
            }
            SdlEvent::MouseButtonUp { mouse_btn: MouseButton::Left, x, y, .. } => {
                self.move_to(x, y, now, context);
                self.release(context.layout)
            }
            SdlEvent::MouseWheel { x, y, direction, .. } => {
                self.moved = now;
                let steps = if y == 0 { x } else { y };
                let steps = if direction == MouseWheelDirection::Flipped { -steps } else { steps };
                let step = STEP.saturating_mul(steps.unsigned_abs());
                let seeks = steps != 0 && !context.help && context.layout.tiles.is_empty();
                seeks.then_some(Action::SeekBy { step, forward: steps > 0 })
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

    /// Returns what the user has asked for by a click that no other one has followed.
    pub(super) fn poll(&mut self, now: Instant) -> Option<Action> {
        self.click.take_if(|at| *at <= now).map(|_| Action::TogglePlaying)
    }

    /// How long it takes at most until [`poll`](Self::poll) or [`hint`](Self::hint) say something else, if they do.
    pub(super) fn timeout(&self, now: Instant) -> Option<Duration> {
        let hint = (self.moved + HINT_AFTER).checked_duration_since(now).filter(|_| self.mouse.is_some());
        let click = self.click.map(|at| at.saturating_duration_since(now));
        [hint, click].into_iter().flatten().min()
    }

    /// Counts as a movement of the mouse, so that the controls in full screen stay visible for a while.
    pub(super) fn touch(&mut self, now: Instant) {
        self.moved = now;
    }

    /// Whether the mouse was used within this time, or is being used.
    pub(super) fn is_active(&self, now: Instant, within: Duration) -> bool {
        now.duration_since(self.moved) < within || self.dragging.is_some()
    }

    /// The control under the mouse.
    pub(super) fn hovered(&self, layout: &Layout) -> Option<Control> {
        match self.target(layout) {
            Target::Control(control) => Some(control),
            _ => None,
        }
    }

    /// The control under the mouse, if the mouse has rested there for long enough to ask what it does.
    pub(super) fn hint(&self, layout: &Layout, now: Instant) -> Option<Control> {
        let rests = now.duration_since(self.moved) >= HINT_AFTER && !self.is_hint_over;
        self.hovered(layout).filter(|_| rests && self.pressed.is_none())
    }

    /// The control that the mouse holds down.
    pub(super) fn pressed(&self) -> Option<Control> {
        self.pressed
    }

    /// The control that the keyboard is at.
    pub(super) fn focus(&self) -> Option<Control> {
        self.focus
    }

    /// Takes the keyboard from a control that is not shown any more.
    pub(super) fn leave_hidden(&mut self, layout: &Layout) {
        self.focus.take_if(|control| layout.place(*control).is_empty());
    }

    /// The part of the progress bar that the mouse points to.
    pub(super) fn pointed(&self, layout: &Layout) -> Option<f64> {
        match (self.dragging, self.target(layout)) {
            (Some(Drag { fraction, .. }), _) | (None, Target::Track(fraction)) => Some(fraction),
            _ => None,
        }
    }

    fn target(&self, layout: &Layout) -> Target {
        self.mouse.map_or(Target::Nothing, |(x, y)| layout.target(x, y))
    }

    fn move_to(&mut self, x: i32, y: i32, now: Instant, context: InputContext<'_>) -> Option<Action> {
        let pixels = |units: i32| (units as f32 * context.pixel_ratio) as i32;
        let place = Some((pixels(x), pixels(y)));
        if self.mouse == place {
            return None;
        }
        (self.mouse, self.moved, self.is_hint_over) = (place, now, false);
        let drag = self.dragging.as_mut()?;
        drag.is_one |= (pixels(x) - drag.from).abs() >= context.layout.px(DRAG);
        if drag.is_one {
            drag.fraction = context.layout.fraction(pixels(x));
        }
        drag.is_one.then_some(Action::ScrubTo(drag.fraction))
    }

    fn press(&mut self, clicks: u8, now: Instant, context: InputContext<'_>) -> Option<Action> {
        (self.focus, self.is_hint_over) = (None, true);
        if context.help {
            // The help hides what lies under it, so a click there can only mean the help.
            return Some(Action::ToggleHelp);
        }
        match self.target(context.layout) {
            Target::Control(control) => self.pressed = Some(control).filter(|&control| context.is_enabled(control)),
            Target::Track(fraction) if context.model.can_seek() => {
                let from = self.mouse.map_or(0, |(x, _)| x);
                self.dragging = Some(Drag { from, fraction, is_one: false });
            }
            Target::Video if clicks.is_multiple_of(2) => {
                self.click = None;
                return Some(Action::ToggleFullscreen);
            }
            Target::Video => self.click = Some(now + DOUBLE_CLICK),
            Target::Track(_) | Target::Nothing => {}
        }
        None
    }

    fn release(&mut self, layout: &Layout) -> Option<Action> {
        let (pressed, dragged) = (self.pressed.take(), self.dragging.take());
        // A control counts only if the mouse has not left it in the meantime.
        let control = pressed.filter(|&control| self.hovered(layout) == Some(control));
        control.map(activate).or(dragged.map(|drag| Action::SeekTo(drag.fraction)))
    }

    fn press_key(&mut self, key: Keycode, held: Mod, repeat: bool, context: InputContext<'_>) -> Option<Action> {
        if is_the_desktop_s(held) {
            return None;
        }
        // What has the focus may have become impossible in the meantime.
        let focus = self.focus.filter(|&control| context.is_enabled(control));
        match (key, focus) {
            (Keycode::Tab, _) => {
                self.go_on(held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD), context);
                None
            }
            (Keycode::Space | Keycode::Return | Keycode::KpEnter, Some(control)) if !repeat => Some(activate(control)),
            (Keycode::Return | Keycode::KpEnter, None) if !repeat && !context.layout.steps.is_empty() => {
                context.layout.steps.first().map(|&(step, _)| Action::Take(step))
            }
            (Keycode::Escape, _) if self.focus.take().is_some() => None,
            _ if !context.layout.tiles.is_empty() => wall_action(key, held, repeat),
            _ => key_action(key, held, repeat),
        }
    }

    /// Moves the focus to the next control that can be pressed, or the one before.
    fn go_on(&mut self, back: bool, context: InputContext<'_>) {
        let mut all: Vec<Control> = Control::all().collect();
        if back {
            all.reverse();
        }
        let at = all.iter().position(|&control| Some(control) == self.focus);
        let rest = all.split_off(at.map_or(0, |at| at + 1));
        // Behind the last one are the tiles of a wall, if there is one, which have the keys when no control has.
        let first = if context.layout.tiles.is_empty() { all } else { Vec::new() };
        self.focus = rest.into_iter().chain(first).find(|&control| context.is_enabled(control));
    }
}

fn activate(control: Control) -> Action {
    match control {
        Control::Step(step) => Action::Take(step),
        Control::Button(button) => Action::Press(button),
        Control::Tile(tile) => Action::Open(Some(tile)),
        Control::Tool(Tool::Wall) => Action::ShowWall,
        Control::Tool(Tool::Record) => Action::ToggleRecording,
        Control::Tool(Tool::Snapshot) => Action::SaveSnapshot,
        Control::Tool(Tool::Statistics) => Action::ToggleStatistics,
        Control::Tool(Tool::Protocol) => Action::TogglePane,
        Control::Pane(part) => Action::Pane(part),
        Control::Tool(Tool::Help) => Action::ToggleHelp,
        Control::Tool(Tool::Fullscreen) => Action::ToggleFullscreen,
    }
}

fn is_the_desktop_s(held: Mod) -> bool {
    held.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD | Mod::LALTMOD | Mod::LGUIMOD | Mod::RGUIMOD)
}

/// What a key means while all streams are shown: there is no position to change, and a tile to choose.
fn wall_action(key: Keycode, held: Mod, repeat: bool) -> Option<Action> {
    let way = match key {
        Keycode::Left => Way::Left,
        Keycode::Right => Way::Right,
        Keycode::Up => Way::Up,
        Keycode::Down => Way::Down,
        Keycode::Home => Way::First,
        Keycode::End => Way::Last,
        Keycode::Return | Keycode::KpEnter if !repeat && !is_the_desktop_s(held) => return Some(Action::Open(None)),
        _ => {
            let action = key_action(key, held, repeat);
            return action.filter(|action| {
                !matches!(action, Action::StepFrame { .. } | Action::ChangePace(_) | Action::ToggleStatistics)
                    && !matches!(action, Action::TogglePane | Action::ToggleNetwork)
            });
        }
    };
    (!is_the_desktop_s(held)).then_some(Action::Choose(way))
}

/// The stream that a digit means: the first one for 1.
fn digit(key: Keycode) -> Option<usize> {
    let digits = [
        [Keycode::Num1, Keycode::Kp1],
        [Keycode::Num2, Keycode::Kp2],
        [Keycode::Num3, Keycode::Kp3],
        [Keycode::Num4, Keycode::Kp4],
        [Keycode::Num5, Keycode::Kp5],
        [Keycode::Num6, Keycode::Kp6],
        [Keycode::Num7, Keycode::Kp7],
        [Keycode::Num8, Keycode::Kp8],
        [Keycode::Num9, Keycode::Kp9],
    ];
    digits.iter().position(|keys| keys.contains(&key))
}

fn key_action(key: Keycode, held: Mod, repeat: bool) -> Option<Action> {
    if is_the_desktop_s(held) {
        return None;
    }
    let step = if held.intersects(Mod::LSHIFTMOD | Mod::RSHIFTMOD) { LONG_STEP } else { STEP };
    Some(match key {
        Keycode::Left | Keycode::Right => Action::SeekBy { step, forward: key == Keycode::Right },
        Keycode::Comma | Keycode::Period => Action::StepFrame { forward: key == Keycode::Period },
        // A key that is held down goes on seeking. It must not start and stop in turns.
        _ if repeat => return None,
        Keycode::Home => Action::SeekTo(0.0),
        Keycode::End => Action::SeekTo(1.0),
        Keycode::Space => Action::TogglePlaying,
        Keycode::S => Action::Press(Button::Setup),
        Keycode::F | Keycode::F11 => Action::ToggleFullscreen,
        Keycode::LeftBracket => Action::ChangePace(Pace::Slower),
        Keycode::RightBracket => Action::ChangePace(Pace::Faster),
        Keycode::B => Action::ChangePace(Pace::Reversed),
        Keycode::Backspace => Action::ChangePace(Pace::Normal),
        Keycode::O => Action::ShowPage,
        Keycode::P => Action::SaveSnapshot,
        Keycode::R => Action::ToggleRecording,
        Keycode::I => Action::ToggleStatistics,
        Keycode::D => Action::TogglePane,
        Keycode::N => Action::ToggleNetwork,
        Keycode::H | Keycode::F1 => Action::ToggleHelp,
        Keycode::Escape => Action::Back,
        Keycode::Q => Action::Quit,
        _ => return digit(key).map(|stream| Action::Open(Some(stream))),
    })
}

#[cfg(test)]
mod tests {
    use super::super::canvas::Rect;
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
        let [Action::ScrubTo(shown), Action::SeekTo(fraction)] = actions(&drag, &ready(), false)[..] else {
            panic!("what is under the pointer is shown, and there is one seek at the end")
        };
        assert!((shown - 0.75).abs() < 0.01 && (fraction - 0.5).abs() < 0.01, "{shown} {fraction}");
        let click = [button_event(true, at(1), 1), motion((at(1).0 + 1, 0)), button_event(false, at(1), 1)];
        assert_eq!(actions(&click, &ready(), false), [Action::SeekTo(0.25)], "a click is no drag");
        assert_eq!(actions(&drag, &Model::new(), false), [], "there is no length to seek in");
    }

    #[test]
    fn a_click_on_the_picture_plays_or_pauses_and_a_double_click_fills_the_screen() {
        let (now, layout, model) = (Instant::now(), layout(), ready());
        let context = InputContext { layout: &layout, model: &model, help: false, pixel_ratio: 1.0 };
        let place = (layout.video.x + 9, layout.video.y + 9);
        let mut input = Input::new(now);
        assert_eq!(input.handle_event(&button_event(true, place, 1), now, context), None);
        assert_eq!(input.poll(now), None, "it may become a double click");
        assert_eq!(input.poll(now + DOUBLE_CLICK), Some(Action::TogglePlaying));
        assert_eq!(input.poll(now + DOUBLE_CLICK), None, "once");
        input.handle_event(&button_event(true, place, 1), now, context);
        let full = input.handle_event(&button_event(true, place, 2), now, context);
        assert_eq!((full, input.poll(now + DOUBLE_CLICK)), (Some(Action::ToggleFullscreen), None));
    }

    #[test]
    fn the_wheel_seeks() {
        let wheel = |y| SdlEvent::MouseWheel {
            timestamp: 0,
            window_id: 0,
            which: 0,
            x: 0,
            y,
            direction: MouseWheelDirection::Normal,
            precise_x: 0.0,
            precise_y: y as f32,
            mouse_x: 0,
            mouse_y: 0,
        };
        let seek = |steps: u32, forward| Action::SeekBy { step: STEP * steps, forward };
        assert_eq!(actions(&[wheel(1), wheel(-3), wheel(0)], &ready(), false), [seek(1, true), seek(3, false)]);
        assert_eq!(actions(&[wheel(1)], &ready(), true), [], "the help is in front");
    }

    #[test]
    fn tab_goes_through_what_can_be_pressed_and_space_and_enter_press_it() {
        let (now, layout, model) = (Instant::now(), layout(), ready());
        let context = InputContext { layout: &layout, model: &model, help: false, pixel_ratio: 1.0 };
        let mut input = Input::new(now);
        let none = Mod::empty();
        assert_eq!(input.press_key(Keycode::Space, none, false, context), Some(Action::TogglePlaying));
        let mut seen = Vec::new();
        for _ in 0..7 {
            assert_eq!(input.press_key(Keycode::Tab, none, false, context), None);
            seen.push(input.focus().unwrap());
        }
        let [play, stop] = [Button::Play, Button::Stop].map(Control::Button);
        // There is no picture yet to be saved or recorded.
        let tools = [Tool::Statistics, Tool::Protocol, Tool::Help, Tool::Fullscreen].map(Control::Tool);
        assert_eq!(seen, [&[play, stop], &tools[..], &[play]].concat());
        assert_eq!(input.press_key(Keycode::Return, none, false, context), Some(Action::Press(Button::Play)));
        input.press_key(Keycode::Tab, Mod::LSHIFTMOD, false, context);
        assert_eq!(input.press_key(Keycode::Space, none, false, context), Some(Action::ToggleFullscreen));
        assert_eq!(input.press_key(Keycode::Escape, none, false, context), None, "it leaves the button");
        assert_eq!(input.press_key(Keycode::Escape, none, false, context), Some(Action::Back));
    }

    #[test]
    fn on_a_wall_keys_choose_a_tile_and_a_click_opens_it() {
        let (now, model) = (Instant::now(), ready());
        let tiles = vec![Rect::new(6, 50, 300, 200), Rect::new(312, 50, 300, 200)];
        let layout = layout().with_wall(|_| tiles);
        let context = InputContext { layout: &layout, model: &model, help: false, pixel_ratio: 1.0 };
        let mut input = Input::new(now);
        let none = Mod::empty();
        let mut key = |key| input.press_key(key, none, false, context);
        assert_eq!([Keycode::Down, Keycode::Home].map(&mut key), [Way::Down, Way::First].map(Action::Choose).map(Some));
        assert_eq!(key(Keycode::Return), Some(Action::Open(None)));
        assert_eq!(key(Keycode::Num2), Some(Action::Open(Some(1))));
        assert_eq!([Keycode::Space, Keycode::B].map(&mut key), [Some(Action::TogglePlaying), None]);
        let place = (400, 100);
        assert_eq!(input.handle_event(&button_event(true, place, 1), now, context), None);
        let opened = input.handle_event(&button_event(false, place, 1), now, context);
        assert_eq!((opened, input.poll(now + DOUBLE_CLICK)), (Some(Action::Open(Some(1))), None));
        let mut seen = Vec::new();
        for _ in 0..3 {
            input.press_key(Keycode::Tab, none, false, context);
            seen.push(input.focus());
        }
        let [help, full] = [Tool::Help, Tool::Fullscreen].map(|tool| Some(Control::Tool(tool)));
        assert_eq!(seen, [help, full, None], "and then back to the tiles");
    }

    #[test]
    fn buttons_of_a_notice_come_first_and_leave_no_focus_behind() {
        let (now, mut layout, model) = (Instant::now(), layout(), ready());
        layout.steps =
            vec![(Step::OtherAddress, Rect::new(200, 300, 90, 30)), (Step::TryAgain, Rect::new(300, 300, 90, 30))];
        let context = InputContext { layout: &layout, model: &model, help: false, pixel_ratio: 1.0 };
        let mut input = Input::new(now);
        let none = Mod::empty();
        let enter = input.press_key(Keycode::Return, none, false, context);
        assert_eq!(enter, Some(Action::Take(Step::OtherAddress)), "the first one is what Enter means");
        input.press_key(Keycode::Tab, none, false, context);
        input.leave_hidden(&layout);
        assert!(matches!(input.focus(), Some(Control::Step(_))));
        let place = (310, 310);
        input.handle_event(&button_event(true, place, 1), now, context);
        let clicked = input.handle_event(&button_event(false, place, 1), now, context);
        assert_eq!((clicked, input.poll(now + DOUBLE_CLICK)), (Some(Action::Take(Step::TryAgain)), None));
        input.press_key(Keycode::Tab, none, false, context);
        layout.steps.clear();
        input.leave_hidden(&layout);
        assert_eq!(input.focus(), None);
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

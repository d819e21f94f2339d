//! The pane as the user sees and uses it.

use super::rows::Cells;
use super::*;
use crate::protocol::tests::conversation;
use crate::ui::canvas::{Canvas, Rect};
use crate::ui::text::Fonts;
use crate::ui::theme::{self, contrast};
use crate::ui::view::{Look, LookState};
use crate::ui::widgets::Pen;

const PLAN: Rect = Rect::new(328, 44, 312, 478);

fn key(key: Keycode, held: Mod) -> SdlEvent {
    SdlEvent::KeyDown { timestamp: 0, window_id: 0, keycode: Some(key), scancode: None, keymod: held, repeat: false }
}

fn button(down: bool, x: i32, y: i32) -> SdlEvent {
    let (timestamp, window_id, which, mouse_btn, clicks) = (0, 0, 0, MouseButton::Left, 1);
    if down {
        SdlEvent::MouseButtonDown { timestamp, window_id, which, mouse_btn, clicks, x, y }
    } else {
        SdlEvent::MouseButtonUp { timestamp, window_id, which, mouse_btn, clicks, x, y }
    }
}

/// A pane in use: what it shows after each thing that is done.
struct User {
    pane: Pane,
    protocol: Protocol,
    rect: Rect,
}

impl User {
    fn new(rect: Rect) -> Self {
        let mut pane = Pane::new(Impairments::default(), Instant::now());
        pane.toggle();
        Self { pane, protocol: conversation(), rect }
    }

    fn plan(&self) -> Plan {
        Plan::new(self.rect, 1.0, self.pane.tab(), self.pane.follows())
    }

    fn does(&mut self, event: &SdlEvent) -> Option<Done> {
        let plan = self.plan();
        self.pane.handle_event(event, (&plan, 1.0, 1.0), Some(&self.protocol), false)
    }

    fn key(&mut self, name: Keycode) -> Option<Done> {
        self.does(&key(name, Mod::empty()))
    }

    fn sees(&mut self) -> View {
        let plan = self.plan();
        self.pane.update(Instant::now(), Some(&plan), Some(&self.protocol));
        self.pane.view().unwrap().as_ref().clone()
    }

    fn clicks_row(&mut self, row: usize) {
        let view = self.sees();
        let (x, y) = (view.plan.list.x + 30, view.plan.list.y + row as i32 * view.plan.row + 4);
        self.does(&button(true, x, y));
        self.does(&button(false, x, y));
    }
}

#[test]
fn a_message_is_opened_and_each_of_its_lines_explained() {
    let mut user = User::new(PLAN);
    let first = user.sees();
    assert!(matches!(&first.rows[1].cells, Cells::Message { text, state, .. } if text == "SETUP" && state == "Init"));
    assert!(
        matches!(&first.rows[2].cells, Cells::Message { text, state, .. } if text == "200 OK" && state == "Init → Ready")
    );
    assert_eq!(first.explained, None);
    user.clicks_row(2);
    let opened = user.sees();
    assert_eq!(opened.explained.as_ref().unwrap().section, "RFC 2326, section 7.1.1");
    assert_eq!(opened.rows[3].cells, Cells::Line { text: "RTSP/1.0 200 OK".into(), is_body: false });
    // By keys to the line of the transport.
    (0..3).for_each(|_| _ = user.key(Keycode::Down));
    let explained = user.sees().explained.unwrap();
    assert!(
        explained.title.starts_with("Transport: ") && explained.section == "RFC 2326, section 12.39",
        "{explained:?}"
    );
    user.clicks_row(2);
    assert_eq!(user.sees().rows[3].open, Some(false), "closed again");
    assert_eq!(user.pane.text(&user.protocol, "rtsp://x").lines().next(), Some("RTSP: 5 messages"));
}

#[test]
fn packets_stand_while_one_is_looked_at_and_its_bits_are_shown() {
    let mut user = User::new(PLAN);
    user.pane.press(Part::Tab(Tab::Rtp));
    let first = user.sees();
    assert!(first.plots.is_some() && first.rows.len() == first.plan.rows());
    assert!(first.plan.parts[7].is_empty(), "it follows");
    user.clicks_row(0);
    let opened = user.sees();
    assert!(!opened.plan.parts[7].is_empty());
    let bits = |row: &Row| match &row.cells {
        Cells::Field { name, bits, .. } => (*name, bits.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (bits(&opened.rows[1]), bits(&opened.rows[6])),
        (("Version", "10".into()), ("Payload type", "001 1010".into()))
    );
    let before = opened.rows[0].id;
    for sequence in 0..300 {
        crate::protocol::tests::packet_comes(&user.protocol, 1000 + sequence);
    }
    assert_eq!(user.sees().rows[0].id, before);
    user.key(Keycode::Return);
    assert_eq!(user.sees().rows[1].open, Some(false));
    user.pane.press(Part::Follow);
    assert!(user.sees().rows[0].id > before && user.sees().explained.is_none());
}

#[test]
fn sliders_are_moved_by_mouse_and_keys_and_change_the_network() {
    let mut user = User::new(PLAN);
    user.pane.toggle_network();
    let view = user.sees();
    assert_eq!(view.sliders.len(), 6);
    let track = view.plan.track(3, 1.0);
    let delayed = |ms| Impairments { delay: Duration::from_millis(ms), ..Impairments::default() };
    let pressed = user.does(&button(true, track.x + track.w / 2, track.y + 9));
    assert_eq!(pressed, Some(Done::Impair(delayed(50))));
    let mousestate = sdl2::mouse::MouseState::from_sdl_state(1);
    let motion =
        SdlEvent::MouseMotion { timestamp: 0, window_id: 0, which: 0, mousestate, x: 2000, y: 0, xrel: 0, yrel: 0 };
    assert_eq!(user.does(&motion), Some(Done::Impair(delayed(1000))));
    assert_eq!(user.does(&button(false, 2000, 0)), Some(Done::Nothing));
    assert_eq!(user.does(&motion), None, "it is let go");
    assert_eq!(user.key(Keycode::Left), Some(Done::Impair(delayed(500))));
    assert_eq!(user.key(Keycode::Home), Some(Done::Impair(delayed(0))));
    user.key(Keycode::Up);
    user.key(Keycode::Right);
    assert_eq!(
        (user.pane.press(Part::Reset), user.sees().sliders[2].value.as_str()),
        (Done::Impair(delayed(0)), "0 %")
    );
    assert_eq!(user.sees().explained.unwrap().title, "Reordering");
    // The keys that are none of its are left to others.
    for other in [Keycode::Space, Keycode::Q, Keycode::Return, Keycode::End] {
        assert_eq!(user.key(other), None, "{other:?}");
    }
    user.pane.press(Part::Tab(Tab::Rtsp));
    assert_eq!((user.key(Keycode::Left), user.key(Keycode::Home)), (None, None), "they seek");
    assert_eq!(user.does(&key(Keycode::C, Mod::LCTRLMOD)), Some(Done::Press(Part::Copy)));
}

#[test]
fn in_a_small_window_the_explanation_covers_the_pane_until_it_is_clicked_away() {
    let mut user = User::new(Rect::new(0, 44, 320, 130));
    user.clicks_row(0);
    assert!(user.sees().plan.is_explanation_over && user.sees().explained.is_some());
    user.does(&button(true, 100, 100));
    assert_eq!(user.sees().explained, None);
    user.key(Keycode::Return);
    assert!(user.sees().explained.is_some() && user.pane.close_explanation() && !user.pane.close_explanation());
}

#[test]
fn all_that_it_writes_can_be_read() {
    let (mut fonts, mut canvas) = (Fonts::new(), Canvas::default());
    for (rect, tab, selected) in [
        (PLAN, Tab::Rtsp, Some(2)),
        (PLAN, Tab::Rtp, Some(1)),
        (PLAN, Tab::Rtcp, Some(0)),
        (PLAN, Tab::Network, None),
        (PLAN, Tab::Rtcp, None),
        (Rect::new(0, 44, 320, 130), Tab::Rtp, Some(0)),
        (Rect::new(0, 44, 520, 700), Tab::Rtp, Some(3)),
    ] {
        let mut user = User::new(rect);
        user.pane.press(Part::Tab(tab));
        selected.into_iter().for_each(|row| user.clicks_row(row));
        let view = user.sees();
        for state in [LookState::Normal, LookState::Hover, LookState::Pressed] {
            let looks = [Look { state, focused: state == LookState::Normal }; Part::ALL.len()];
            for scale in [1.0, 2.0] {
                let size = (rect.w * scale as i32, rect.h * scale as i32);
                canvas.reset(size.0, size.1, theme::PANEL);
                let place = Rect { w: size.0, h: size.1, ..rect };
                let plan = Plan::new(place, scale, tab, user.pane.follows());
                let view = View { plan, ..view.clone() };
                draw(&mut canvas, &mut Pen { fonts: &mut fonts, scale }, &view, &looks);
                assert!(canvas.written.len() >= 3, "{tab:?}");
                let cut = canvas.written.iter().find(|(text, ..)| text.ends_with('…'));
                assert!(tab == Tab::Rtsp || cut.is_none(), "{tab:?}: {cut:?}");
                for (text, ink, ground) in &canvas.written {
                    let ink = ground.mix(ink.alpha(0xff), ink.a());
                    let reached = contrast(ink, *ground);
                    assert!(
                        reached >= 4.5,
                        "{tab:?}, {state:?}: {text:?} has {reached:.2}, in {ink:x?} on {ground:x?}"
                    );
                }
            }
        }
    }
}

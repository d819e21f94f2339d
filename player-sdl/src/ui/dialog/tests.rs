use super::*;
use crate::ui::canvas::Canvas;
use crate::ui::text::Fonts;
use crate::ui::theme;
use crate::ui::widgets::Pen;
use mutoscope_std::tls::Fingerprint;

fn password(user: &str, is_wrong: bool) -> Dialog {
    let question = Question::Password { server: "cam:554".into(), user: user.into(), is_wrong };
    Dialog::new(question, Instant::now())
}

fn certificate(known: Option<Fingerprint>) -> Dialog {
    let (fingerprint, doubt) = (Fingerprint([0xab; 32]), "nobody vouches for the server's certificate".into());
    Dialog::new(Question::Certificate { server: "cam:322".into(), fingerprint, doubt, known }, Instant::now())
}

/// A key with the modifiers that are held.
fn press(dialog: &mut Dialog, key: Keycode, keymod: Mod) -> Option<Closing> {
    let event =
        SdlEvent::KeyDown { timestamp: 0, window_id: 0, keycode: Some(key), scancode: None, keymod, repeat: false };
    give(dialog, &event)
}

fn key(dialog: &mut Dialog, key: Keycode) -> Option<Closing> {
    press(dialog, key, Mod::empty())
}

fn write(dialog: &mut Dialog, text: &str) {
    for c in text.chars() {
        give(dialog, &SdlEvent::TextInput { timestamp: 0, window_id: 0, text: c.into() });
    }
}

const PLACES: [(Part, Rect); 2] = [(Part::Cancel, Rect::new(0, 0, 10, 10)), (Part::Accept, Rect::new(20, 0, 10, 10))];

fn give(dialog: &mut Dialog, event: &SdlEvent) -> Option<Closing> {
    let clipboard = || Some("pasted\nline".to_owned());
    let context = Context { parts: &PLACES, pixel_ratio: 2.0, clipboard: &clipboard };
    dialog.handle_event(event, Instant::now(), &context)
}

fn click(dialog: &mut Dialog, (x, y): (i32, i32)) -> Option<Closing> {
    let (timestamp, window_id, which, mouse_btn, clicks) = (0, 0, 0, MouseButton::Left, 1);
    let down = SdlEvent::MouseButtonDown { timestamp, window_id, which, mouse_btn, clicks, x, y };
    let up = SdlEvent::MouseButtonUp { timestamp, window_id, which, mouse_btn, clicks, x, y };
    give(dialog, &down);
    give(dialog, &up)
}

fn typed(user: &str, password: &str) -> Option<Closing> {
    Some(Closing::Answer(Answer::Credentials { user: user.into(), password: password.into() }))
}

#[test]
fn name_and_password_are_typed_and_sent_by_enter() {
    let mut dialog = password("", false);
    assert_eq!(key(&mut dialog, Keycode::Return), None, "there is no name yet");
    write(&mut dialog, "annna q");
    for _ in 0..2 {
        key(&mut dialog, Keycode::Backspace);
    }
    key(&mut dialog, Keycode::Home);
    key(&mut dialog, Keycode::Delete);
    key(&mut dialog, Keycode::End);
    assert_eq!(key(&mut dialog, Keycode::Return), None, "it goes on to the password");
    write(&mut dialog, "hunter 2");
    assert_eq!(key(&mut dialog, Keycode::Return), typed("nnna", "hunter 2"));
    let shown = format!("{dialog:?} {:?}", dialog.view(Instant::now()));
    assert!(!shown.contains("hunter") && shown.contains("••••••••"), "{shown}");
}

#[test]
fn tab_goes_round_and_passes_what_cannot_be_chosen() {
    let mut dialog = password("", false);
    let mut order = Vec::new();
    for _ in 0..4 {
        key(&mut dialog, Keycode::Tab);
        order.push(dialog.focus);
    }
    assert_eq!(order, [Part::Password, Part::Cancel, Part::Name, Part::Password]);
    press(&mut dialog, Keycode::Tab, Mod::LSHIFTMOD);
    write(&mut dialog, "anna");
    press(&mut dialog, Keycode::Tab, Mod::LSHIFTMOD);
    assert_eq!(dialog.focus, Part::Accept);
    assert_eq!(key(&mut dialog, Keycode::Space), typed("anna", ""));
    key(&mut dialog, Keycode::Up);
    assert_eq!(dialog.focus, Part::Accept, "arrows leave fields alone");
}

#[test]
fn a_known_name_is_there_and_a_wrong_password_is_told() {
    let mut dialog = password("anna", true);
    assert_eq!(dialog.kind(), "wrong password");
    assert_eq!(dialog.view(Instant::now()).complaint, Some("The server does not accept this name and password."));
    press(&mut dialog, Keycode::V, Mod::RCTRLMOD);
    press(&mut dialog, Keycode::Insert, Mod::LSHIFTMOD);
    assert_eq!(key(&mut dialog, Keycode::KpEnter), typed("anna", "pastedpasted"));
    press(&mut dialog, Keycode::U, Mod::LCTRLMOD);
    press(&mut dialog, Keycode::A, Mod::CAPSMOD);
    assert_eq!(dialog.view(Instant::now()).complaint, Some("Caps Lock is on."));
    assert_eq!(key(&mut dialog, Keycode::Return), typed("anna", ""));
    key(&mut dialog, Keycode::Up);
    write(&mut dialog, ":x");
    key(&mut dialog, Keycode::Tab);
    assert_eq!(key(&mut dialog, Keycode::Return), None, "no name has a colon");
    assert_eq!(key(&mut dialog, Keycode::Escape), Some(Closing::Cancel));
}

#[test]
fn enter_alone_trusts_nobody() {
    for known in [None, Some(Fingerprint([1; 32]))] {
        let mut dialog = certificate(known);
        assert_eq!(key(&mut dialog, Keycode::Return), Some(Closing::Cancel));
    }
    let mut dialog = certificate(None);
    key(&mut dialog, Keycode::Tab);
    assert_eq!(key(&mut dialog, Keycode::Return), Some(Closing::Answer(Answer::Trust)));
    assert_eq!(click(&mut certificate(None), (12, 2)), Some(Closing::Answer(Answer::Trust)));
    assert_eq!(click(&mut certificate(None), (2, 2)), Some(Closing::Cancel));
    assert_eq!(click(&mut certificate(None), (7, 2)), None);
}

#[test]
fn a_changed_certificate_takes_a_tick_first() {
    let mut dialog = certificate(Some(Fingerprint([1; 32])));
    assert_eq!((dialog.kind(), click(&mut dialog, (12, 2))), ("changed certificate", None));
    key(&mut dialog, Keycode::Tab);
    assert_eq!(dialog.focus, Part::Tick, "REPLACE cannot be chosen");
    key(&mut dialog, Keycode::Space);
    key(&mut dialog, Keycode::Return);
    key(&mut dialog, Keycode::Space);
    assert_eq!(click(&mut dialog, (12, 2)), Some(Closing::Answer(Answer::Trust)));
}

#[test]
fn the_caret_blinks_and_is_seen_while_somebody_types() {
    let dialog = password("", false);
    let at = |millis: u64| dialog.view(dialog.touched + Duration::from_millis(millis)).caret;
    assert_eq!([at(0), at(500), at(600), at(1100)], [true, true, false, true]);
}

#[test]
fn dialogs_fit_every_window_and_are_drawn_with_any_text() {
    let mut fonts = Fonts::new();
    let mut long = password(&"a-rather-long-name".repeat(6), true);
    write(&mut long, &"ü".repeat(99));
    let now = Instant::now();
    for dialog in [password("", false), long, certificate(None), certificate(Some(Fingerprint([1; 32])))] {
        for scale in [1.0, 1.5, 2.0] {
            for (w, h) in [(296, 296), (296, 600), (616, 600), (1900, 300), (10, 10)] {
                let mut pen = Pen { fonts: &mut fonts, scale };
                let room = Rect::new(0, 0, pen.px(w), pen.px(h));
                let plan = arrange(&mut pen, &dialog.view(now), room);
                assert!(plan.size.0 <= room.w && plan.size.1 <= room.h, "{w}x{h}: {:?}", plan.size);
                for (part, place) in plan.parts().filter(|_| w > 10) {
                    let fits = place.x >= 0 && place.right() <= plan.size.0 && place.bottom() <= plan.size.1;
                    assert!(fits, "{} at {w}x{h}: {part:?} {place:?} in {:?}", dialog.kind(), plan.size);
                }
                let mut canvas = Canvas::default();
                canvas.reset(plan.size.0, plan.size.1, theme::BLACK.alpha(0));
                draw(&mut canvas, &mut pen, &plan);
            }
        }
    }
}

#[test]
fn every_text_of_a_dialog_can_be_read() {
    let (mut fonts, mut canvas) = (Fonts::new(), Canvas::default());
    let other = Some(Fingerprint([1; 32]));
    for mut dialog in [password("", false), password("anna", true), certificate(None), certificate(other)] {
        for pointed in [None, Some(Part::Accept), Some(Part::Cancel)] {
            for pressed in [None, pointed] {
                (dialog.hovered, dialog.pressed) = (pointed, pressed);
                let mut pen = Pen { fonts: &mut fonts, scale: 1.0 };
                let plan = arrange(&mut pen, &dialog.view(Instant::now()), Rect::new(0, 0, 640, 600));
                canvas.reset(plan.size.0, plan.size.1, theme::BLACK);
                draw(&mut canvas, &mut pen, &plan);
                assert!(canvas.written.len() >= 4);
                for (text, ink, ground) in &canvas.written {
                    let least = if *ink == theme::DISABLED { 3.0 } else { 4.5 };
                    let reached = theme::contrast(*ink, *ground);
                    assert!(reached >= least, "{text:?} has {reached:.2}, in {ink:x?} on {ground:x?}");
                }
            }
        }
    }
}

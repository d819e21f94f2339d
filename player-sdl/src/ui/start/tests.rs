use super::*;
use crate::servers::Listed;
use crate::ui::canvas::Canvas;
use crate::ui::text::Fonts;
use crate::ui::theme;
use crate::ui::view::LookState;
use crate::ui::widgets::Pen;

fn server(name: &str, streams: &[&str]) -> Server {
    let stream =
        |name: &&str| Listed { name: (*name).into(), about: String::new(), url: format!("rtsp://10.0.0.1/{name}") };
    let streams = streams.iter().map(stream).collect();
    Server { name: name.into(), place: "10.0.0.1:554".into(), streams, note: String::new() }
}

fn page() -> Page {
    let recent = ["rtsp://cam/a", "rtsp://cam/b"].map(str::to_owned);
    let mut page = Page::new(&recent, false, Instant::now());
    page.set_servers(Ok(vec![server("pi", &["porch", "attic"]), server("shed", &["garden"])]));
    page
}

const PLACES: [(Part, Rect); 4] = [
    (Part::Open, Rect::new(0, 0, 10, 10)),
    (Part::Remove(1), Rect::new(20, 0, 10, 10)),
    (Part::Recent(1), Rect::new(0, 20, 40, 10)),
    (Part::Stream(1), Rect::new(0, 40, 40, 10)),
];

fn give(page: &mut Page, event: &SdlEvent) -> Option<Request> {
    let clipboard = || Some("rtsp://pasted/x\n".to_owned());
    let context = Context { parts: &PLACES, pixel_ratio: 2.0, scale: 1.0, clipboard: &clipboard };
    page.handle_event(event, Instant::now(), &context)
}

fn press(page: &mut Page, key: Keycode, keymod: Mod) -> Option<Request> {
    let event =
        SdlEvent::KeyDown { timestamp: 0, window_id: 0, keycode: Some(key), scancode: None, keymod, repeat: false };
    give(page, &event)
}

fn key(page: &mut Page, key: Keycode) -> Option<Request> {
    press(page, key, Mod::empty())
}

fn write(page: &mut Page, text: &str) {
    for c in text.chars() {
        give(page, &SdlEvent::TextInput { timestamp: 0, window_id: 0, text: c.into() });
    }
}

fn button(page: &mut Page, down: bool, (x, y): (i32, i32)) -> Option<Request> {
    let (timestamp, window_id, which, mouse_btn, clicks) = (0, 0, 0, MouseButton::Left, 1);
    let event = if down {
        SdlEvent::MouseButtonDown { timestamp, window_id, which, mouse_btn, clicks, x, y }
    } else {
        SdlEvent::MouseButtonUp { timestamp, window_id, which, mouse_btn, clicks, x, y }
    };
    give(page, &event)
}

fn opened(url: &str) -> Option<Request> {
    Some(Request::Open(Address::typed(url).unwrap()))
}

#[test]
fn an_address_is_typed_and_opened_or_it_is_said_what_is_wrong_with_it() {
    let mut page = page();
    write(&mut page, "http://cam/x");
    assert_eq!(key(&mut page, Keycode::Return), None);
    assert!(page.view(Instant::now()).complaint.unwrap().starts_with("That is for a browser"));
    key(&mut page, Keycode::Backspace);
    assert_eq!(page.view(Instant::now()).complaint, None, "it is being mended");
    press(&mut page, Keycode::U, Mod::LCTRLMOD);
    write(&mut page, "cam:554/x y");
    key(&mut page, Keycode::Backspace);
    key(&mut page, Keycode::Backspace);
    assert_eq!(key(&mut page, Keycode::Return), opened("rtsp://cam:554/x"));
    let told = format!("{:?} {page:?}", page.told(&[], &page.view(Instant::now())));
    assert!(!told.contains("cam:554"), "it may have a password in it: {told}");
}

#[test]
fn keys_go_through_all_entries_and_open_remove_and_leave() {
    let mut page = page();
    let mut seen = Vec::new();
    for _ in 0..6 {
        key(&mut page, Keycode::Down);
        seen.push(page.focus);
    }
    let [a, b] = [0, 1].map(Part::Recent);
    assert_eq!(seen, [a, b, Part::Stream(0), Part::Stream(1), Part::Stream(2), Part::Stream(2)]);
    assert_eq!(key(&mut page, Keycode::Return), opened("rtsp://10.0.0.1/garden"));
    key(&mut page, Keycode::PageUp);
    assert_eq!(page.focus, Part::Field);
    let tabs: Vec<Part> = (0..3)
        .map(|_| {
            key(&mut page, Keycode::Tab);
            page.focus
        })
        .collect();
    assert_eq!(tabs, [Part::Open, a, b]);
    assert_eq!(key(&mut page, Keycode::Space), opened("rtsp://cam/b"));
    assert_eq!(key(&mut page, Keycode::Delete), Some(Request::Forget("rtsp://cam/b".into())));
    page.set_recent(&["rtsp://cam/a".into()]);
    assert_eq!(page.focus, a, "the next one has the focus");
    press(&mut page, Keycode::Tab, Mod::LSHIFTMOD);
    press(&mut page, Keycode::Tab, Mod::LSHIFTMOD);
    press(&mut page, Keycode::Tab, Mod::LSHIFTMOD);
    assert_eq!(page.focus, Part::Stream(2), "round and round");
    assert_eq!((key(&mut page, Keycode::Escape), page.focus), (None, Part::Field));
    write(&mut page, "x");
    assert_eq!((key(&mut page, Keycode::Escape), page.field.text()), (None, ""));
    assert_eq!(key(&mut page, Keycode::Escape), Some(Request::Back));
    assert_eq!(press(&mut page, Keycode::Q, Mod::LCTRLMOD), Some(Request::Quit));
    assert_eq!(key(&mut page, Keycode::F1), Some(Request::ToggleHelp));
}

#[test]
fn what_is_typed_or_pasted_goes_into_the_field_wherever_the_focus_is() {
    let mut page = page();
    key(&mut page, Keycode::Down);
    write(&mut page, " ");
    assert_eq!((page.focus, page.field.text()), (Part::Recent(0), ""));
    write(&mut page, "q x");
    assert_eq!((page.focus, page.field.text()), (Part::Field, "q x"));
    press(&mut page, Keycode::V, Mod::RCTRLMOD);
    assert_eq!(page.field.text(), "rtsp://pasted/x", "a whole address is all that is wanted");
    key(&mut page, Keycode::Down);
    press(&mut page, Keycode::Insert, Mod::LSHIFTMOD);
    assert_eq!(key(&mut page, Keycode::KpEnter), opened("rtsp://pasted/x"));
}

#[test]
fn the_mouse_opens_and_removes_where_it_is_pressed_and_released() {
    let mut page = page();
    button(&mut page, true, (5, 11));
    assert_eq!((page.focus, button(&mut page, false, (5, 11))), (Part::Recent(1), opened("rtsp://cam/b")));
    button(&mut page, true, (11, 2));
    assert_eq!(button(&mut page, false, (11, 2)), Some(Request::Forget("rtsp://cam/b".into())));
    button(&mut page, true, (5, 11));
    assert_eq!(button(&mut page, false, (5, 30)), None);
}

#[test]
fn an_entry_that_moves_under_the_mouse_is_not_opened_in_another_s_place() {
    let mut page = page();
    button(&mut page, true, (5, 21));
    assert_eq!((page.pressed, page.focus), (Some(Part::Stream(1)), Part::Stream(1)));
    page.set_servers(Ok(vec![server("aa", &["new"]), server("pi", &["porch", "attic"])]));
    assert_eq!((page.pressed, page.focus), (Some(Part::Stream(2)), Part::Stream(2)));
    assert_eq!(button(&mut page, false, (5, 21)), None, "another one is there now");
    page.set_servers(Err("This network cannot be listened to.".into()));
    assert_eq!(page.focus, Part::Field);
    assert!(page.view(Instant::now()).network.starts_with("This network"));
}

/// Pages as they may come, each with its name.
fn pages() -> Vec<(&'static str, Page)> {
    let now = Instant::now();
    let long = "a-rather-long-name-of-a-stream-with-no-space-in-it".repeat(4);
    let recent: Vec<String> = (0..10).map(|number| format!("rtsp://cam/{long}{number}")).collect();
    let empty = Page::new(&[], false, now);
    let mut full = Page::new(&recent, true, now);
    full.suggest(&format!("rtsp://cam/{long}"));
    let names: Vec<String> = (0..30).map(|number| format!("{long}{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut servers = vec![server(&long, &names), server("pi", &["porch"])];
    servers[1].note = "Those who log in may see more: type the address.".into();
    full.set_servers(Ok(servers));
    let mut wrong = page();
    wrong.complain("The player plays what a server sends. This serves a file: mutoscope-server FILE");
    vec![("empty", empty), ("full", full), ("wrong", wrong)]
}

#[test]
fn the_page_fits_every_window_and_what_has_the_focus_is_seen() {
    let mut fonts = Fonts::new();
    let overlap = |a: Rect, b: Rect| a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
    for (name, mut page) in pages() {
        for scale in [1.0, 1.5, 2.0] {
            for (w, h) in [(320, 320), (640, 640), (1600, 900), (880, 400), (10, 10)] {
                let mut pen = Pen { fonts: &mut fonts, scale };
                let window = Rect::new(0, 0, pen.px(w), pen.px(h));
                for part in page.order(true) {
                    (page.focus, page.follows) = (part, true);
                    let plan = arrange(&mut pen, &page.view(Instant::now()), window);
                    page.settle(plan.scroll);
                    if w == 10 {
                        continue;
                    }
                    let what = format!("{name} at {w}x{h} x {scale}, {part:?}");
                    let seen = plan.parts.iter().find(|(seen, _)| *seen == part).map(|(_, place)| *place);
                    let seen = seen.unwrap_or_else(|| panic!("{what} is not seen"));
                    assert!(seen.h >= pen.px(28), "{what} is cut: {seen:?}");
                    for (at, (other, place)) in plan.parts.iter().enumerate() {
                        let fits = place.x >= 0 && place.right() <= window.w && place.bottom() <= window.h;
                        assert!(fits, "{what}: {other:?} {place:?}");
                        for (next, there) in plan.parts.iter().skip(at + 1) {
                            let is_button = matches!((other, next), (Part::Remove(a), Part::Recent(b)) if a == b);
                            assert!(is_button || !overlap(*place, *there), "{what}: {other:?} and {next:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_wheel_moves_the_list_up_to_its_ends() {
    let mut fonts = Fonts::new();
    let mut pen = Pen { fonts: &mut fonts, scale: 1.0 };
    let (_, mut page) = pages().remove(1);
    let mut scroll = |page: &mut Page, y: i32| {
        let (timestamp, window_id, which, direction) = (0, 0, 0, MouseWheelDirection::Normal);
        let (x, precise_x, precise_y, mouse_x, mouse_y) = (0, 0.0, 0.0, 0, 0);
        let wheel = SdlEvent::MouseWheel {
            timestamp,
            window_id,
            which,
            x,
            y,
            direction,
            precise_x,
            precise_y,
            mouse_x,
            mouse_y,
        };
        assert_eq!(give(page, &wheel), None);
        let plan = arrange(&mut pen, &page.view(Instant::now()), Rect::new(0, 0, 640, 640));
        page.settle(plan.scroll);
        plan.scroll
    };
    let ends = [scroll(&mut page, -1), scroll(&mut page, -1000), scroll(&mut page, 1), scroll(&mut page, 1000)];
    assert_eq!((ends[0], ends[3]), (WHEEL, 0));
    assert!(ends[1] > 1500 && ends[2] == ends[1] - WHEEL, "{ends:?}");
}

#[test]
fn every_text_of_the_page_can_be_read() {
    let (mut fonts, mut canvas) = (Fonts::new(), Canvas::default());
    for (name, page) in pages() {
        let mut pen = Pen { fonts: &mut fonts, scale: 1.0 };
        let window = Rect::new(0, 0, 640, 640);
        let plain = arrange(&mut pen, &page.view(Instant::now()), window);
        for (part, place) in &plain.parts {
            for pressed in [None, Some(*part)] {
                let mut view = page.view(Instant::now());
                (view.mouse, view.pressed) = (Some((place.x + 2, place.y + 2)), pressed);
                let plan = arrange(&mut pen, &view, window);
                for (items, rect) in [&plan.top, &plan.list] {
                    canvas.reset(rect.w, rect.h, theme::BACKGROUND);
                    draw(&mut canvas, &mut pen, items);
                    for (text, ink, ground) in &canvas.written {
                        let reached = theme::contrast(*ink, *ground);
                        assert!(reached >= 4.5, "{name}: {text:?} has {reached:.2}, in {ink:x?} on {ground:x?}");
                    }
                }
            }
        }
    }
    let plan =
        arrange(&mut Pen { fonts: &mut fonts, scale: 1.0 }, &page().view(Instant::now()), Rect::new(0, 0, 640, 640));
    let looks = plan.list.0.iter().filter_map(|(item, _)| match item {
        plan::Item::Row { look, .. } => Some(look.state),
        _ => None,
    });
    assert!(looks.eq([LookState::Normal; 5]));
}

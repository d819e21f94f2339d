//! Hears servers, asks their pages, and puts both together.

use super::{Found, Listed, Server};
use crate::args::stream_name;
use crate::wording::{is_harmless, sentence};
use mutoscope::wire::url::Url;
use mutoscope_std::announce::{Browser, Error, Heard, Offer, Offers, Unanswered, browse, offers, testing};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The time between two looks at what has been heard.
const INTERVAL: Duration = Duration::from_millis(150);
/// How long a page may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long after its answer a page is asked again.
const AGAIN: Duration = Duration::from_secs(5);
/// So many pages are asked: strangers may tell of any number.
const MOST_PAGES: usize = 16;
/// So many servers and streams are listed.
const MOST_SERVERS: usize = 32;
const MOST_STREAMS: usize = 200;

/// Tells who is there, until nobody wants to know any more. `port`: that of a network within this machine.
pub(super) fn hear(port: Option<u16>, stopped: &Receiver<()>, tell: &dyn Fn(Found) -> bool) {
    match port.map_or_else(browse, testing::browse_machine).and_then(Browser::with_pages) {
        Ok(browser) => watch(browser, stopped, tell),
        Err(error) => _ = tell(Err(why(&error))),
    }
}

fn why(error: &Error) -> String {
    log::warn!("cannot listen for servers: {error}");
    "This network cannot be listened to.".to_owned()
}

/// Looks at what has been heard until nobody wants to know any more.
fn watch(mut browser: Browser, stopped: &Receiver<()>, tell: &dyn Fn(Found) -> bool) {
    let (answers, answered) = mpsc::channel();
    let (mut pages, mut last) = (Pages::default(), None);
    loop {
        let now = Instant::now();
        answered.try_iter().for_each(|(place, answer)| pages.take(place, answer, now));
        pages.update(&browser.pages());
        for place in pages.due(now) {
            let answers = answers.clone();
            let ask = move || _ = answers.send((place, offers(place, PATIENCE)));
            if std::thread::Builder::new().name("page".into()).spawn(ask).is_err() {
                pages.take(place, Err(Unanswered::Silent), now);
            }
        }
        let list = list(&browser.heard(), &pages.known());
        if last.as_ref() != Some(&list) {
            if !tell(Ok(list.clone())) {
                break;
            }
            last = Some(list);
        }
        if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
            break;
        }
    }
}

/// The pages that are heard of, and what they have answered.
#[derive(Debug, Default)]
struct Pages(BTreeMap<SocketAddr, Page>);

#[derive(Debug, Default)]
struct Page {
    answer: Option<Result<Offers, Unanswered>>,
    is_asked: bool,
    again: Option<Instant>,
}

impl Pages {
    fn update(&mut self, heard: &[SocketAddr]) {
        self.0.retain(|place, _| heard.contains(place));
        for place in heard.iter().take(MOST_PAGES) {
            if self.0.len() < MOST_PAGES {
                self.0.entry(*place).or_default();
            }
        }
    }

    fn take(&mut self, place: SocketAddr, answer: Result<Offers, Unanswered>, now: Instant) {
        let Some(page) = self.0.get_mut(&place) else { return };
        (page.answer, page.is_asked, page.again) = (Some(answer), false, Some(now + AGAIN));
    }

    /// Those that are to be asked now, each one once.
    fn due(&mut self, now: Instant) -> Vec<SocketAddr> {
        let is_due = |page: &Page| !page.is_asked && page.again.is_none_or(|again| again <= now);
        let due = self.0.iter_mut().filter(|(_, page)| is_due(page)).map(|(place, page)| {
            page.is_asked = true;
            *place
        });
        due.collect()
    }

    fn known(&self) -> Vec<(SocketAddr, &Result<Offers, Unanswered>)> {
        self.0.iter().filter_map(|(place, page)| Some((*place, page.answer.as_ref()?))).collect()
    }
}

/// What is known of a server, from both sides.
#[derive(Debug, Default)]
struct Known<'a> {
    heard: Vec<&'a Heard>,
    offers: Vec<&'a Offer>,
    page: Option<&'a Result<Offers, Unanswered>>,
}

/// Puts together what was heard and what the pages answer: the streams of each server, by its address.
fn list(heard: &[Heard], pages: &[(SocketAddr, &Result<Offers, Unanswered>)]) -> Vec<Server> {
    let mut servers: BTreeMap<(String, u16), Known<'_>> = BTreeMap::new();
    for heard in heard {
        if let Some(url) = Url::parse(&heard.url) {
            let place = (url.host().to_owned(), url.port_or_default());
            servers.entry(place).or_default().heard.push(heard);
        }
    }
    for (place, page) in pages {
        let host = place.ip().to_string();
        for offer in page.iter().flat_map(|offers| &offers.streams) {
            if let Some(url) = Url::parse(&offer.url) {
                servers.entry((host.clone(), url.port_or_default())).or_default().offers.push(offer);
            }
        }
        let mut of_host = servers.iter_mut().filter(|((server, _), known)| *server == host && known.page.is_none());
        // Where the page has no streams for everybody, its server is the one that was heard at the same address.
        let chosen = of_host.find(|(_, known)| {
            page.is_err() || page.as_ref().is_ok_and(|o| o.streams.is_empty()) || !known.offers.is_empty()
        });
        if let Some((_, known)) = chosen {
            known.page = Some(page);
        }
    }
    let mut room = MOST_STREAMS;
    let server = |((host, port), known): ((String, u16), Known<'_>)| {
        let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut server = server(place, &known);
        server.streams.truncate(room);
        room -= server.streams.len();
        server
    };
    let mut list: Vec<Server> = servers.into_iter().take(MOST_SERVERS).map(server).collect();
    list.sort_by(|a, b| (a.name.to_lowercase(), &a.place).cmp(&(b.name.to_lowercase(), &b.place)));
    list
}

fn server(place: String, known: &Known<'_>) -> Server {
    let machine = machine(&known.heard);
    let streams = if known.offers.is_empty() {
        known.heard.iter().map(|heard| heard_stream(heard, machine.as_deref())).collect()
    } else {
        known.offers.iter().map(|offer| offered(offer)).collect()
    };
    let note = match known.page {
        Some(Ok(offers)) if offers.total > offers.streams.len() => {
            format!("{} of its {} streams are listed.", offers.streams.len(), offers.total)
        }
        Some(Ok(Offers { may_log_in: true, .. })) => "Those who log in may see more: type the address.".to_owned(),
        Some(Err(error)) => sentence(&format!("{error}.")),
        _ => String::new(),
    };
    Server { name: machine.unwrap_or_else(|| place.clone()), place, streams, note }
}

/// The machine on which all streams are that were heard, where their names say so: "porch on pi".
fn machine(heard: &[&Heard]) -> Option<String> {
    let mut machines = heard.iter().map(|heard| heard.name.rsplit_once(" on ").map(|(_, machine)| shown(machine)));
    let first = machines.next()??;
    machines.all(|other| other.as_ref() == Some(&first)).then_some(first).filter(|name| !name.is_empty())
}

fn heard_stream(heard: &Heard, machine: Option<&str>) -> Listed {
    let is_whole = Url::parse(&heard.url).is_some_and(|url| url.path().is_empty());
    let name = match heard.name.rsplit_once(" on ") {
        // The server alone, whose streams nobody tells of.
        Some(_) if machine.is_some() && is_whole => "Its default stream".to_owned(),
        Some((name, _)) if machine.is_some() => shown(name),
        _ => shown(&heard.name),
    };
    let name = if name.is_empty() { stream_name(&heard.url) } else { name };
    Listed { name, about: String::new(), url: heard.url.clone() }
}

fn offered(offer: &Offer) -> Listed {
    let size = offer.size.map(|(width, height)| format!("{width} × {height}"));
    let rate = offer.rate.map(|rate| format!("{} frames/s", (rate * 10.0).round() / 10.0));
    let length = match (offer.is_live, offer.length) {
        (Some(true), _) => Some("live".to_owned()),
        (_, Some(length)) => Some(crate::model::clock(length)),
        _ => None,
    };
    let known = [length, size, rate].into_iter().flatten().collect::<Vec<_>>().join("  ·  ");
    let about = offer.absence.as_deref().map_or(known, |absence| shown(&sentence(absence)));
    Listed { name: shown(&offer.name), about, url: offer.url.clone() }
}

/// A stranger's text, without what would turn the order of characters around.
fn shown(text: &str) -> String {
    text.chars().filter(|&c| is_harmless(c)).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(name: &str, url: &str) -> Heard {
        Heard { name: name.into(), url: url.into() }
    }

    fn answer(json: &str, place: &str) -> Result<Offers, Unanswered> {
        testing::listing(json.as_bytes(), place.parse().unwrap()).ok_or(Unanswered::Unreadable)
    }

    const ANSWER: &str = r#"{"streams": [
        {"name": "porch", "rtsp": ["rtsp://x:8554/porch"], "width": 1280, "height": 720, "rate": 25.0, "live": true},
        {"name": "film", "rtsp": ["rtsp://x:8554/film"], "live": false, "length": 61.5, "rate": 23.976},
        {"name": "attic", "rtsp": ["rtsp://x:8554/attic"], "live": true, "absence": "the camera is unplugged"}
    ], "total": 3, "may_log_in": true}"#;

    #[test]
    fn a_server_has_the_streams_that_its_page_tells_or_those_that_were_heard() {
        let all = [
            heard("porch on pi", "rtsp://192.0.2.7:8554/porch"),
            heard("film on pi", "rtsp://192.0.2.7:8554/film"),
            heard("Mutoscope on shed", "rtsp://192.0.2.9:8554/"),
            heard("Front door", "rtsp://192.0.2.8:554/live"),
        ];
        let silent = list(&all, &[]);
        let names = |servers: &[Server]| -> Vec<String> { servers.iter().map(|server| server.name.clone()).collect() };
        assert_eq!(names(&silent), ["192.0.2.8:554", "pi", "shed"]);
        let titles = |server: &Server| -> Vec<String> { server.streams.iter().map(|s| s.name.clone()).collect() };
        assert_eq!(titles(&silent[0]), ["Front door"]);
        assert_eq!(
            (titles(&silent[1]), silent[1].place.as_str()),
            (vec!["porch".into(), "film".into()], "192.0.2.7:8554")
        );
        assert_eq!(titles(&silent[2]), ["Its default stream"]);

        let page: SocketAddr = "192.0.2.7:8080".parse().unwrap();
        let told_by = answer(ANSWER, "192.0.2.7:8080");
        let told = list(&all, &[(page, &told_by)]);
        assert_eq!(names(&told), names(&silent));
        let pi = &told[1];
        assert_eq!(titles(pi), ["porch", "film", "attic"]);
        let about: Vec<&str> = pi.streams.iter().map(|stream| stream.about.as_str()).collect();
        assert_eq!(about, ["live  ·  1280 × 720  ·  25 frames/s", "1:01  ·  24 frames/s", "The camera is unplugged"]);
        assert!(pi.note.contains("log in") && pi.streams[2].url == "rtsp://192.0.2.7:8554/attic");

        let failed = Err(Unanswered::Silent);
        let still = list(&all, &[(page, &failed)]);
        assert_eq!((titles(&still[1]).len(), still[1].note.as_str()), (2, "Its page does not answer."));
        let empty = answer(r#"{"streams": [], "total": 0, "may_log_in": true}"#, "192.0.2.9:8080");
        let shed: SocketAddr = "192.0.2.9:8080".parse().unwrap();
        assert!(list(&all, &[(shed, &empty)])[2].note.contains("log in"));
    }

    #[test]
    fn strangers_fill_no_window() {
        let many: Vec<Heard> = (0..5000)
            .map(|n| heard(&format!("a\u{202e}b{n} on x{n}"), &format!("rtsp://10.0.{}.{}:554/a", n / 250, n % 250)))
            .collect();
        let servers = list(&many, &[]);
        assert_eq!(servers.len(), MOST_SERVERS);
        assert!(servers.iter().all(|server| server.streams[0].name.starts_with("ab")));
        let one: Vec<Heard> = (0..1000).map(|n| heard("a", &format!("rtsp://10.0.0.1:554/{n}"))).collect();
        assert_eq!(list(&one, &[])[0].streams.len(), MOST_STREAMS);
    }

    #[test]
    fn a_page_is_asked_once_at_a_time_and_again_later() {
        let (mut pages, now) = (Pages::default(), Instant::now());
        let place = |n: u8| SocketAddr::from(([10, 0, 0, n], 80));
        pages.update(&(0..99).map(place).collect::<Vec<_>>());
        assert_eq!((pages.due(now).len(), pages.due(now).len()), (MOST_PAGES, 0));
        pages.take(place(3), Err(Unanswered::Silent), now);
        pages.take(place(200), Err(Unanswered::Silent), now);
        assert_eq!((pages.due(now).len(), pages.due(now + AGAIN)), (0, vec![place(3)]));
        pages.update(&[place(5)]);
        assert!(pages.known().is_empty() && pages.0.len() == 1);
    }
}

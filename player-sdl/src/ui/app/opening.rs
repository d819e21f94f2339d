//! The start page in the window: what is chosen there is opened, and there is a way back to it.

use super::logins::Logins;
use super::{App, Chrome, Stream};
use crate::address::Address;
use crate::json::{JsonLine, Output};
use crate::recent::Recent;
use crate::run::{Files, FinishedRun, Run};
use crate::servers::Servers;
use crate::steps::Step;
use crate::ui::start::{self, Page, Request, dropped};
use crate::wording::sentence;
use anyhow::Result;
use mutoscope_std::client::Transport;
use sdl2::event::Event as SdlEvent;
use sdl2::keyboard::{Keycode, Mod};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Wakes the main thread.
pub(in crate::ui) type Wake = Arc<dyn Fn() + Send + Sync>;

/// The start page, and what it takes to open streams and to leave them.
pub(super) struct Home {
    pub(super) page: Option<Page>,
    pub(super) recent: Recent,
    /// Listened for as long as the page is shown.
    servers: Option<Servers>,
    files: Files,
    wake: Wake,
    /// What is being left: the servers are told, which may take a while.
    leaving: Vec<JoinHandle<FinishedRun>>,
    /// Who the user has said to be.
    pub(super) logins: Logins,
    /// The stream was chosen on the page, so that it is left for the page.
    pub(super) was_chosen: bool,
    /// How media is to travel, which is not as the command line says where that does not work.
    pub(super) transport: Transport,
    /// For programs that test the window.
    pub(super) output: Output,
}

impl Home {
    pub(super) fn new(args: &crate::args::Args, files: Files, wake: Wake) -> Self {
        let path = if args.window.no_recent { None } else { Recent::user_path() };
        Self {
            page: None,
            recent: Recent::open(path),
            servers: None,
            files,
            wake,
            leaving: Vec::new(),
            logins: Logins::default(),
            was_chosen: false,
            transport: args.transport(),
            output: Output::default(),
        }
    }

    /// What has still to end.
    pub(super) fn into_leaving(self) -> Vec<JoinHandle<FinishedRun>> {
        self.leaving
    }
}

impl App<'_, '_> {
    /// Plays what the command line names, or shows the start page.
    ///
    /// # Errors
    /// A sentence, if the URL or the port cannot be used.
    pub(in crate::ui) fn begin(&mut self) -> Result<()> {
        if !self.args.names_stream() {
            self.show_page();
            return Ok(());
        }
        self.engage(self.args.streams())?;
        if !self.args.wait {
            self.start();
        }
        Ok(())
    }

    /// Makes these the streams of the window. What was there before is left.
    fn engage(&mut self, addresses: Vec<Address>) -> Result<()> {
        let outputs = Output::several(addresses.len());
        let mut streams = Vec::with_capacity(addresses.len());
        for (address, output) in addresses.into_iter().zip(outputs) {
            let mut options = self.args.client_options(&address);
            options.transport = self.home.transport;
            options.credentials = self.home.logins.of(&address.url).or(options.credentials);
            let files = self.home.files.take(&address.shown);
            let records = files.recorder.is_some();
            let wake = self.home.wake.clone();
            let run = Run::start(self.args, (options, output), files, Duration::ZERO, move || wake())?;
            streams.push(Stream::new(address, run, records, Instant::now()));
        }
        super::name_apart(&mut streams);
        self.leave();
        match &streams[..] {
            [stream] => self.display.set_title(&stream.name),
            several => self.display.set_title(&format!("{} streams", several.len())),
        }
        (self.on_wall, self.streams, self.chosen) = (streams.len() > 1, streams, 0);
        if self.display.arrange(Chrome::Framed, self.shown()) {
            self.log_layout();
        }
        Ok(())
    }

    /// Leaves all streams. Their servers are told while the window goes on.
    fn leave(&mut self) {
        self.asking.dialog = None;
        self.asking.waiting.clear();
        (self.on_wall, self.chosen) = (false, 0);
        for stream in self.streams.drain(..) {
            let run = stream.run;
            match std::thread::Builder::new().name("leaving".into()).spawn(move || run.finish()) {
                Ok(thread) => self.home.leaving.push(thread),
                Err(error) => log::warn!("a stream is left without a word: {error}"),
            }
        }
    }

    /// Plays what was chosen on the page, pasted or dropped.
    fn open_address(&mut self, address: Address) {
        self.home.transport = self.args.transport();
        match self.engage(vec![address]) {
            Ok(()) => {
                (self.home.page, self.home.servers, self.home.was_chosen) = (None, None, true);
                self.overlays.help = false;
                self.log(JsonLine::new("opened"));
                if !self.args.wait {
                    self.streams.iter_mut().for_each(|stream| stream.start(None));
                }
            }
            Err(error) => self.complain(sentence(&format!("{error:#}."))),
        }
    }

    /// Shows the start page, over the stream if there is one, which goes on.
    pub(super) fn show_page(&mut self) {
        let now = Instant::now();
        if self.home.servers.is_none() {
            let wake = self.home.wake.clone();
            self.home.servers = Some(Servers::listen(self.args.testing.mdns_port, move || wake()));
        }
        if self.streams.is_empty() {
            self.display.set_title("");
        }
        self.home.recent.reload();
        self.home.page = Some(Page::new(self.home.recent.urls(), !self.streams.is_empty(), now));
    }

    /// Leaves the stream for the page where it was chosen.
    pub(super) fn return_to_page(&mut self) {
        self.leave();
        self.home.was_chosen = false;
        self.show_page();
    }

    fn complain(&mut self, why: String) {
        match &mut self.home.page {
            Some(page) => page.complain(why),
            None => {
                if let Some(stream) = self.stream_mut() {
                    stream.model.show_toast(why, Instant::now());
                }
            }
        }
    }

    /// Gives an event to the page, if it is shown. Returns whether it was.
    pub(super) fn give_to_page(&mut self, event: &SdlEvent) -> bool {
        let Some(page) = self.home.page.as_mut().filter(|_| !self.overlays.help) else { return false };
        let clipboard = &self.asking.clipboard;
        let context = start::Context {
            parts: self.display.page_parts(),
            pixel_ratio: self.display.pixel_ratio(),
            scale: self.display.layout().scale,
            clipboard: &|| clipboard.clipboard_text().ok(),
        };
        match page.handle_event(event, Instant::now(), &context) {
            Some(Request::Open(address)) => self.open_address(address),
            Some(Request::Forget(url)) => {
                self.home.recent.remove(&url);
                page.set_recent(self.home.recent.urls());
            }
            Some(Request::Back) if self.display.is_fullscreen() => self.toggle_fullscreen(),
            Some(Request::Back) if !self.streams.is_empty() => (self.home.page, self.home.servers) = (None, None),
            Some(Request::Back | Request::Quit) => self.over = true,
            Some(Request::ToggleHelp) => self.toggle_help(),
            Some(Request::ToggleFullscreen) => self.toggle_fullscreen(),
            None => {}
        }
        true
    }

    /// Takes what was dragged onto the window, or what Ctrl-V brings to a stream. Returns whether the event was that.
    pub(super) fn take_in(&mut self, event: &SdlEvent) -> bool {
        let found = match event {
            SdlEvent::DropText { filename, .. } => dropped::in_text(filename),
            SdlEvent::DropFile { filename, .. } => dropped::in_file(Path::new(filename)),
            SdlEvent::KeyDown { keycode: Some(Keycode::V), keymod, .. }
                if self.home.page.is_none() && keymod.intersects(Mod::LCTRLMOD | Mod::RCTRLMOD) =>
            {
                self.offer();
                return true;
            }
            _ => return false,
        };
        match found {
            Ok(address) => self.open_address(address),
            Err(why) => self.complain(why),
        }
        true
    }

    /// Shows the page with the address that the clipboard has.
    fn offer(&mut self) {
        let text = self.asking.clipboard.clipboard_text().unwrap_or_default();
        if !Address::is_likely(&text) {
            self.complain("The clipboard has no address that begins with rtsp:// or rtsps://".into());
            return;
        }
        self.show_page();
        if let Some(page) = &mut self.home.page {
            page.suggest(&text);
        }
    }

    /// How media is to travel, as far as that can be changed by a button: of several streams, all would change.
    pub(super) fn transport(&self) -> Transport {
        if self.streams.len() > 1 { Transport::Auto } else { self.home.transport }
    }

    /// Does what a button of the notice says.
    pub(super) fn take_step(&mut self, step: Step) {
        match step {
            Step::OtherAddress => self.show_page(),
            Step::Leave => self.act(super::Action::Back),
            Step::UseTcp => self.reopen(Transport::Tcp),
            Step::UseUdp => self.reopen(Transport::Udp),
            Step::TryNow | Step::Cancel => {
                if let Some(stream) = self.stream_mut() {
                    stream.take_step(step);
                }
            }
            Step::Play | Step::PlayAgain | Step::TryAgain | Step::LogIn | Step::AskAgain => {
                if let Some(stream) = self.stream_mut() {
                    stream.toggle();
                }
            }
        }
    }

    /// Plays the same stream with media travelling in another way.
    fn reopen(&mut self, transport: Transport) {
        let Some(address) = self.stream().map(|stream| stream.address.clone()) else { return };
        self.home.transport = transport;
        match self.engage(vec![address]) {
            Ok(()) => self.start(),
            Err(error) => self.complain(sentence(&format!("{error:#}."))),
        }
    }

    /// Takes what the network has brought to the page.
    pub(super) fn take_servers(&mut self) {
        let found = self.home.servers.as_ref().and_then(Servers::poll);
        if let (Some(page), Some(found)) = (&mut self.home.page, found) {
            page.set_servers(found);
        }
    }
}

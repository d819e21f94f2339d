//! Frames one after the other.

use std::time::Duration;

use super::{Client, Error, Event, Goal, Options, PlayedFrame, shown};

/// Plays what is at a URL, or what these [`Options`] say, and gives out its frames as they arrive.
///
/// # Errors
/// Those of [`Client::new`]. Nothing has been connected yet.
pub fn play(options: impl Into<Options>) -> Result<Frames, Error> {
    let mut client = Client::new(options)?;
    client.set_goal(Goal::Play { from: None });
    Ok(Frames { client, at: None, over: false })
}

/// The frames of one presentation, from its beginning to its end; then the session is ended properly. After an error
/// there are no more. An iterator that is dropped before leaves at once.
///
/// The iterator has no thread: it reads the network while [`next`](Iterator::next) waits for a frame. If the caller works
/// longer on a frame than until the next one comes, the server has to wait over TCP, and over UDP the system loses what
/// exceeds its buffer (some megabyte).
#[derive(Debug)]
pub struct Frames {
    client: Client,
    /// Where it plays, as far as that can be told.
    at: Option<Duration>,
    over: bool,
}

impl Frames {
    /// The client behind it, to ask for statistics or for a [`Handle`](super::Handle).
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl Iterator for Frames {
    type Item = Result<PlayedFrame, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            match self.client.next(None) {
                Ok(Some(Event::Frame(frame))) => {
                    self.at = frame.position;
                    return Some(Ok(self.client.copy_frame(&frame)));
                }
                Ok(Some(Event::EndOfStream { .. })) => self.client.set_goal(Goal::Stop),
                Ok(Some(Event::TornDown)) => self.over = true,
                // Stopped by a handle before there was anything to tear down.
                Ok(None) => self.over = self.client.is_idle(),
                Ok(_) => {}
                Err(error) if self.client.turn() => {
                    log::warn!("{error}: going on at {}", shown(self.client.url()));
                    self.client.set_goal(Goal::Play { from: self.at });
                }
                Err(error) => {
                    self.over = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

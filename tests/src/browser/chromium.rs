//! Chromium without a window, driven by its DevTools protocol: JSON through two pipes, each message with a zero byte behind it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::process::Scratch;

/// Names that it has.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a picture of the page may take before it is tried once more.
const SHOT: Duration = Duration::from_secs(10);
/// How often something is looked for on a page.
const LOOK: Duration = Duration::from_millis(100);

/// A browser with one page.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    requests: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    next: u32,
    complaints: Vec<String>,
    _profile: Scratch,
}

/// A part of the page, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    /// From the left.
    pub x: f64,
    /// From above.
    pub y: f64,
    /// To the right of `x`.
    pub width: f64,
    /// Below `y`.
    pub height: f64,
}

impl Chromium {
    /// Starts one. `name` tells it from others of this process.
    ///
    /// # Errors
    /// There is none, or it does not start.
    pub fn start(name: &str) -> Result<Self> {
        let is_there =
            |name: &&str| Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        let program = NAMES.iter().find(|name| is_there(name).is_ok_and(|status| status.success()));
        let program = program.context("chromium is needed")?;
        let profile = Scratch::new(&format!("browser-{name}"))?;
        // It wants to read from descriptor 3 and write to 4.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", script, program, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--hide-scrollbars", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.0.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start chromium")?;
        let (requests, answers) = (child.stdin.take().context("no pipe")?, child.stdout.take().context("no pipe")?);
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut answers = BufReader::new(answers);
            let mut message = Vec::new();
            while answers.read_until(0, &mut message).is_ok_and(|len| len > 0) {
                message.pop();
                let Ok(value) = serde_json::from_slice(&message) else { break };
                message.clear();
                if sender.send(value).is_err() {
                    break;
                }
            }
        });
        let (session, complaints) = (None, Vec::new());
        let mut chromium = Self { child, requests, messages, session, next: 0, complaints, _profile: profile };
        chromium.attach()?;
        Ok(chromium)
    }

    fn attach(&mut self) -> Result<()> {
        let targets = self.call("Target.getTargets", json!({}))?;
        let pages = targets["targetInfos"].as_array().context("no targets")?;
        let page = pages.iter().find(|target| target["type"] == "page").context("no page")?;
        let attached = self.call("Target.attachToTarget", json!({ "targetId": page["targetId"], "flatten": true }))?;
        self.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            self.call(&format!("{domain}.enable"), json!({}))?;
        }
        // As if its window were the one in front.
        self.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }))?;
        Ok(())
    }

    /// Has it do something, and gives its answer.
    ///
    /// # Errors
    /// It cannot, or does not answer.
    pub fn call(&mut self, method: &str, params: Value) -> Result<Value> {
        self.call_within(PATIENCE, method, params)
    }

    fn call_within(&mut self, patience: Duration, method: &str, params: Value) -> Result<Value> {
        self.next += 1;
        let mut request = json!({ "id": self.next, "method": method, "params": params });
        if let Some(session) = &self.session {
            request["sessionId"] = session.as_str().into();
        }
        let bytes = [request.to_string().as_bytes(), &[0]].concat();
        self.requests.write_all(&bytes).and_then(|()| self.requests.flush()).context("chromium has ended")?;
        let deadline = Instant::now() + patience;
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            let mut message = self.messages.recv_timeout(patience).with_context(|| format!("no answer to {method}"))?;
            if message["id"] == self.next {
                ensure!(message["error"].is_null(), "{method}: {}", message["error"]);
                return Ok(message["result"].take());
            }
            self.note(&message);
        }
    }

    /// Keeps what went wrong in scripts, and what the page was not allowed.
    fn note(&mut self, message: &Value) {
        let (params, entry) = (&message["params"], &message["params"]["entry"]);
        match message["method"].as_str() {
            Some("Runtime.exceptionThrown") => self.complaints.push(params["exceptionDetails"].to_string()),
            // Streams that are away are told to be so.
            Some("Log.entryAdded") if entry["level"] == "error" && entry["source"] != "network" => {
                self.complaints.push(entry.to_string());
            }
            _ => {}
        }
    }

    /// What went wrong since it was asked last.
    pub fn complaints(&mut self) -> Vec<String> {
        // Whatever was said before this answer has come then.
        let _ = self.evaluate("0");
        std::mem::take(&mut self.complaints)
    }

    /// Opens a page.
    pub fn open(&mut self, url: &str) -> Result<()> {
        self.call("Page.navigate", json!({ "url": url })).map(drop)
    }

    /// The value of an expression on the page.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", params)?;
        ensure!(answer["exceptionDetails"].is_null(), "{expression}: {}", answer["exceptionDetails"]);
        Ok(answer["result"]["value"].take())
    }

    /// Waits until an expression is true.
    ///
    /// # Errors
    /// It is not in time. The page's text is told then.
    pub fn wait(&mut self, expression: &str, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        // A page that is just being opened cannot be asked.
        while !self.evaluate(expression).is_ok_and(|value| value == true) {
            if Instant::now() >= deadline {
                let text = self.evaluate("document.body.innerText").unwrap_or_default();
                bail!("not within {patience:?}: {expression}; the page says: {text}");
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The size of the page, and how many pixels of the screen one of its own is wide.
    pub fn resize(&mut self, width: u32, height: u32, scale: f64) -> Result<()> {
        let is_phone = width < 600;
        let params = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone });
        self.call("Emulation.setDeviceMetricsOverride", params).map(drop)
    }

    /// What the system says that it prefers: `light` or `dark`.
    pub fn prefer(&mut self, scheme: &str) -> Result<()> {
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] })).map(drop)
    }

    /// Where the first element that a selector means is.
    pub fn area(&mut self, selector: &str) -> Result<Area> {
        let found = self.evaluate(&format!(
            "(() => {{ const r = document.querySelector({selector:?}).getBoundingClientRect(); \
             return [r.x, r.y, r.width, r.height]; }})()"
        ))?;
        let number = |at: usize| found[at].as_f64().context("no area");
        Ok(Area { x: number(0)?, y: number(1)?, width: number(2)?, height: number(3)? })
    }

    /// Clicks there.
    pub fn click(&mut self, selector: &str) -> Result<()> {
        let area = self.area(selector)?;
        let (x, y) = (area.x + area.width / 2.0, area.y + area.height / 2.0);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let params = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", params)?;
        }
        Ok(())
    }

    /// Presses a key and lets it go.
    pub fn press(&mut self, key: &str) -> Result<()> {
        let (code, text) = match key {
            "Enter" => (13, Some("\r")),
            "Escape" => (27, None),
            "Tab" => (9, None),
            _ => (0, None),
        };
        for kind in ["keyDown", "keyUp"] {
            let mut params = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if let Some(text) = text.filter(|_| kind == "keyDown") {
                params["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", params)?;
        }
        Ok(())
    }

    /// What is seen now, of all or a part, in one of the formats `png`, `jpeg` and `webp`.
    pub fn screenshot(&mut self, format: &str, quality: u8, area: Option<Area>) -> Result<Vec<u8>> {
        let mut params = json!({ "format": format, "quality": quality });
        if let Some(Area { x, y, width, height }) = area {
            params["clip"] = json!({ "x": x, "y": y, "width": width, "height": height, "scale": 1 });
        }
        // Now and then it waits for something new to be drawn where there is nothing.
        let shoot = |browser: &mut Self| browser.call_within(SHOT, "Page.captureScreenshot", params.clone());
        let shot = shoot(self).or_else(|_| shoot(self))?;
        from_base64(shot["data"].as_str().context("no picture")?).context("a picture that is no Base64")
    }

    /// Saves what is seen now as a WebP file.
    pub fn save_screenshot(&mut self, path: &Path, quality: u8) -> Result<()> {
        let picture = self.screenshot("webp", quality, None)?;
        std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.session = None;
        // It ends its other processes, too.
        let _ = self.call("Browser.close", json!({}));
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline && self.child.try_wait().is_ok_and(|status| status.is_none()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | u32::try_from(DIGITS.iter().position(|known| *known == digit)?).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        for (text, bytes) in
            [("", &b""[..]), ("Zg==", b"f"), ("Zm8=", b"fo"), ("Zm9vYmFy", b"foobar"), ("+/+/", b"\xfb\xff\xbf")]
        {
            assert_eq!(from_base64(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(from_base64("Zg*="), None);
    }
}

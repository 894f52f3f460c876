//! Chromium, driven over its debugging pipe: messages of JSON, each ended by a zero byte. Clicks and typing are those of a person:
//! they go to what lies at that place of the page.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::wait_until;

/// An answer of the browser takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The file in its folder where a browser tells, once it has ended, every byte that it sent and was sent.
pub(crate) const NETWORK_LOG: &str = "network.json";

/// The browser's program, or why there is none.
pub(crate) fn found() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&folders).collect();
    let named = std::env::var_os("LONGSHORE_TEST_BROWSER").map(PathBuf::from);
    let all = NAMES.iter().flat_map(|name| places.iter().map(move |place| place.join(name)));
    let program = named.into_iter().chain(all).find(|program| program.is_file());
    if program.is_none() {
        let required = std::env::var("LONGSHORE_TEST_BROWSER_REQUIRED").is_ok_and(|value| value == "1");
        assert!(!required, "LONGSHORE_TEST_BROWSER_REQUIRED is 1 and there is no Chromium");
        eprintln!("skipped: there is no Chromium");
    }
    program
}

/// A browser without a window.
pub(crate) struct Chromium {
    child: Child,
    input: File,
    answers: Receiver<Value>,
    asked: u64,
}

/// A page of its own, with cookies of its own.
pub(crate) struct Tab<'a> {
    chromium: &'a mut Chromium,
    session: String,
}

impl Chromium {
    pub(crate) fn start(program: &Path, profile: &Path) -> Self {
        std::fs::create_dir_all(profile).unwrap();
        let pipes = [profile.join("in"), profile.join("out")];
        assert!(Command::new("mkfifo").args(&pipes).status().unwrap().success());
        // The debugging pipe is descriptor 3 and 4 of the browser.
        let child = Command::new("sh")
            .arg("-c")
            .arg(r#"exec "$0" "$@" 3<"$PIPE_IN" 4>"$PIPE_OUT""#)
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu"])
            .args(["--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars", "--disable-extensions"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", profile.join("data").display()))
            .arg(format!("--log-net-log={}", profile.join(NETWORK_LOG).display()))
            .arg("--net-log-capture-mode=Everything")
            .env("PIPE_IN", &pipes[0])
            .env("PIPE_OUT", &pipes[1])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = OpenOptions::new().write(true).open(&pipes[0]).unwrap();
        let mut output = BufReader::new(File::open(&pipes[1]).unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|bytes| bytes > 0) {
                message.pop();
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    return;
                }
                message.clear();
            }
        });
        Self { child, input, answers, asked: 0 }
    }

    /// A page that shares nothing with the others.
    pub(crate) fn fresh(&mut self) -> Tab<'_> {
        let context = self.call(None, "Target.createBrowserContext", json!({})).unwrap();
        let target = json!({"url": "about:blank", "browserContextId": context["browserContextId"]});
        let target = self.call(None, "Target.createTarget", target).unwrap();
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call(None, "Target.attachToTarget", attach).unwrap();
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let mut tab = Tab { chromium: self, session };
        let screen = json!({"width": 900, "height": 700, "deviceScaleFactor": 1, "mobile": false});
        tab.call("Emulation.setDeviceMetricsOverride", screen).unwrap();
        tab
    }

    /// End it in good order, so that it writes down what it knows.
    pub(crate) fn end(mut self) {
        self.call(None, "Browser.close", json!({})).unwrap();
        wait_until(|| self.child.try_wait().unwrap().is_some());
    }

    /// One question and its answer; what the browser tells unasked is passed over.
    fn call(&mut self, session: Option<&str>, method: &str, params: Value) -> Result<Value, String> {
        self.asked += 1;
        let mut message = json!({"id": self.asked, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE).expect("the browser answers");
            if answer["id"] == self.asked {
                return match answer.get("error") {
                    Some(error) => Err(format!("{method}: {error}")),
                    None => Ok(answer["result"].clone()),
                };
            }
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Tab<'_> {
    fn call(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let session = self.session.clone();
        self.chromium.call(Some(&session), method, params)
    }

    /// What an expression of the page is worth; nothing while the page changes.
    pub(crate) fn read(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true});
        match self.call("Runtime.evaluate", params) {
            Ok(answer) => answer["result"]["value"].clone(),
            Err(_) => Value::Null,
        }
    }

    pub(crate) fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({"url": address})).unwrap();
    }

    pub(crate) fn reload(&mut self) {
        self.call("Page.reload", json!({})).unwrap();
    }

    /// What stands on the page once it is there.
    pub(crate) fn text(&mut self) -> String {
        let ready = "document.readyState === 'complete' ? document.body.innerText : ''";
        self.read(ready).as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn address(&mut self) -> String {
        self.read("location.href").as_str().unwrap_or_default().to_owned()
    }

    /// Wait until the page shows a text.
    pub(crate) fn shows(&mut self, text: &str) {
        let mut last = String::new();
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_until(|| {
                last = self.text();
                last.contains(text)
            });
        }));
        assert!(seen.is_ok(), "the page does not show {text:?} but: {last}");
    }

    /// Type into a field.
    pub(crate) fn fill(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.call("Input.insertText", json!({"text": text})).unwrap();
    }

    /// Click on the middle of what the selector finds first.
    pub(crate) fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const it = document.querySelector({selector:?}); it.scrollIntoView({{block: 'center'}});
               const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2] }})()"
        );
        let place = self.read(&place);
        assert!(place.is_array(), "{selector} is not on the page: {}", self.text());
        for kind in ["mousePressed", "mouseReleased"] {
            let mouse =
                json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", mouse).unwrap();
        }
    }

    /// The page as it is seen, from its top to its end.
    pub(crate) fn picture(&mut self) -> Vec<u8> {
        self.read("window.scrollTo(0, 0)");
        let height = self.read("document.documentElement.scrollHeight").as_f64().unwrap_or(700.0);
        let clip = json!({"x": 0, "y": 0, "width": 900, "height": height.max(300.0), "scale": 1});
        let params = json!({"format": "png", "clip": clip, "captureBeyondViewport": true});
        let shot = self.call("Page.captureScreenshot", params).unwrap();
        base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }
}

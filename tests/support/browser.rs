//! A real browser without a window: Debian's Chromium, driven by its own driver over WebDriver.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use thirtyfour::prelude::*;
use thirtyfour::{ChromiumLikeCapabilities, LoggingPrefsLogLevel};
use tokio::runtime::Runtime;

pub struct Browser {
    runtime: Runtime,
    driver: Option<WebDriver>,
    server: Child,
    _profile: TempDir,
}

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub dark: bool,
}

impl Browser {
    pub fn start() -> Self {
        // The client is built for HTTPS too and asks for cryptography, though all is on this machine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let profile = tempfile::tempdir().unwrap();
        let mut server = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed (Debian: chromium-driver)");
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|l| {
                let line = l.ok()?;
                let rest = line.split_once("successfully on port ")?.1.to_owned();
                rest.trim_end_matches('.').parse::<u16>().ok()
            })
            .expect("chromedriver says its port");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        for argument in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            wanted.add_arg(argument).unwrap();
        }
        for log in ["browser", "performance"] {
            wanted.set_logging_prefs(log, LoggingPrefsLogLevel::All).unwrap();
        }
        let mut browser = Self { runtime, driver: None, server, _profile: profile };
        let address = format!("http://127.0.0.1:{port}");
        let driver = browser.runtime.block_on(WebDriver::new(address, wanted));
        browser.driver = Some(driver.expect("Chromium starts (Debian: chromium)"));
        browser
    }

    fn driver(&self) -> &WebDriver {
        self.driver.as_ref().unwrap()
    }

    fn devtools(&self, method: &str, params: Value) -> Value {
        self.runtime.block_on(self.driver().cdp().send_raw(method, params)).unwrap()
    }

    /// Opens a file and waits until its page says that it is drawn. Returns how many milliseconds after
    /// the start of the navigation that was.
    pub fn open(&self, file: &Path, look: Look) -> f64 {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": false}),
        );
        let scheme = if look.dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({"features": [{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]}),
        );
        let address = url::Url::from_file_path(file).unwrap();
        self.runtime.block_on(self.driver().goto(address.as_str())).unwrap();
        self.wait_for("return document.documentElement.dataset.ready !== undefined");
        self.js("return Number(document.documentElement.dataset.ready)").as_f64().unwrap()
    }

    /// Runs the body of a function in the page. A dialog that a page opened makes this fail.
    pub fn js(&self, script: &str) -> Value {
        let ran = self.runtime.block_on(self.driver().execute(script, vec![]));
        ran.unwrap_or_else(|e| panic!("{e}: {script}")).json().clone()
    }

    pub fn text(&self, script: &str) -> String {
        self.js(script).as_str().unwrap_or_default().to_owned()
    }

    pub fn wait_for(&self, script: &str) {
        let begun = Instant::now();
        while self.js(script) != Value::Bool(true) {
            assert!(begun.elapsed() < Duration::from_secs(60), "never true: {script}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn element(&self, css: &str) -> WebElement {
        let found = self.runtime.block_on(self.driver().find(By::Css(css)));
        found.unwrap_or_else(|e| panic!("{css}: {e}"))
    }

    /// A click of the mouse in the middle.
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.runtime.block_on(element.scroll_into_view()).unwrap();
        self.runtime.block_on(element.click()).unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Moves the mouse over an element, so many pixels from its middle.
    pub fn hover(&self, css: &str, x: i64, y: i64) {
        let element = self.element(css);
        self.runtime.block_on(element.scroll_into_view()).unwrap();
        let moved = self.driver().action_chain().move_to_element_with_offset(&element, x, y);
        self.runtime.block_on(moved.perform()).unwrap();
    }

    /// Types with the keyboard into an element.
    pub fn type_into(&self, css: &str, keys: impl Into<thirtyfour::TypingData>) {
        let element = self.element(css);
        self.runtime.block_on(element.send_keys(keys)).unwrap_or_else(|e| panic!("{css}: {e}"));
    }

    /// Warnings and errors on the console since the last call.
    pub fn complaints(&self) -> Vec<String> {
        let entries = self.runtime.block_on(self.driver().get_log("browser")).unwrap();
        let loud = entries.into_iter().filter(|e| e.level == "WARNING" || e.level == "SEVERE");
        loud.map(|e| e.message).collect()
    }

    /// The addresses that pages have asked for since the last call, `data:` left out.
    pub fn requests(&self) -> Vec<String> {
        let entries = self.runtime.block_on(self.driver().get_log("performance")).unwrap();
        let mut asked = Vec::new();
        for entry in entries {
            let event: Value = serde_json::from_str(&entry.message).unwrap();
            let message = &event["message"];
            let method = message["method"].as_str().unwrap_or_default();
            let params = &message["params"];
            let address = match method {
                "Network.requestWillBeSent" => params["request"]["url"].as_str(),
                "Network.webSocketCreated" | "Network.webTransportCreated" => {
                    params["url"].as_str()
                }
                _ => None,
            };
            // The browser's own first page is not ours.
            let browsers =
                params["documentURL"].as_str().is_some_and(|d| d.starts_with("chrome://"));
            let ours = |a: &&str| !browsers && !a.starts_with("data:");
            asked.extend(address.filter(ours).map(str::to_owned));
        }
        asked
    }

    pub fn picture(&self, file: &Path) {
        self.runtime.block_on(self.driver().screenshot(file)).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            let _ = self.runtime.block_on(driver.quit());
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

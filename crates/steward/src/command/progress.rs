//! How a run goes, for people and for a log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use deploy::engine::{Done, Notice, Watch};
use deploy::ledger::Holder;
use diagnostics::render::{Ink, Style, columns, cut};
use plan::Plan;
use serde_json::{Value, json};

use crate::terminal::complain;

/// Shows progress on standard error: one line that changes on a terminal, a line for each stack elsewhere.
pub(super) struct Screen {
    style: Style,
    quiet: bool,
    terminal: bool,
    begun: Instant,
    steps: usize,
    /// What each stack takes of the whole, in seconds that were guessed.
    weights: BTreeMap<String, u64>,
    resources: usize,
    waves: u32,
    state: Mutex<State>,
}

struct State {
    log: Option<File>,
    done: usize,
    /// How much of the weights is done.
    weight: u64,
    made: usize,
    failed: usize,
    working: Vec<String>,
    wave: u32,
}

impl Screen {
    /// A screen for a plan; what happens is added to the log too, a line of JSON each.
    pub(super) fn new(
        plan: &Plan,
        weights: BTreeMap<String, u64>,
        style: Style,
        quiet: bool,
        log: Option<&Path>,
        holder: &Holder,
    ) -> Self {
        let log = log.and_then(|path| {
            if let Some(folder) = path.parent() {
                let _ = std::fs::create_dir_all(folder);
            }
            match File::options().create(true).append(true).open(path) {
                Ok(file) => Some(file),
                Err(error) => {
                    complain(&format!("steward: the log `{}` is not written: {error}\n", path.display()));
                    None
                }
            }
        });
        let state = State { log, done: 0, weight: 0, made: 0, failed: 0, working: Vec::new(), wave: 0 };
        let screen = Self {
            style,
            quiet,
            terminal: std::io::stderr().is_terminal(),
            begun: Instant::now(),
            steps: plan.steps.len(),
            weights,
            resources: plan.steps.iter().map(|step| step.resources).sum(),
            waves: plan.steps.iter().map(|step| step.wave).max().unwrap_or(0),
            state: Mutex::new(state),
        };
        screen.log(json!({ "what": "begins", "estate": plan.estate, "does": holder.does, "who": holder.who,
                           "stacks": screen.steps, "resources": screen.resources }));
        screen
    }

    fn log(&self, mut event: Value) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(file) = &mut state.log else { return };
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
        if let Some(map) = event.as_object_mut() {
            map.insert("atMs".to_owned(), json!(u64::try_from(at).unwrap_or(u64::MAX)));
        }
        // A log that cannot be written is no reason to stop half-way.
        let _ = writeln!(file, "{event}");
    }

    /// Clears the changing line.
    pub(super) fn end(&self) {
        if self.terminal && !self.quiet {
            complain("\r\x1b[K");
        }
        self.log(json!({ "what": "ends", "seconds": self.begun.elapsed().as_secs_f64() }));
    }

    fn line(&self, state: &State) -> String {
        let elapsed = self.begun.elapsed().as_secs();
        let time = |seconds: u64| format!("{}:{:02}", seconds / 60, seconds % 60);
        // A stack counts as much as it is expected to take.
        let left = match (state.weight, self.weights.values().sum::<u64>()) {
            (0, _) => String::new(),
            (done, all) => format!(", about {} left", time(elapsed * all.saturating_sub(done) / done)),
        };
        let failed = if state.failed > 0 { format!(" · {} failed", state.failed) } else { String::new() };
        let head = format!(
            "wave {}/{} · {}/{} stacks · {}/{} resources{failed} · {}{left}",
            state.wave,
            self.waves,
            state.done,
            self.steps,
            state.made,
            self.resources,
            time(elapsed)
        );
        let working = state.working.join(" ");
        let line = if working.is_empty() { head } else { format!("{head} · {working}") };
        cut(&line, self.style.width.saturating_sub(1), self.style.glyph("…", "..."))
    }
}

impl Watch for Screen {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Begins { step } => {
                self.log(json!({ "what": "step begins", "stack": step.key, "action": step.action.word() }));
            }
            Notice::Ends { step, done, took } => {
                let (word, why) = match done {
                    Done::Changed(_) => ("done", None),
                    Done::Nothing => ("nothing to do", None),
                    Done::Failed(failure) => ("failed", Some(failure.why.clone())),
                    Done::Waits(other) => ("not begun", Some(format!("{other} was not done"))),
                };
                self.log(json!({ "what": "step ends", "stack": step.key, "action": step.action.word(),
                                 "became": word, "why": why, "seconds": took.as_secs_f64() }));
            }
            Notice::Slower { parallel } => {
                self.log(json!({ "what": "throttled", "parallel": parallel }));
            }
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match notice {
            Notice::Begins { step } => {
                state.working.push(step.name.clone());
                state.wave = state.wave.max(step.wave);
            }
            Notice::Ends { step, done, took } => {
                state.working.retain(|name| *name != step.name);
                state.done += 1;
                state.weight += self.weights.get(&step.key).copied().unwrap_or(1);
                state.made += step.resources;
                state.failed += usize::from(matches!(done, Done::Failed(_)));
                if !self.quiet && !self.terminal {
                    let (ink, glyph) = match done {
                        Done::Changed(_) => (Ink::Good, self.style.glyph("✓", "ok")),
                        Done::Nothing => (Ink::Dim, self.style.glyph("·", "-")),
                        Done::Failed(_) => (Ink::Bad, self.style.glyph("✗", "x")),
                        Done::Waits(_) => (Ink::Doubt, "?"),
                    };
                    let head =
                        format!("{} {:<8} {}", self.style.paint(ink, glyph), step.action.word(), step.key);
                    let gap = 74_usize.saturating_sub(columns(&head)).max(1);
                    let tail = format!("{:>5} resources {:>6.1} s", step.resources, took.as_secs_f64());
                    complain(&format!("{head}{}{}\n", " ".repeat(gap), self.style.paint(Ink::Dim, &tail)));
                }
            }
            Notice::Slower { .. } => {}
        }
        if self.terminal && !self.quiet {
            complain(&format!("\r\x1b[K{}", self.line(&state)));
        }
    }
}

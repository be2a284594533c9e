//! Many questions at once, without asking any place too fast.
//!
//! In: items that belong to places, and what to ask for each. Out: the answers in the order of the items. Always: no more questions are
//! under way than [`Pace::parallel`], and none of a place than that place bears: half as many when it throttles, one more for every ten that
//! went well. The first failure that stays ends it all; what is under way then is waited for.
//!
//! Source: AWS CloudFormation, Cloud Control and CloudTrail count requests per account and Region (Amazon EC2 API Reference, "Request throttling";
//! AWS CloudTrail API Reference, `LookupEvents`: "two per second, per account, per Region"): so a place is what is slowed, not everything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::patience::{Patience, Patient};
use crate::{Answer, Cloud, CloudError, Place};

/// How much to ask at once, and how often again.
#[derive(Debug, Clone)]
pub struct Pace {
    /// How many questions are under way at most.
    pub parallel: usize,
    /// How many of one place at most.
    pub each: usize,
    /// The longest first wait of a call that may do better later.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// How often a call is tried.
    pub tries: u32,
    /// Spreads waits.
    pub seed: u64,
}

impl Pace {
    /// So many at once, four of one place, and the waits of [`Patience::usual`].
    #[must_use]
    pub fn usual(parallel: usize, seed: u64) -> Self {
        let usual = Patience::usual(seed);
        let (first, longest, tries) = (usual.first, usual.longest, usual.tries);
        Self { parallel: parallel.max(1), each: 4, first, longest, tries, seed }
    }

    /// Of a cloud that tries again by itself.
    #[must_use]
    pub fn steady(parallel: usize) -> Self {
        Self { tries: 1, ..Self::usual(parallel, 1) }
    }

    /// The same, one of a place at a time: for what is counted more strictly.
    #[must_use]
    pub fn in_single_file(&self) -> Self {
        Self { each: 1, ..self.clone() }
    }

    fn patience(&self, lane: usize) -> Patience {
        let lane = u64::try_from(lane).unwrap_or(0);
        Patience::new(self.first, self.longest, self.tries, self.seed ^ lane.wrapping_mul(0x9E37_79B9))
    }
}

/// What is asked of one place.
struct Lane {
    waiting: VecDeque<usize>,
    active: usize,
    allowed: usize,
    throttled: u64,
    smooth: u32,
}

impl Lane {
    /// One is over; `throttled`: how many calls were so far.
    fn settle(&mut self, throttled: u64, most: usize) {
        self.active -= 1;
        if throttled > self.throttled {
            (self.throttled, self.smooth) = (throttled, 0);
            self.allowed = (self.allowed / 2).max(1);
            return;
        }
        self.smooth += 1;
        if self.smooth >= 10 && self.allowed < most {
            (self.smooth, self.allowed) = (0, self.allowed + 1);
        }
    }

    /// The next item, where one may begin.
    fn next(&self) -> Option<usize> {
        self.waiting.front().copied().filter(|_| self.active < self.allowed)
    }
}

struct State<R> {
    lanes: Vec<Lane>,
    /// The lanes that may begin something, by their next item.
    ready: BTreeSet<(usize, usize)>,
    left: usize,
    done: Vec<Option<R>>,
    failed: Option<CloudError>,
}

/// Asks for each item; the cloud that `ask` gets tries again what may do better later.
///
/// # Errors
/// The first failure that stays.
pub fn each<T: Sync, R: Send>(
    cloud: &dyn Cloud,
    pace: &Pace,
    items: &[T],
    place: impl Fn(&T) -> &Place,
    ask: impl Fn(&dyn Cloud, &T) -> Answer<R> + Sync,
) -> Answer<Vec<R>> {
    let mut known: BTreeMap<&Place, usize> = BTreeMap::new();
    let mut lanes: Vec<Lane> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let lane = *known.entry(place(item)).or_insert(lanes.len());
        match lanes.get_mut(lane) {
            Some(lane) => lane.waiting.push_back(at),
            None => lanes.push(Lane {
                waiting: VecDeque::from([at]),
                active: 0,
                allowed: pace.each.max(1),
                throttled: 0,
                smooth: 0,
            }),
        }
    }
    let patiences: Vec<Patience> = (0..lanes.len()).map(|lane| pace.patience(lane)).collect();
    let ready = lanes.iter().enumerate().filter_map(|(at, lane)| Some((lane.next()?, at))).collect();
    let mut done = Vec::new();
    done.resize_with(items.len(), || None);
    let state = Mutex::new(State { lanes, ready, left: items.len(), done, failed: None });
    let changed = Condvar::new();
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        let mut state = lock();
        while state.left > 0 && state.failed.is_none() {
            let Some((item, at)) = state.ready.pop_first() else {
                state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Some(lane) = state.lanes.get_mut(at) {
                lane.waiting.pop_front();
                lane.active += 1;
                let next = lane.next();
                state.ready.extend(next.map(|next| (next, at)));
            }
            state.left -= 1;
            drop(state);
            let answer = match (patiences.get(at), items.get(item)) {
                (Some(patience), Some(it)) => ask(&Patient::new(cloud, patience), it),
                _ => Err(CloudError::Missing(format!("item {item}"))),
            };
            let throttled = patiences.get(at).map_or(0, Patience::throttled);
            state = lock();
            match answer {
                Ok(found) => {
                    if let Some(slot) = state.done.get_mut(item) {
                        *slot = Some(found);
                    }
                }
                Err(error) => drop(state.failed.get_or_insert(error)),
            }
            if let Some(lane) = state.lanes.get_mut(at) {
                lane.settle(throttled, pace.each);
                let next = lane.next();
                state.ready.extend(next.map(|next| (next, at)));
            }
            changed.notify_all();
        }
        changed.notify_all();
    };
    std::thread::scope(|scope| {
        // The caller's own thread is one of them.
        for _ in 1..pace.parallel.min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.failed {
        Some(error) => Err(error),
        None => Ok(state.done.into_iter().flatten().collect()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::local::LocalCloud;

    fn cloud(name: &str) -> (LocalCloud, std::path::PathBuf) {
        let path = std::env::temp_dir().join(format!("steward-pool-{}-{name}.db", std::process::id()));
        (LocalCloud::open(&path, "tester").unwrap(), path)
    }

    #[test]
    fn no_place_is_asked_more_at_once_than_it_bears_and_answers_keep_their_order() {
        let (cloud, path) = cloud("order");
        let places: Vec<Place> = (0..3).map(|at| Place::new(at.to_string(), "us-east-1")).collect();
        let of = |at: usize| if at < 40 { 0 } else { at % 3 };
        let items: Vec<(usize, usize, Place)> =
            (0..60).map(|at| (at, of(at), places[of(at)].clone())).collect();
        let now: Vec<AtomicUsize> = (0..4).map(|_| AtomicUsize::new(0)).collect();
        let most: Vec<AtomicUsize> = (0..4).map(|_| AtomicUsize::new(0)).collect();
        let pace = Pace { each: 2, ..Pace::usual(5, 1) };
        let answers = each(
            &cloud,
            &pace,
            &items,
            |it| &it.2,
            |_, it| {
                for at in [it.1, 3] {
                    most[at].fetch_max(now[at].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                }
                std::thread::sleep(Duration::from_millis(3));
                for at in [it.1, 3] {
                    now[at].fetch_sub(1, Ordering::SeqCst);
                }
                Ok(it.0)
            },
        );
        assert_eq!(answers.unwrap(), (0..60).collect::<Vec<_>>());
        let most: Vec<usize> = most.iter().map(|it| it.load(Ordering::SeqCst)).collect();
        assert!(most[0] == 2 && most[1] <= 2 && most[2] <= 2, "{most:?}");
        assert!((3..=5).contains(&most[3]), "several places at once: {most:?}");
        drop(cloud);
        let _ = std::fs::remove_file(path);
    }

    #[test]
    fn a_failure_that_stays_ends_it() {
        let (cloud, path) = cloud("fails");
        let place = Place::new("1", "us-east-1");
        let asked = AtomicUsize::new(0);
        let answer = each(
            &cloud,
            &Pace::usual(3, 1),
            &vec![place.clone(); 500],
            |it| it,
            |_, _| {
                let at = asked.fetch_add(1, Ordering::SeqCst);
                if at == 5 {
                    return Err(CloudError::refused("AccessDenied", "no"));
                }
                // What goes well takes longer than a refusal, so that this one is heard of before all is asked.
                std::thread::sleep(Duration::from_millis(3));
                Ok(at)
            },
        );
        assert_eq!(answer, Err(CloudError::refused("AccessDenied", "no")));
        assert!(asked.load(Ordering::SeqCst) < 20, "the rest is not asked");
        let none: Answer<Vec<u8>> = each(&cloud, &Pace::usual(3, 1), &[] as &[Place], |it| it, |_, _| Ok(1));
        assert_eq!(none, Ok(Vec::new()));
        drop(cloud);
        let _ = std::fs::remove_file(path);
    }

    #[test]
    fn a_place_that_throttles_is_asked_half_as_much_until_it_goes_well() {
        let mut lane = Lane { waiting: VecDeque::new(), active: 200, allowed: 4, throttled: 0, smooth: 0 };
        lane.settle(1, 4);
        assert_eq!(lane.allowed, 2);
        lane.settle(2, 4);
        lane.settle(3, 4);
        assert_eq!(lane.allowed, 1);
        for _ in 0..10 {
            lane.settle(3, 4);
        }
        assert_eq!(lane.allowed, 2);
        for _ in 0..100 {
            lane.settle(3, 4);
        }
        assert_eq!(lane.allowed, 4);
    }
}

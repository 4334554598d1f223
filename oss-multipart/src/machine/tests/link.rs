//! The choice of parts in flight, in virtual time against a model of the network: what each connection carries, what all
//! carry together, and the round trip. Every combination is swept.

#![expect(clippy::cast_possible_truncation, reason = "bytes of a model that are whole enough")]

use super::world::{Blow, World};
use crate::machine::window::{Parallel, Window};
use crate::machine::{ActionId, Now, Options};
use std::time::Duration;

const STEP: Duration = Duration::from_millis(10);
const PART: f64 = 8.0 * 1024.0 * 1024.0;
const MBIT: f64 = 1e6 / 8.0;

#[derive(Debug, Clone, Copy)]
struct Net {
    /// Bytes a second of each connection.
    connection: f64,
    /// Bytes a second of all connections.
    shared: f64,
    round_trip: Duration,
    /// Bytes that the kernels swallow at once.
    buffer: f64,
    /// Until then, all connections together carry a third.
    troubled: Duration,
}

impl Net {
    /// Bytes a second with a fixed number of parts in flight, and most of them.
    fn fixed(self, parallel: usize) -> f64 {
        let mut window = Window::new(Parallel::Fixed(parallel));
        send(self, &mut window, Duration::from_secs(5), Duration::from_secs(25)).rate
    }

    /// The best that any fixed setting brings, and the least setting that comes within a twentieth of it.
    fn best(self) -> (f64, usize) {
        let sweep: Vec<_> =
            [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64].into_iter().map(|n| (self.fixed(n), n)).collect();
        let best = sweep.iter().map(|(rate, _)| *rate).fold(0.0, f64::max);
        let (_, enough) = sweep.into_iter().find(|(rate, _)| *rate >= 0.95 * best).expect("the best is one of them");
        (best, enough)
    }
}

struct Part {
    id: ActionId,
    sends_from: Now,
    left: f64,
    replied_at: Option<Now>,
}

/// What a run did after it had time to find its level.
struct Found {
    rate: f64,
    most: usize,
    level: usize,
}

/// Sends without end; looks at what happens between `from` and `to`.
fn send(net: Net, window: &mut Window, from: Duration, to: Duration) -> Found {
    let mut parts: Vec<Part> = Vec::new();
    let mut rng = fastrand::Rng::with_seed(11);
    let (mut connections, mut next, mut now) = (0, 0, Now::ZERO);
    let mut found = Found { rate: 0.0, most: 0, level: 0 };
    while now < to {
        let sending = parts.iter().filter(|part| part.replied_at.is_none() && part.sends_from <= now).count();
        let shared = if now < net.troubled { net.shared / 3.0 } else { net.shared };
        let each = net.connection.min(shared / sending.max(1) as f64) * STEP.as_secs_f64();
        now += STEP;
        for part in parts.iter_mut().filter(|part| part.replied_at.is_none() && part.sends_from < now) {
            let moved = each.min(part.left);
            part.left -= moved;
            found.rate += if now > from { moved } else { 0.0 };
            if part.left <= 0.0 {
                // No two servers answer alike: without it all parts would go in step for ever.
                part.replied_at = Some(now + net.round_trip / 2 + Duration::from_millis(rng.u64(0..40)));
            }
        }
        for part in parts.extract_if(.., |part| part.replied_at.is_some_and(|at| at <= now)) {
            window.ended(now, part.id, true);
            window.success();
        }
        for part in &parts {
            window.moved(now, part.id, (PART - part.left + net.buffer).min(PART) as u64);
        }
        loop {
            while parts.len() < window.size() {
                next += 1;
                let id = ActionId(next);
                window.began(now, id, PART as u64);
                // A new connection takes a round trip more.
                let dial = if parts.len() < connections { Duration::ZERO } else { net.round_trip };
                connections = connections.max(parts.len() + 1);
                parts.push(Part { id, sends_from: now + dial + net.round_trip / 2, left: PART, replied_at: None });
            }
            if !window.look(now, parts.len()) {
                break;
            }
        }
        if now > from {
            found.most = found.most.max(parts.len());
        }
    }
    found.rate /= (to - from).as_secs_f64();
    found.level = window.size();
    found
}

fn auto() -> Window {
    Window::new(Parallel::Auto { most: 64 })
}

#[test]
fn within_ten_seconds_it_is_as_fast_as_the_best_fixed_setting_and_uses_no_more_than_that_needs() {
    for connection in [50.0, 100.0, 1000.0] {
        for shared in [60.0, 130.0, 300.0, 750.0, 1000.0, 2500.0, 10_000.0] {
            for (round_trip, buffer) in [(1, 0.0), (50, 2.5e6), (100, 1e6)] {
                let round_trip = Duration::from_millis(round_trip);
                let net = Net {
                    connection: connection * MBIT,
                    shared: shared * MBIT,
                    round_trip,
                    buffer,
                    troubled: Duration::ZERO,
                };
                // Where all the network carries is slow, each trial takes longer.
                let from = Duration::from_secs(if shared < 100.0 { 60 } else { 10 });
                let found = send(net, &mut auto(), from, from + Duration::from_secs(20));
                let (best, enough) = net.best();
                let context = format!("{net:?}: {} of {best}, {} for {enough}", found.rate, found.level);
                let needed = enough.max(3);
                assert!(found.rate >= 0.95 * best, "{context}");
                assert!(found.level <= needed + needed / 2 + 1, "{context}");
            }
        }
    }
}

#[test]
fn slow_connections_are_told_by_the_bytes_they_move_before_their_parts_end() {
    // A part takes 33 seconds; waiting for three of them each time would take minutes.
    let round_trip = Duration::from_millis(50);
    let net = Net { connection: 8.0 * MBIT, shared: 1000.0 * MBIT, round_trip, buffer: 1e6, troubled: Duration::ZERO };
    let mut window = auto();
    send(net, &mut window, Duration::ZERO, Duration::from_secs(40));
    assert!(window.size() >= 24, "{}", window.size());
}

#[test]
fn trouble_in_the_first_seconds_does_not_decide_for_good() {
    let (round_trip, troubled) = (Duration::from_millis(50), Duration::from_secs(7));
    let net = Net { connection: 100.0 * MBIT, shared: 1000.0 * MBIT, round_trip, buffer: 1e6, troubled };
    let (from, to) = (Duration::from_secs(25), Duration::from_secs(45));
    let found = send(net, &mut auto(), from, to);
    assert!(found.rate >= 0.95 * net.best().0, "{} at {}", found.rate, found.level);
}

#[test]
fn a_single_slow_link_stays_at_three() {
    let round_trip = Duration::from_millis(100);
    let net = Net { connection: 20.0 * MBIT, shared: 20.0 * MBIT, round_trip, buffer: 1e6, troubled: Duration::ZERO };
    let found = send(net, &mut auto(), Duration::from_secs(40), Duration::from_secs(60));
    assert!(found.level <= 4 && found.rate >= 0.95 * net.fixed(3), "{} {}", found.level, found.rate);
}

#[test]
fn the_bound_is_kept_and_throttling_halves_what_was_found() {
    let net = Net {
        connection: 100.0 * MBIT,
        shared: 1e5 * MBIT,
        round_trip: Duration::from_millis(50),
        buffer: 1e6,
        troubled: Duration::ZERO,
    };
    let mut window = Window::new(Parallel::Auto { most: 10 });
    let found = send(net, &mut window, Duration::from_secs(1), Duration::from_secs(12));
    assert_eq!((found.most, found.level), (10, 10));
    window.throttled(Duration::from_secs(12));
    assert_eq!(window.size(), 5);
    assert_eq!(Window::new(Parallel::Auto { most: 2 }).size(), 2);
}

/// The machine asks to be polled by the times of the looks, and never at once with nothing to do: the world says so.
#[test]
fn an_upload_that_measures_publishes_the_file_also_after_a_crash_at_any_action() {
    let whole = World::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let options = Options { parallel: Parallel::Auto { most: 8 }, ..Options::default() };
    let mut world = whole.clone();
    let actions = world.run_with(options.clone(), |_, _| None).actions;
    world.assert_published();
    for blow in [Blow::CrashBefore, Blow::CrashAfter, Blow::ReplyLost] {
        for at in 1..=actions {
            let mut world = World { pace: Duration::from_millis(400), ..whole.clone() };
            world.run_with(options.clone(), |number, _| (number == at).then_some(blow));
            world.run_with(options.clone(), |_, _| None);
            world.assert_published();
        }
    }
}

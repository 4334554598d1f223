//! What a bad network does to parts in flight, in virtual time.

use super::world::World;
use crate::machine::{Action, ActionId, Failure, Fault, Now, Outcome, Reply, Upload, Why};
use std::collections::VecDeque;
use std::time::Duration;

const PARALLEL: usize = 8;

fn world(parts: u64) -> World {
    World { parallel: PARALLEL, ..World::new(&(1..=parts).collect::<Vec<_>>()) }
}

/// Does everything but the parts; gives those that are in flight once nothing else is to be done.
fn parts_in_flight(world: &mut World, machine: &mut Upload, now: Now) -> VecDeque<(ActionId, Action)> {
    let mut parts = VecDeque::new();
    while let Some((id, action)) = machine.poll_action(now) {
        match action {
            Action::UploadPart { .. } => parts.push_back((id, action)),
            Action::Stop => parts.clear(),
            action => {
                let reply = world.perform(&action).unwrap();
                machine.handle_reply(now, id, reply);
            }
        }
    }
    parts
}

fn why(machine: &Upload) -> Option<Why> {
    match machine.outcome() {
        Some(Outcome::Failed(Failure { why, .. })) => Some(*why),
        _ => None,
    }
}

#[test]
fn the_first_refusal_stops_the_other_parts_and_no_more_are_begun() {
    let mut world = world(50);
    let mut machine = world.machine(world.options());
    let mut parts = parts_in_flight(&mut world, &mut machine, Now::ZERO);
    assert_eq!(parts.len(), PARALLEL);
    let (refused, _) = parts.remove(3).unwrap();
    machine.handle_fault(Now::ZERO, refused, Fault::Rejected);
    assert!(matches!(machine.poll_action(Now::ZERO), Some((_, Action::Stop))));
    let Some((save, Action::Save(checkpoint))) = machine.poll_action(Now::ZERO) else { panic!("no last save") };
    // What was on its way when the refusal came changes nothing any more.
    for (late, action) in parts {
        let reply = world.perform(&action).unwrap();
        machine.handle_reply(Now::ZERO, late, reply);
    }
    assert!(machine.poll_action(Now::ZERO).is_none());
    assert!(checkpoint.state.upload_id().is_some());
    machine.handle_reply(Now::ZERO, save, Reply::Saved);
    assert_eq!(why(&machine), Some(Why::Rejected));
}

#[test]
fn a_token_that_expires_under_all_parts_at_once_costs_no_retry() {
    let mut world = world(20);
    let mut machine = world.machine(world.options());
    let parts = parts_in_flight(&mut world, &mut machine, Now::ZERO);
    for (id, _) in parts {
        machine.handle_fault(Now::ZERO, id, Fault::CredentialsExpired);
    }
    while machine.outcome().is_none() {
        for (id, action) in parts_in_flight(&mut world, &mut machine, Now::ZERO) {
            let reply = world.perform(&action).unwrap();
            machine.handle_reply(Now::ZERO, id, reply);
        }
    }
    let Some(Outcome::Completed(done)) = machine.outcome() else { panic!("{:?}", machine.outcome()) };
    assert_eq!((done.retries, done.parts_sent, world.server.parts_received), (0, 20, 20));
}

#[test]
fn eight_parts_that_are_throttled_together_leave_four_in_flight_after_the_pause_they_were_told() {
    let mut world = world(50);
    let mut machine = world.machine(world.options());
    let parts = parts_in_flight(&mut world, &mut machine, Now::ZERO);
    let pause = Duration::from_secs(7);
    for (id, _) in parts {
        machine.handle_fault(Now::ZERO, id, Fault::Throttled { retry_after: Some(pause) });
    }
    assert!(parts_in_flight(&mut world, &mut machine, pause / 2).is_empty(), "other parts wait as well");
    let wake = machine.poll_timeout().unwrap();
    assert!(wake >= pause && wake <= pause + Duration::from_secs(1), "{wake:?}");
    assert_eq!(parts_in_flight(&mut world, &mut machine, wake).len(), PARALLEL / 2);
}

/// Every part has its own delay; a thousand of them would still be a thousand requests.
#[test]
fn a_server_that_fails_everything_is_not_asked_for_every_part() {
    for fault in [Fault::Transient, Fault::Throttled { retry_after: None }] {
        let mut world = world(1_000);
        let mut machine = world.machine(world.options());
        let (mut now, mut asked) = (Now::ZERO, 0);
        while machine.outcome().is_none() {
            for (id, _) in parts_in_flight(&mut world, &mut machine, now) {
                asked += 1;
                machine.handle_fault(now, id, fault.clone());
            }
            now = machine.poll_timeout().unwrap_or(now).max(now);
        }
        assert_eq!(why(&machine), Some(Why::BudgetSpent));
        assert!(now >= Duration::from_secs(300) && now <= Duration::from_secs(330), "{now:?}");
        assert!(asked < 400, "{fault:?}: {asked} parts were asked for in five minutes");
    }
}

#[test]
fn a_network_that_swallows_everything_ends_within_the_budget_and_a_call() {
    let mut world = world(50);
    let mut machine = world.machine(world.options());
    let timeout = Duration::from_secs(30);
    let mut now = Now::ZERO;
    // Calls time out one after the other: there is no moment without one in flight.
    let mut flying: VecDeque<(Now, ActionId)> = VecDeque::new();
    while machine.outcome().is_none() {
        for (id, _) in parts_in_flight(&mut world, &mut machine, now) {
            let apart = Duration::from_secs(flying.len() as u64);
            flying.push_back((now + timeout + apart, id));
        }
        let wake = machine.poll_timeout();
        let ends = flying.iter().map(|(at, _)| *at).min();
        now = [wake, ends].into_iter().flatten().min().expect("something is waited for").max(now);
        if let Some(at) = flying.iter().position(|(at, _)| *at <= now) {
            let (_, id) = flying.remove(at).unwrap();
            machine.handle_fault(now, id, Fault::Transient);
        }
    }
    assert_eq!(why(&machine), Some(Why::BudgetSpent));
    assert!(now >= Duration::from_secs(300) && now <= Duration::from_secs(360), "{now:?}");
}

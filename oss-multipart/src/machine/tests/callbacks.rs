//! A callback that failed, or of which nobody knows: the object stands, and nothing is sent twice.

use super::world::{Blow, Run, World};
use crate::machine::{Action, Callback, Completed, Event, Failure, Notice, Outcome, Why};

const CALLBACK: &str = r#"{"callbackUrl": "http://127.0.0.1/", "callbackBody": "${object}"}"#;

/// One PutObject, and a multipart upload.
fn worlds() -> [World; 2] {
    [World::new(&[1]), World::new(&[1, 2, 3])].map(|mut world| {
        world.headers.set_callback(CALLBACK).unwrap();
        world
    })
}

fn publishes(action: &Action) -> bool {
    matches!(action, Action::PutObject | Action::Complete { .. })
}

/// The first publishing call meets the blow; also told: how many there were.
fn struck(world: &mut World, blow: Option<Blow>) -> (Run, usize) {
    let mut calls = 0;
    let run = world.run_with(world.options(), |_, action| {
        calls += usize::from(publishes(action));
        blow.filter(|_| calls == 1 && publishes(action))
    });
    (run, calls)
}

fn completed(run: &Run) -> Completed {
    match &run.outcome {
        Some(Outcome::Completed(done)) => done.clone(),
        other => panic!("{other:?}"),
    }
}

fn said(run: &Run, notice: Notice) -> bool {
    run.events.contains(&Event::Notice(notice))
}

#[test]
fn a_failed_callback_is_told_and_the_object_is_proven_and_never_sent_again() {
    for mut world in worlds() {
        let (run, calls) = struck(&mut world, Some(Blow::CallbackFailed));
        let done = completed(&run);
        assert_eq!((done.callback, done.crc64, calls), (Callback::Failed, world.file.crc64(), 1));
        assert!(said(&run, Notice::CallbackFailed) && !said(&run, Notice::SettledByHead));
        world.assert_published();
    }
}

#[test]
fn a_failed_callback_is_the_end_also_for_keys_that_may_not_look() {
    for mut world in worlds() {
        world.server.no_head = true;
        let (run, calls) = struck(&mut world, Some(Blow::CallbackFailed));
        let done = completed(&run);
        assert_eq!((done.callback, done.crc64, calls), (Callback::Failed, world.file.crc64(), 1));
        assert!(said(&run, Notice::ObjectHasNoCrc));
        world.assert_published();
    }
}

#[test]
fn an_object_that_is_not_there_after_all_is_no_success() {
    for mut world in worlds() {
        let mut machine_saw = 0;
        let run = world.clone().run_with(world.options(), |_, action| {
            machine_saw += usize::from(publishes(action));
            None
        });
        assert_eq!((completed(&run).callback, machine_saw), (Callback::Succeeded, 1));
        // 203, and nothing behind it.
        let mut machine = world.machine(world.options());
        let mut now = crate::machine::Now::ZERO;
        while machine.outcome().is_none() {
            let Some((id, action)) = machine.poll_action(now) else {
                now = machine.poll_timeout().unwrap();
                continue;
            };
            if publishes(&action) {
                machine.handle_fault(now, id, crate::machine::Fault::CallbackFailed);
            } else if action != Action::Stop {
                machine.handle_reply(now, id, world.perform(&action).unwrap());
            }
        }
        let Some(Outcome::Failed(Failure { why, .. })) = machine.outcome() else { panic!("{:?}", machine.outcome()) };
        assert_eq!(*why, Why::Corrupted);
    }
}

#[test]
fn a_lost_reply_is_settled_by_head_and_the_callback_is_said_to_be_unknown() {
    for mut world in worlds() {
        let (run, _) = struck(&mut world, Some(Blow::ReplyLost));
        assert_eq!(completed(&run).callback, Callback::Unknown);
        assert!(said(&run, Notice::CallbackUnknown) && said(&run, Notice::SettledByHead));
        world.assert_published();
    }
}

#[test]
fn a_small_object_that_may_be_stored_is_looked_for_before_it_is_put_a_second_time() {
    let [mut stored, _] = worlds();
    assert_eq!(struck(&mut stored, Some(Blow::ReplyLost)).1, 1, "its callback is not made twice");

    let [mut lost, _] = worlds();
    let mut before_it_arrives = true;
    let mut puts = 0;
    let mut machine = lost.machine(lost.options());
    let mut now = crate::machine::Now::ZERO;
    while machine.outcome().is_none() {
        let Some((id, action)) = machine.poll_action(now) else {
            now = machine.poll_timeout().unwrap();
            continue;
        };
        puts += usize::from(action == Action::PutObject);
        if action == Action::PutObject && std::mem::take(&mut before_it_arrives) {
            machine.handle_fault(now, id, crate::machine::Fault::OutcomeUnknown);
        } else {
            machine.handle_reply(now, id, lost.perform(&action).unwrap());
        }
    }
    let Some(Outcome::Completed(done)) = machine.outcome() else { panic!("{:?}", machine.outcome()) };
    assert_eq!((done.callback, done.retries, puts), (Callback::Succeeded, 1, 2));
}

#[test]
fn a_network_that_loses_every_put_ends_by_its_budget() {
    let [mut world, _] = worlds();
    let mut machine = world.machine(world.options());
    let mut now = crate::machine::Now::ZERO;
    while machine.outcome().is_none() {
        let Some((id, action)) = machine.poll_action(now) else {
            now = machine.poll_timeout().unwrap();
            continue;
        };
        match action {
            Action::PutObject => machine.handle_fault(now, id, crate::machine::Fault::OutcomeUnknown),
            action => machine.handle_reply(now, id, world.perform(&action).unwrap()),
        }
    }
    let Some(Outcome::Failed(Failure { why, .. })) = machine.outcome() else { panic!("{:?}", machine.outcome()) };
    assert_eq!(*why, Why::BudgetSpent);
    assert!(now >= world.options().budget);
}

//! A cancel or an abort while Initiate is under way: its reply has the only name of what is billed from then on.

use super::faults::{completed, why};
use super::world::{Blow, World};
use crate::machine::{Action, ActionId, Failure, Fault, Notice, Now, Outcome, Reply, Upload, Why};
use oss_checkpoint::State;
use std::time::Duration;

fn at_initiate(blow: Blow) -> impl FnMut(usize, &Action) -> Option<Blow> {
    move |_, action| (*action == Action::Initiate).then_some(blow)
}

/// A machine whose Initiate is under way.
fn initiating(world: &mut World) -> (Upload, ActionId) {
    let mut machine = world.machine(world.options());
    loop {
        match machine.poll_action(Now::ZERO).expect("it goes on") {
            (id, Action::Initiate) => return (machine, id),
            (id, action) => machine.handle_reply(Now::ZERO, id, world.perform(&action).expect("nothing fails")),
        }
    }
}

fn failure(machine: &Upload) -> &Failure {
    match machine.outcome() {
        Some(Outcome::Failed(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cancel_during_initiate_waits_for_the_id_and_saves_it() {
    let mut world = World::new(&[1, 2, 3]);
    let run = world.run_with(world.options(), at_initiate(Blow::Cancel));
    let Some(Outcome::Failed(failure)) = &run.outcome else { panic!("{:?}", run.outcome) };
    let id = world.server.uploads.keys().next().cloned();
    assert_eq!((failure.why, failure.resumable, failure.upload_id.clone()), (Why::Cancelled, true, id.clone()));
    assert_eq!(world.disk.as_ref().and_then(|checkpoint| checkpoint.state.upload_id()), id.as_ref());

    completed(&world.run(&[]));
    assert!(world.server.uploads.is_empty(), "the next run goes on with it");
    world.assert_published();
}

#[test]
fn a_cancelled_initiate_whose_id_cannot_be_saved_is_aborted() {
    let mut world = World::new(&[1, 2, 3]);
    world.disk_full = true;
    let run = world.run_with(world.options(), at_initiate(Blow::Cancel));
    assert_eq!(why(&run), Why::Cancelled);
    assert!(world.server.uploads.is_empty());
}

#[test]
fn a_cancelled_initiate_that_is_not_answered_is_given_up_within_the_second() {
    let mut world = World::new(&[1, 2, 3]);
    let (mut machine, _) = initiating(&mut world);
    let pressed = Duration::from_secs(10);
    machine.cancel(pressed);
    assert_eq!(machine.poll_action(pressed), None, "the call is not dropped");
    let until = machine.poll_timeout().expect("it does not wait for ever");
    assert!(until > pressed && until < pressed + Duration::from_millis(900));
    assert!(matches!(machine.poll_action(until), Some((_, Action::Stop))));
    assert_eq!(machine.poll_action(until), None);
    assert_eq!((failure(&machine).why, failure(&machine).resumable), (Why::Cancelled, true));

    // The server had made the upload: the next run tells of it.
    world.perform(&Action::Initiate).expect("nothing fails");
    assert!(matches!(world.disk.as_ref().map(|c| &c.state), Some(State::Intent { .. })));
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|notice| matches!(notice, Notice::Orphan(_))));
}

#[test]
fn a_late_id_after_the_end_is_ignored() {
    let mut world = World::new(&[1, 2, 3]);
    let (mut machine, initiate) = initiating(&mut world);
    machine.cancel(Now::ZERO);
    let until = machine.poll_timeout().expect("it does not wait for ever");
    while machine.poll_action(until).is_some() {}
    let reply = world.perform(&Action::Initiate).expect("nothing fails");
    machine.handle_reply(until, initiate, reply);
    assert_eq!(failure(&machine).upload_id, None);
    assert_eq!(machine.poll_action(until), None);
}

#[test]
fn a_cancelled_initiate_that_fails_ends_at_once() {
    for fault in [Fault::Transient, Fault::OutcomeUnknown, Fault::Rejected] {
        let mut world = World::new(&[1, 2, 3]);
        let (mut machine, id) = initiating(&mut world);
        machine.cancel(Now::ZERO);
        machine.handle_fault(Now::ZERO, id, fault);
        assert_eq!((failure(&machine).why, failure(&machine).resumable), (Why::Cancelled, true));
    }
}

#[test]
fn an_abort_during_initiate_deletes_the_upload_that_it_makes() {
    let mut world = World::new(&[1, 2, 3]);
    let run = world.run_with(world.options(), at_initiate(Blow::Abort));
    assert_eq!(why(&run), Why::Aborted);
    assert!(world.server.uploads.is_empty() && world.disk.is_none());
}

#[test]
fn an_abort_whose_initiate_is_lost_leaves_the_checkpoint_that_tells_of_it() {
    let mut world = World::new(&[1, 2, 3]);
    let (mut machine, id) = initiating(&mut world);
    machine.abort(Now::ZERO);
    assert_eq!(machine.poll_timeout(), None, "nothing but the reply is waited for");
    world.perform(&Action::Initiate).expect("nothing fails");
    machine.handle_fault(Now::ZERO, id, Fault::OutcomeUnknown);
    assert_eq!(failure(&machine).why, Why::Aborted);
    let run = world.run(&[]);
    assert!(run.notices().any(|notice| matches!(notice, Notice::Orphan(_))));
}

#[test]
fn an_id_that_was_never_saved_is_saved_by_the_cancel() {
    let mut world = World::new(&[1, 2, 3]);
    let (mut machine, id) = initiating(&mut world);
    let initiated = world.perform(&Action::Initiate).expect("nothing fails");
    machine.handle_reply(Now::ZERO, id, initiated);
    let Some((first, Action::Save(_))) = machine.poll_action(Now::ZERO) else { panic!("the id is saved") };
    machine.cancel(Now::ZERO);
    assert!(matches!(machine.poll_action(Now::ZERO), Some((_, Action::Stop))));
    let Some((second, Action::Save(checkpoint))) = machine.poll_action(Now::ZERO) else { panic!("it is saved again") };
    machine.handle_reply(Now::ZERO, first, Reply::NotSaved("no space left on device".into()));
    assert!(machine.outcome().is_none(), "the second save decides");
    assert!(checkpoint.state.upload_id().is_some());
    machine.handle_reply(Now::ZERO, second, Reply::Saved);
    assert!(failure(&machine).resumable);
}

#[test]
fn an_id_that_could_not_be_saved_is_saved_at_a_failing_end_or_aborted() {
    for full_to_the_end in [true, false] {
        let mut world = World::new(&[1, 2, 3]);
        world.disk_full = true;
        let mut machine = world.machine(world.options());
        while machine.outcome().is_none() {
            let (id, action) = machine.poll_action(Now::ZERO).expect("nothing is waited for");
            match action {
                Action::Stop => {}
                Action::UploadPart { .. } => {
                    world.disk_full = full_to_the_end;
                    machine.handle_fault(Now::ZERO, id, Fault::Rejected);
                }
                action => match world.perform(&action) {
                    Ok(reply) => machine.handle_reply(Now::ZERO, id, reply),
                    Err(fault) => machine.handle_fault(Now::ZERO, id, fault),
                },
            }
        }
        assert_eq!((failure(&machine).why, failure(&machine).resumable), (Why::Rejected, !full_to_the_end));
        assert_eq!((world.server.uploads.len(), world.orphans()), (usize::from(!full_to_the_end), 0));
    }
}

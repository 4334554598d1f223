//! Lost replies, refusals, other people, full disks: one sentence each.

use super::world::Run;
use super::world::{Blow, Object, World};
use crate::machine::{Action, Completed, Failure, Fault, Notice, Now, Options, Outcome, Reply, Why};

pub(super) fn why(run: &Run) -> Why {
    match &run.outcome {
        Some(Outcome::Failed(Failure { why, .. })) => *why,
        other => panic!("{other:?}"),
    }
}

pub(super) fn completed(run: &Run) -> Completed {
    match &run.outcome {
        Some(Outcome::Completed(done)) => done.clone(),
        other => panic!("{other:?}"),
    }
}

fn at_complete(blow: Blow) -> impl FnMut(usize, &Action) -> Option<Blow> {
    let mut struck = false;
    move |_, action| {
        let strike = matches!(action, Action::Complete { .. }) && !struck;
        struck |= strike;
        strike.then_some(blow)
    }
}

#[test]
fn any_single_lost_call_or_reply_is_repeated_to_the_end() {
    let begin = World::new(&[1, 2, 3]);
    let actions = begin.clone().run(&[]).actions;
    for at in 1..=actions {
        for blow in [Blow::Lost, Blow::ReplyLost] {
            let mut world = begin.clone();
            completed(&world.run_with(world.options(), |number, action| {
                let local = matches!(action, Action::Save(_) | Action::Discard | Action::CheckSource { .. });
                (number == at && !local).then_some(blow)
            }));
            world.assert_published();
            assert!(world.server.uploads.len() <= 1, "only a lost Initiate leaves an upload");
        }
    }
}

#[test]
fn a_lost_reply_to_complete_is_settled_by_head_and_nothing_is_sent_again() {
    let mut world = World::new(&[1, 2, 3]);
    let run = world.run_with(world.options(), at_complete(Blow::ReplyLost));
    completed(&run);
    assert!(run.notices().any(|notice| *notice == Notice::SettledByHead));
    assert_eq!(world.server.parts_received, 3);
    world.assert_published();
}

#[test]
fn an_older_identical_object_is_not_taken_for_ours() {
    let mut world = World::new(&[1, 2]);
    let (crc64, size) = (world.file.crc64(), world.file.size);
    world.run_with(world.options(), at_complete(Blow::CrashBefore));
    world.server.uploads.clear();
    world.server.object = Some(Object { size, crc64, modified: 10 });
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|notice| matches!(notice, Notice::Afresh(_))));
    assert!(world.server.object.as_ref().unwrap().modified > 10, "published anew");
}

#[test]
fn an_upload_that_is_gone_starts_afresh_in_words() {
    let mut world = World::new(&[1, 2, 3]);
    world.run(&[(5, Blow::CrashAfter)]);
    world.server.uploads.clear();
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|notice| matches!(notice, Notice::Afresh(_))));
    world.assert_published();
}

#[test]
fn a_part_replaced_behind_our_back_is_sent_again_after_invalid_part() {
    let mut world = World::new(&[1, 2, 3]);
    let crashed = world.run_with(world.options(), at_complete(Blow::CrashBefore));
    assert!(crashed.outcome.is_none());
    let parts = world.server.uploads.values_mut().next().unwrap();
    let second = *parts.keys().nth(1).unwrap();
    parts.insert(second, (99, super::world::PART));
    completed(&world.run(&[]));
    assert_eq!(world.server.parts_received, 4);
    world.assert_published();
}

#[test]
fn a_list_that_fails_keeps_the_checkpoint_and_starts_nothing_new() {
    let mut world = World::new(&[1, 2, 3]);
    world.run(&[(6, Blow::CrashAfter)]);
    let id = world.disk.as_ref().unwrap().state.upload_id().cloned();
    let mut machine = world.machine(world.options());
    let (list, action) = machine.poll_action(Now::ZERO).unwrap();
    assert!(matches!(action, Action::ListParts { .. }));
    machine.handle_fault(Now::ZERO, list, Fault::Rejected);
    let (save, action) = machine.poll_action(Now::ZERO).unwrap();
    let Action::Save(checkpoint) = action else { panic!("{action:?}") };
    assert_eq!(checkpoint.state.upload_id().cloned(), id);
    machine.handle_reply(Now::ZERO, save, Reply::Saved);
    let Some(Outcome::Failed(failure)) = machine.outcome() else { panic!("goes on") };
    assert_eq!((failure.why, failure.resumable), (Why::Rejected, true));
}

#[test]
fn a_full_disk_lets_the_upload_go_on_and_a_failing_end_leaves_nothing() {
    let mut world = World::new(&[1, 2, 3]);
    world.disk_full = true;
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|notice| matches!(notice, Notice::NotSaved(_))));

    let mut world = World { server: Default::default(), ..world };
    let cancelled = world
        .run_with(world.options(), |_, action| matches!(action, Action::UploadPart { .. }).then_some(Blow::Cancel));
    assert_eq!(why(&cancelled), Why::Cancelled);
    assert!(world.server.uploads.is_empty(), "an id that no checkpoint remembers is aborted");
}

#[test]
fn a_required_checkpoint_that_cannot_be_written_ends_the_run() {
    let mut world = World::new(&[1, 2, 3]);
    world.disk_full = true;
    let options = Options { require_checkpoint: true, ..world.options() };
    assert_eq!(why(&world.run_with(options, |_, _| None)), Why::NoCheckpoint);
    assert!(world.server.uploads.is_empty());
}

#[test]
fn a_cancelled_run_continues_and_sends_only_what_is_missing() {
    let begin = World::new(&[1, 2, 3, 4]);
    let actions = begin.clone().run(&[]).actions;
    for at in 1..=actions {
        let mut world = begin.clone();
        let first = world.run(&[(at, Blow::Cancel)]);
        if matches!(first.outcome, Some(Outcome::Failed(_))) {
            assert_eq!(why(&first), Why::Cancelled);
            assert_eq!(world.orphans(), 0, "at {at}");
            completed(&world.run(&[]));
        }
        world.assert_published();
        assert!(world.server.uploads.is_empty(), "at {at}");
        assert!(world.server.parts_received as usize <= 4 + first.parts_in_flight);
    }
}

#[test]
fn small_parts_are_proved_together_and_only_what_differs_is_sent_again() {
    let contents: Vec<u64> = (1..=200).collect();
    let mut world = World::new(&contents);
    // Killed before Complete; then somebody edits one part, times restored.
    let first = world.run_with(world.options(), |_, action| {
        matches!(action, Action::CheckSource { .. }).then_some(Blow::CrashBefore)
    });
    assert_eq!((first.outcome, world.server.parts_received), (None, 200));
    world.file.contents[70] = 999;
    let mut proving = Vec::new();
    let run = world.run_with(world.options(), |_, action| {
        if let Action::ProveParts(parts) = action {
            proving.push(parts.len());
        }
        None
    });
    let done = completed(&run);
    assert_eq!((done.parts_reused, done.parts_sent), (199, 1));
    assert_eq!(proving.iter().sum::<usize>(), 200);
    assert!(proving.len() <= 3, "8 MiB of parts and one at a time: {proving:?}");
    world.assert_published();
}

#[test]
fn an_aborted_run_leaves_nothing_on_the_server_nor_on_the_disk() {
    let begin = World::new(&[1, 2, 3, 4]);
    let actions = begin.clone().run(&[]).actions;
    for at in 1..=actions {
        let mut world = begin.clone();
        let run = world.run(&[(at, Blow::Abort)]);
        if matches!(run.outcome, Some(Outcome::Failed(_))) {
            assert_eq!(why(&run), Why::Aborted, "at {at}");
        }
        assert!(world.server.uploads.is_empty(), "at {at}");
        assert_eq!(world.disk.as_ref().and_then(|c| c.state.upload_id()), None, "at {at}");
    }
}

#[test]
fn a_server_that_proves_nothing_is_refused_unless_waived() {
    let mut world = World::new(&[1, 2, 3]);
    (world.server.no_crc, world.server.odd_etags) = (true, true);
    assert_eq!(why(&world.clone().run(&[])), Why::Unproven);
    let options = Options { allow_unproven: true, ..world.options() };
    completed(&world.run_with(options, |_, _| None));
    world.assert_published();
}

#[test]
fn md5_against_the_etag_proves_where_the_server_gives_no_crc() {
    let mut world = World::new(&[1, 2, 3]);
    world.server.no_crc = true;
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|notice| *notice == Notice::ObjectHasNoCrc));
    world.assert_published();
}

#[test]
fn a_lost_initiate_is_reported_and_neither_adopted_nor_aborted() {
    let mut world = World::new(&[1, 2, 3]);
    let crashed =
        world.run_with(world.options(), |_, action| (*action == Action::Initiate).then_some(Blow::CrashAfter));
    assert_eq!((crashed.outcome, world.orphans()), (None, 1));
    let lost = world.server.uploads.keys().next().cloned().unwrap();
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|notice| *notice == Notice::Orphan(lost.clone())));
    assert!(world.server.uploads.contains_key(&lost));
    world.assert_published();
}

#[test]
fn a_lost_initiate_is_reported_though_the_clocks_are_hours_apart() {
    for ahead in [-50_000, 50_000] {
        let mut world = World::new(&[1, 2, 3]);
        (world.server.clock, world.ahead) = (1_000_000, ahead);
        world.run_with(world.options(), |_, action| (*action == Action::Initiate).then_some(Blow::CrashAfter));
        let lost = world.server.uploads.keys().next().cloned().unwrap();
        let run = world.run(&[]);
        completed(&run);
        assert!(run.notices().any(|notice| *notice == Notice::Orphan(lost.clone())), "{ahead}");
    }
}

#[test]
fn an_upload_of_long_before_is_not_taken_for_a_lost_one_by_any_clock() {
    for ahead in [-50_000, 0, 50_000] {
        let mut world = World::new(&[1, 2, 3]);
        (world.server.clock, world.ahead, world.listed_age) = (1_000_000, ahead, 20_000);
        world.perform(&Action::Initiate).unwrap();
        world.run_with(world.options(), |_, action| (*action == Action::Initiate).then_some(Blow::CrashBefore));
        let run = world.run(&[]);
        completed(&run);
        assert!(!run.notices().any(|notice| matches!(notice, Notice::Orphan(_))), "{ahead}");
    }
}

#[test]
fn a_superseded_upload_is_aborted_before_the_new_one_and_its_bytes_are_told() {
    let mut world = World::new(&[1, 2, 3]);
    world.run(&[(6, Blow::CrashAfter)]);
    let old = world.disk.as_ref().unwrap().state.upload_id().cloned().unwrap();
    world.file.contents.push(4);
    world.file.size += super::world::PART;
    let run = world.run(&[]);
    completed(&run);
    assert!(run.notices().any(|n| matches!(n, Notice::Freed { upload_id, bytes } if *upload_id == old && *bytes > 0)));
    assert!(world.server.uploads.is_empty());
    world.assert_published();
}

#[test]
fn a_late_complete_never_replaces_a_newer_object() {
    let mut world = World::new(&[1, 2, 3]);
    world.run_with(world.options(), at_complete(Blow::CrashBefore));
    let old = world.disk.as_ref().unwrap().state.upload_id().cloned().unwrap();
    world.file.contents.push(4);
    world.file.size += super::world::PART;
    // The abort is refused: a Complete that is still on its way could win, so nothing new is published.
    let mut machine = world.machine(world.options());
    let mut now = Now::ZERO;
    while machine.outcome().is_none() {
        match machine.poll_action(now) {
            Some((id, Action::Abort { .. })) => machine.handle_fault(now, id, Fault::Rejected),
            Some((id, action)) => match world.perform(&action) {
                Ok(reply) => machine.handle_reply(now, id, reply),
                Err(fault) => machine.handle_fault(now, id, fault),
            },
            None => now = machine.poll_timeout().unwrap(),
        }
    }
    let Some(Outcome::Failed(failure)) = machine.outcome() else { panic!("published") };
    assert_eq!(failure.why, Why::Unsettled);
    assert!(world.server.uploads.contains_key(&old) && world.server.object.is_none());
}

#[test]
fn a_source_that_changed_publishes_nothing() {
    let mut world = World::new(&[1, 2, 3]);
    let mut machine = world.machine(world.options());
    let now = Now::ZERO;
    while machine.outcome().is_none() {
        let Some((id, action)) = machine.poll_action(now) else { panic!("waits") };
        match action {
            Action::CheckSource { .. } => machine.handle_fault(now, id, Fault::SourceChanged),
            Action::Stop => {}
            action => machine.handle_reply(now, id, world.perform(&action).unwrap()),
        }
    }
    let Some(Outcome::Failed(failure)) = machine.outcome() else { panic!("published") };
    assert_eq!((failure.why, failure.resumable), (Why::SourceChanged, true));
    assert!(world.server.object.is_none() && world.disk.is_some());
}

#[test]
fn a_complete_that_a_proxy_repeated_is_settled_by_head() {
    let mut world = World::new(&[1, 2, 3]);
    let mut machine = world.machine(world.options());
    let now = Now::ZERO;
    while machine.outcome().is_none() {
        let (id, action) = machine.poll_action(now).expect("nothing is waited for");
        let end = world.perform(&action);
        match (action, end) {
            (Action::Complete { .. }, Ok(_)) => machine.handle_fault(now, id, Fault::NoSuchUpload),
            (_, end) => machine.handle_reply(now, id, end.unwrap()),
        }
    }
    assert!(matches!(machine.outcome(), Some(Outcome::Completed(_))));
    assert_eq!(world.server.parts_received, 3);
    world.assert_published();
}

//! Every crash point, before and after the effect of every action, twice in a row.

use super::world::{Blow, World};
use crate::machine::Outcome;

const CRASHES: [Blow; 2] = [Blow::CrashBefore, Blow::CrashAfter];

/// Runs that crash at each point in turn, then runs until nothing crashes any more; `between` may change the world.
fn enumerate(begin: &World, depth: u32, between: &dyn Fn(&mut World), cases: &mut u32) {
    let orphans = begin.orphans();
    let mut whole = begin.clone();
    let run = whole.run(&[]);
    assert!(matches!(run.outcome, Some(Outcome::Completed(_))), "{:?}", run.outcome);
    whole.assert_published();
    assert_eq!(whole.orphans(), orphans, "an upload is left only by a crash before the first save with its id");
    *cases += 1;
    if depth == 0 {
        return;
    }
    for at in 1..=run.actions {
        for crash in CRASHES {
            let mut world = begin.clone();
            let crashed = world.run(&[(at, crash)]);
            assert!(crashed.outcome.is_none(), "action {at} is reached");
            between(&mut world);
            assert!(world.orphans() <= orphans + 1);
            enumerate(&world, depth - 1, between, cases);
        }
    }
}

#[test]
fn every_crash_point_twice_in_a_row_ends_in_the_whole_object() {
    let mut cases = 0;
    enumerate(&World::new(&[11, 12, 13, 14]), 2, &|_| {}, &mut cases);
    assert!(cases > 300, "{cases}");
}

#[test]
fn every_crash_point_with_a_save_after_every_part() {
    let mut world = World::new(&[11, 12, 13]);
    world.pace = std::time::Duration::from_secs(2);
    enumerate(&world, 2, &|_| {}, &mut 0);
}

#[test]
fn every_crash_point_of_a_file_that_one_put_object_sends() {
    enumerate(&World::new(&[11]), 2, &|_| {}, &mut 0);
}

#[test]
fn every_crash_point_with_the_file_edited_in_place_in_between() {
    let edit = |world: &mut World| {
        world.file.contents[1] += 100;
        world.file.touched += 1;
    };
    enumerate(&World::new(&[11, 12, 13]), 2, &edit, &mut 0);
}

#[test]
fn every_crash_point_with_the_file_grown_in_between() {
    let grow = |world: &mut World| {
        world.file.contents.push(77);
        world.file.size += super::world::PART;
        world.file.touched += 1;
    };
    enumerate(&World::new(&[11, 12]), 2, &grow, &mut 0);
}

#[test]
fn every_crash_point_with_the_file_shrunk_to_a_small_one_in_between() {
    let shrink = |world: &mut World| {
        world.file.contents.truncate(1);
        world.file.size = 5;
        world.file.touched += 1;
    };
    enumerate(&World::new(&[11, 12, 13]), 2, &shrink, &mut 0);
}

#[test]
fn every_crash_point_of_a_server_without_crc() {
    let mut world = World::new(&[11, 12, 13]);
    world.server.no_crc = true;
    // HeadObject proves nothing without a CRC; a lost Complete then means sending again, never a wrong object.
    enumerate(&world, 1, &|_| {}, &mut 0);
}

#[test]
fn a_crash_sends_again_at_most_what_was_in_flight() {
    let begin = World::new(&[1, 2, 3, 4, 5, 6]);
    let actions = begin.clone().run(&[]).actions;
    for at in 1..=actions {
        for crash in CRASHES {
            let mut world = begin.clone();
            let crashed = world.run(&[(at, crash)]);
            if world.disk.is_none() && world.server.object.is_some() {
                continue; // The crash came after the last effect.
            }
            let run = world.run(&[]);
            assert!(matches!(run.outcome, Some(Outcome::Completed(_))));
            let again = world.server.parts_received as usize - begin.file.contents.len();
            assert!(again <= crashed.parts_in_flight, "{again} sent again after a crash at action {at}");
        }
    }
}

#[test]
fn a_crash_after_the_last_part_sends_nothing_again() {
    let begin = World::new(&[1, 2, 3]);
    let mut world = begin.clone();
    let crashed = world.run_with(world.options(), |_, action| {
        matches!(action, crate::machine::Action::CheckSource { .. }).then_some(Blow::CrashBefore)
    });
    assert!(crashed.outcome.is_none());
    let Some(Outcome::Completed(done)) = world.run(&[]).outcome else { panic!("not completed") };
    assert_eq!((done.parts_sent, done.parts_reused, world.server.parts_received), (0, 3, 3));
}

//! Random scripts of crashes, losses, cancels, edits and other people: the end is always the file, or nothing.

use super::world::{Blow, PART, World};
use crate::machine::{Action, Outcome};
use proptest::prelude::*;
use std::time::Duration;

/// What happens between two runs.
#[derive(Debug, Clone, Copy)]
enum Between {
    Nothing,
    EditOnePart(usize),
    Touch,
    Grow,
    Shrink,
    SomebodyAborts,
    SomebodyReplacesAPart,
}

fn blow() -> impl Strategy<Value = Blow> {
    prop_oneof![
        Just(Blow::CrashBefore),
        Just(Blow::CrashAfter),
        Just(Blow::Cancel),
        Just(Blow::Lost),
        Just(Blow::ReplyLost),
        Just(Blow::Lost),
        Just(Blow::ReplyLost),
    ]
}

fn between() -> impl Strategy<Value = Between> {
    prop_oneof![
        3 => Just(Between::Nothing),
        2 => (0..6_usize).prop_map(Between::EditOnePart),
        1 => Just(Between::Touch),
        1 => Just(Between::Grow),
        1 => Just(Between::Shrink),
        1 => Just(Between::SomebodyAborts),
        1 => Just(Between::SomebodyReplacesAPart),
    ]
}

fn happen(world: &mut World, between: Between) {
    match between {
        Between::Nothing => return,
        Between::EditOnePart(index) => {
            let count = world.file.contents.len();
            world.file.contents[index % count] += 1_000;
        }
        Between::Touch => {}
        Between::Grow => {
            world.file.contents.push(world.server.clock);
            world.file.size += PART;
        }
        Between::Shrink if world.file.contents.len() > 1 => {
            world.file.contents.pop();
            world.file.size -= PART;
        }
        Between::Shrink => {}
        Between::SomebodyAborts => return world.server.uploads.clear(),
        Between::SomebodyReplacesAPart => {
            let parts = world.server.uploads.values_mut().flat_map(|parts| parts.values_mut());
            return parts.for_each(|part| part.0 += 5);
        }
    }
    world.file.touched += 1;
}

/// A loss of a local action is not a thing: saves and reads answer, or the process dies.
fn possible(blow: Blow, action: &Action) -> bool {
    let local =
        matches!(action, Action::Save(_) | Action::Discard | Action::CheckSource { .. } | Action::ProveParts(_));
    !local || !matches!(blow, Blow::Lost | Blow::ReplyLost)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn the_end_of_any_script_is_the_file_itself(
        runs in prop::collection::vec((prop::collection::vec((1..25_usize, blow()), 0..6), between()), 1..5),
        parts in 1..6_u64,
        shuffle in 0..20_u64,
        saves_often in any::<bool>(),
        no_crc in any::<bool>(),
    ) {
        let mut world = World::new(&(1..=parts).collect::<Vec<_>>());
        world.shuffle = shuffle;
        world.server.no_crc = no_crc;
        world.pace = if saves_often { Duration::from_secs(2) } else { Duration::from_millis(10) };
        for (blows, between) in runs {
            let published_before = world.server.object.clone();
            let run = world.run_with(world.options(), |number, action| {
                let blow = blows.iter().find(|(at, _)| *at == number).map(|(_, blow)| *blow)?;
                possible(blow, action).then_some(blow)
            });
            if world.server.object != published_before {
                let object = world.server.object.clone().unwrap();
                prop_assert_eq!((object.crc64, object.size), (world.file.crc64(), world.file.size), "a wrong object");
            }
            if let Some(Outcome::Completed(done)) = run.outcome {
                prop_assert_eq!(done.crc64, world.file.crc64());
                world.assert_published();
            }
            happen(&mut world, between);
        }
        let last = world.run(&[]);
        prop_assert!(matches!(last.outcome, Some(Outcome::Completed(_))), "{:?}", last.outcome);
        world.assert_published();
    }
}

//! A disk that refuses, at each step: the previous checkpoint stays, and the next save works.

use crate::sample::{resumed, small};
use crate::simulated_disk::SimulatedDisk;
use oss_checkpoint::{Loaded, SaveError, SaveStep, Store};
use std::io::ErrorKind;

const NAME: &str = "x.ossck";
const STEPS: [SaveStep; 5] =
    [SaveStep::Create, SaveStep::Write, SaveStep::SyncFile, SaveStep::Rename, SaveStep::SyncDirectory];

fn generation(disk: &SimulatedDisk) -> u64 {
    let Loaded::Found(found) = Store::new(disk.clone(), NAME).load().expect("no faults") else { panic!("lost") };
    resumed(found, &small(0)).generation
}

/// A disk with generation 1 saved, and the step at which saving generation 2 failed when `count` calls were refused.
fn failed_save(calls: usize, count: usize, kind: ErrorKind) -> (SimulatedDisk, Store<SimulatedDisk>, Option<SaveStep>) {
    let disk = SimulatedDisk::default();
    let store = Store::new(disk.clone(), NAME);
    store.save(&small(1)).expect("no faults yet");
    disk.begin(1);
    disk.acknowledge(1);
    disk.fail(calls, count, kind);
    disk.begin(2);
    let step = match store.save(&small(2)) {
        Ok(()) => None,
        Err(SaveError::Disk { step, source, .. }) => {
            assert_eq!(source.kind(), kind);
            Some(step)
        }
        Err(other) => panic!("{other:?}"),
    };
    disk.fail(0, 0, kind);
    (disk, store, step)
}

#[test]
fn a_failure_at_each_step_is_named_and_leaves_the_previous_checkpoint() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        for count in [1, usize::MAX] {
            for (calls, expected) in STEPS.into_iter().enumerate() {
                let (disk, store, step) = failed_save(calls, count, kind);
                assert_eq!(step, Some(expected));
                let seen = if expected == SaveStep::SyncDirectory { 2 } else { 1 };
                assert_eq!(generation(&disk), seen, "{expected:?}");

                store.save(&small(3)).expect("the disk is well again");
                assert_eq!(generation(&disk), 3);
            }
            let (disk, _, step) = failed_save(STEPS.len(), count, kind);
            assert_eq!((step, generation(&disk)), (None, 2), "a save has five calls");
        }
    }
}

#[test]
fn a_crash_after_a_failure_leaves_old_or_new_whole() {
    for (calls, step) in STEPS.into_iter().enumerate() {
        let (disk, store, _) = failed_save(calls, 1, ErrorKind::Other);
        disk.begin(3);
        store.save(&small(3)).expect("the disk is well again");
        disk.acknowledge(3);
        for crash in disk.crashes().into_iter().filter(|crash| crash.acknowledged > 0) {
            let found = generation(&SimulatedDisk::from_image(&crash.image));
            let allowed = crash.acknowledged as u64..=crash.begun as u64;
            assert!(allowed.contains(&found), "{found} is not of {allowed:?} after a failed {step}");
        }
    }
}

#[test]
fn a_full_disk_gets_its_room_back() {
    for calls in 1..4 {
        let (disk, ..) = failed_save(calls, 1, ErrorKind::StorageFull);
        assert_eq!(disk.image().into_keys().collect::<Vec<_>>(), [NAME]);
    }
}

#[test]
fn the_words_of_a_failure_name_step_and_file_and_the_cause_is_its_source() {
    let disk = SimulatedDisk::default();
    let store = Store::new(disk.clone(), NAME);
    disk.fail(1, 1, ErrorKind::StorageFull);
    let error = store.save(&small(1)).expect_err("no room");
    assert_eq!(error.to_string(), r#"cannot write "/simulated/x.ossck.tmp""#);
    let source = std::error::Error::source(&error).expect("a cause");
    assert_eq!(source.to_string(), ErrorKind::StorageFull.to_string());
}

#[test]
fn a_disk_that_cannot_read_is_not_taken_for_a_damaged_checkpoint() {
    let (disk, store, _) = failed_save(STEPS.len(), 0, ErrorKind::Other);
    disk.fail(0, 1, ErrorKind::Other);
    store.load().expect_err("nothing is known about the content");
    assert_eq!(generation(&disk), 2);
}

#[test]
fn a_discard_that_fails_is_said_and_can_be_done_again() {
    for calls in [0, 3] {
        let (disk, store, _) = failed_save(STEPS.len(), 0, ErrorKind::Other);
        disk.fail(calls, 1, ErrorKind::Other);
        store.discard().expect_err("the disk refuses");
        disk.fail(0, 0, ErrorKind::Other);
        store.discard().expect("the disk is well again");
        assert_eq!(store.load().expect("no faults"), Loaded::Nothing);
    }
}

#[test]
fn a_discard_of_nothing_asks_the_disk_for_no_sync() {
    let (disk, store, _) = failed_save(STEPS.len(), 0, ErrorKind::Other);
    store.discard().expect("no faults");
    // Three names that are not there; what comes after them would fail.
    disk.fail(3, usize::MAX, ErrorKind::Other);
    store.discard().expect("nothing is there, nothing is to be made durable");
}

#[test]
fn a_late_save_never_undoes_a_newer_one_nor_a_discard() {
    let (disk, store, _) = failed_save(STEPS.len(), 0, ErrorKind::Other);
    let late = store.clone();
    assert!(matches!(late.save(&small(1)), Err(SaveError::Stale { generation: 1, newest: 2 })));
    assert_eq!(generation(&disk), 2);
    store.discard().expect("no faults");
    assert!(matches!(late.save(&small(2)), Err(SaveError::Stale { generation: 2, .. })));
    assert_eq!(store.load().expect("no faults"), Loaded::Nothing);
    store.save(&small(3)).expect("a newer upload");
    assert_eq!(generation(&disk), 3);
}

//! After a crash at any moment the checkpoint is the former one or the new one, whole, and the new one once acknowledged.

use crate::sample::{resumed, small};
use crate::simulated_disk::{Crash, Image, SimulatedDisk};
use oss_checkpoint::{DecodeError, Loaded, Store, encode};
use std::collections::{BTreeMap, HashSet};

const NAME: &str = "x.ossck";

/// What a history of values looks like on disk: a generation, or nothing.
type History<'a> = &'a [Option<u64>];

fn store(disk: &SimulatedDisk) -> Store<SimulatedDisk> {
    Store::new(disk.clone(), NAME)
}

/// Saves the values of a history from `first` on, and discards where it says nothing; says what it does to the disk.
fn run(disk: &SimulatedDisk, history: History<'_>, first: usize) {
    let store = store(disk);
    for (value, generation) in history.iter().enumerate().skip(first) {
        disk.begin(value);
        match generation {
            Some(generation) => store.save(&small(*generation)).expect("no faults"),
            None => store.discard().expect("no faults"),
        }
        disk.acknowledge(value);
    }
}

/// The generation that is loaded; `Err` for what is no whole checkpoint.
fn loaded(disk: &SimulatedDisk) -> Result<Option<u64>, DecodeError> {
    match store(disk).load().expect("no faults") {
        Loaded::Nothing => Ok(None),
        Loaded::Found(found) => {
            let like = small(0);
            let checkpoint = resumed(found, &like);
            assert_eq!(checkpoint, small(checkpoint.generation), "whole");
            Ok(Some(checkpoint.generation))
        }
        Loaded::Damaged(why) => Err(why),
    }
}

fn assert_old_or_new(crash: &Crash, history: History<'_>) -> Option<u64> {
    let value = loaded(&SimulatedDisk::from_image(&crash.image)).expect("old or new, whole");
    let allowed = &history[crash.acknowledged..=crash.begun];
    assert!(allowed.contains(&value), "{value:?} is not of {allowed:?}");
    value
}

#[test]
fn after_any_crash_the_checkpoint_is_old_or_new_and_new_once_acknowledged() {
    let history = [None, Some(1), Some(2), Some(3), None, Some(4)];
    let disk = SimulatedDisk::default();
    run(&disk, &history, 1);
    let crashes = disk.crashes();
    let found: HashSet<_> = crashes.iter().map(|crash| assert_old_or_new(crash, &history)).collect();
    assert_eq!(found, HashSet::from(history), "crashes leave every one of them");
    assert!(crashes.len() > 200, "only {} crashes", crashes.len());
}

#[test]
fn a_run_after_a_crash_can_crash_again() {
    let first = [None, Some(1), Some(2)];
    let disk = SimulatedDisk::default();
    run(&disk, &first, 1);
    let images: HashSet<Image> = disk.crashes().into_iter().map(|crash| crash.image).collect();
    let mut crashes = 0;
    for image in images {
        let disk = SimulatedDisk::from_image(&image);
        let history = [loaded(&disk).expect("old or new, whole"), Some(8), None];
        run(&disk, &history, 1);
        for crash in disk.crashes() {
            assert_old_or_new(&crash, &history);
            crashes += 1;
        }
    }
    assert!(crashes > 5_000, "only {crashes} crashes");
}

#[test]
fn nothing_is_left_after_a_discard() {
    let image = BTreeMap::from(["", ".tmp", ".bad"].map(|end| (format!("{NAME}{end}"), encode(&small(1)))));
    let disk = SimulatedDisk::from_image(&image);
    run(&disk, &[Some(1), None], 1);
    for crash in disk.crashes().into_iter().filter(|crash| crash.acknowledged == 1) {
        assert_eq!(crash.image, Image::new());
    }
}

#[test]
fn what_is_set_aside_survives_any_crash_under_one_name_or_the_other() {
    let (damaged, older) = (b"damaged".to_vec(), b"older".to_vec());
    let bad = format!("{NAME}.bad");
    let image = BTreeMap::from([(NAME.to_owned(), damaged.clone()), (bad.clone(), older)]);
    let disk = SimulatedDisk::from_image(&image);
    let aside = store(&disk).set_aside().expect("no faults");
    assert_eq!(aside.file_name().expect("a name"), bad.as_str());
    disk.acknowledge(1);
    store(&disk).save(&small(1)).expect("no faults");
    disk.acknowledge(2);
    for crash in disk.crashes() {
        let kept = |name: &str| crash.image.get(name) == Some(&damaged);
        assert!(kept(NAME) || kept(&bad), "lost: {:?}", crash.image.keys());
        let now = loaded(&SimulatedDisk::from_image(&crash.image));
        match crash.acknowledged {
            0 => assert!(matches!(now, Err(_) | Ok(None))),
            1 => assert!(matches!(now, Ok(None | Some(1))), "{now:?}"),
            _ => assert_eq!(now, Ok(Some(1))),
        }
    }
}

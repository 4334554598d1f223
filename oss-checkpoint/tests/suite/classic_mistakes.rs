//! Programs with the classic mistakes of saving: the simulated disk finds each, and does not blame their right twins.

use crate::sample::small;
use crate::simulated_disk::{Crash, Image, SimulatedDisk};
use oss_checkpoint::{Dir, decode, encode};
use std::collections::BTreeMap;

const NAME: &str = "x.ossck";
const TEMP: &str = "x.ossck.tmp";

/// One save of a value by a program of its own.
type Save = fn(&SimulatedDisk, usize);
/// The value that the program would find: 0 when there is nothing, `None` when it would say *damaged*.
type Recover = fn(&Image) -> Option<usize>;

/// Saves 1 and 2 and counts the crashes after which neither the last acknowledged value nor one begun later is found.
fn wrong_states(save: Save, recover: Recover) -> usize {
    let disk = SimulatedDisk::default();
    for value in 1..=2 {
        disk.begin(value);
        save(&disk, value);
    }
    let crashes = disk.crashes();
    assert!(crashes.len() > 4, "only {} crashes", crashes.len());
    let right =
        |crash: &&Crash| recover(&crash.image).is_some_and(|value| (crash.acknowledged..=crash.begun).contains(&value));
    crashes.len() - crashes.iter().filter(right).count()
}

fn image(value: usize) -> Vec<u8> {
    encode(&small(value as u64))
}

fn snapshot(image: &Image) -> Option<usize> {
    let Some(bytes) = image.get(NAME) else { return Some(0) };
    decode(bytes).ok()?;
    (1..=2).find(|&value| *bytes == self::image(value))
}

fn temporary_file(disk: &SimulatedDisk, value: usize) -> <SimulatedDisk as Dir>::File {
    let mut file = disk.create(TEMP).expect("no faults");
    disk.write(&mut file, &image(value)).expect("no faults");
    file
}

fn all_steps(disk: &SimulatedDisk, value: usize) {
    let file = temporary_file(disk, value);
    disk.sync(file).expect("no faults");
    disk.rename(TEMP, NAME).expect("no faults");
    disk.sync_dir().expect("no faults");
    disk.acknowledge(value);
}

#[test]
fn the_right_order_of_steps_is_not_blamed() {
    assert_eq!(wrong_states(all_steps, snapshot), 0);
}

#[test]
fn a_rename_without_a_sync_of_the_file_is_found() {
    let save: Save = |disk, value| {
        temporary_file(disk, value);
        disk.rename(TEMP, NAME).expect("no faults");
        disk.sync_dir().expect("no faults");
        disk.acknowledge(value);
    };
    assert!(wrong_states(save, snapshot) > 0);
}

#[test]
fn a_rename_without_a_sync_of_the_directory_is_found() {
    let save: Save = |disk, value| {
        let file = temporary_file(disk, value);
        disk.sync(file).expect("no faults");
        disk.rename(TEMP, NAME).expect("no faults");
        disk.acknowledge(value);
    };
    assert!(wrong_states(save, snapshot) > 0);
}

#[test]
fn writing_over_the_file_in_place_is_found() {
    let save: Save = |disk, value| {
        let mut file = disk.open_in_place(NAME);
        disk.write(&mut file, &image(value)).expect("no faults");
        disk.sync(file).expect("no faults");
        disk.sync_dir().expect("no faults");
        disk.acknowledge(value);
    };
    assert!(wrong_states(save, snapshot) > 0);
}

#[test]
fn acknowledging_before_the_sync_is_found() {
    let save: Save = |disk, value| {
        let file = temporary_file(disk, value);
        disk.acknowledge(value);
        disk.sync(file).expect("no faults");
        disk.rename(TEMP, NAME).expect("no faults");
        disk.sync_dir().expect("no faults");
    };
    assert!(wrong_states(save, snapshot) > 0);
}

/// A record has two pieces, so that one can be lost: the value, filler, the value again, filler, checksum.
const RECORD: usize = 128;

fn append(disk: &SimulatedDisk, value: usize) {
    let mut record = [0xff; RECORD];
    let bytes = (value as u64).to_le_bytes();
    record[..8].copy_from_slice(&bytes);
    record[64..72].copy_from_slice(&bytes);
    let checksum = crc32fast::hash(&record[..RECORD - 4]);
    record[RECORD - 4..].copy_from_slice(&checksum.to_le_bytes());
    let mut file = disk.open_at_end(NAME);
    disk.write(&mut file, &record).expect("no faults");
    disk.sync(file).expect("no faults");
    disk.sync_dir().expect("no faults");
    disk.acknowledge(value);
}

/// The value of the last record that `whole` lets pass; `None` when its two halves disagree.
fn last_record(image: &Image, whole: fn(&[u8]) -> bool) -> Option<usize> {
    let bytes = image.get(NAME).map_or(&[][..], Vec::as_slice);
    let Some(record) = bytes.chunks_exact(RECORD).rfind(|record| whole(record)) else { return Some(0) };
    let value = |at: usize| record[at..at + 8].try_into().map(u64::from_le_bytes).expect("8 bytes");
    if value(0) == value(64) { usize::try_from(value(0)).ok() } else { None }
}

#[test]
fn a_journal_whose_records_have_no_checksum_is_found() {
    assert!(wrong_states(append, |image| last_record(image, |_| true)) > 0);
    let checked: Recover = |image| {
        last_record(image, |record| crc32fast::hash(&record[..RECORD - 4]).to_le_bytes() == record[RECORD - 4..])
    };
    assert_eq!(wrong_states(append, checked), 0, "with one, the same journal is right");
}

#[test]
fn a_snapshot_whose_checksum_is_not_looked_at_is_found() {
    let in_place: Save = |disk, value| {
        let mut file = disk.open_in_place(NAME);
        disk.write(&mut file, &image(value)).expect("no faults");
        disk.sync(file).expect("no faults");
        disk.sync_dir().expect("no faults");
        disk.acknowledge(value);
    };
    let generation: Recover = |image| {
        let Some(bytes) = image.get(NAME) else { return Some(0) };
        let field = bytes.get(20..28)?.try_into().expect("8 bytes");
        usize::try_from(u64::from_le_bytes(field)).ok()
    };
    assert!(wrong_states(in_place, generation) > 0);
}

#[test]
fn crashes_differ_by_what_was_acknowledged_too() {
    let disk = SimulatedDisk::from_image(&BTreeMap::from([(NAME.to_owned(), image(1))]));
    disk.begin(1);
    disk.acknowledge(1);
    assert_eq!(disk.crashes().len(), 3, "one image, three states of knowledge");
}

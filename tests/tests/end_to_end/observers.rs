//! Parts end on several threads; whoever is told of them is told in order.

use crate::{PART, request};
use oss_multipart::{Event, Progress};
use oss_tests::{World, bytes};
use std::sync::{Arc, Mutex};

const PARTS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_of_parts_on_many_threads_are_told_once_each_between_the_first_and_the_last() {
    let world = World::new();
    let file = world.file("data.bin", bytes(PARTS * PART));
    let (told, progress) = (Arc::<Mutex<Vec<Event>>>::default(), Progress::default());
    let (telling, counted) = (told.clone(), progress.clone());
    let request = request("key", &file).parallel(8).progress(&progress).on_event(move |event, _| {
        telling.lock().unwrap().push(event.clone());
        // The others find somebody telling, and leave theirs to him.
        std::thread::yield_now();
        let parts = telling.lock().unwrap().iter().filter(|event| matches!(event, Event::Part { .. })).count();
        assert_eq!(counted.sent(), (parts * PART) as u64, "counted when told");
    });
    let done = world.upload(request).await.unwrap();
    assert_eq!(done.size, (PARTS * PART) as u64);
    let told = told.lock().unwrap();
    let [Event::Started { .. }, parts @ .., Event::Completed(_)] = &told[..] else { panic!("{told:?}") };
    let mut numbers: Vec<_> = parts
        .iter()
        .map(|event| match event {
            Event::Part { number, reused: false, .. } => number.get() as usize,
            other => panic!("{other:?}"),
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=PARTS).collect::<Vec<_>>());
}

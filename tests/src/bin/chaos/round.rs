//! One round: a server, a file, and runs of the command until the object stands; then perhaps the same again.

use crate::damage;
use crate::judge::Judge;
use crate::publications::Publications;
use crate::run::{self, Ended, Plan};
use crate::script::{self, Blow, Moment, Shape};
use crate::server::{BUCKET, KEY, Server};
use crate::source::{Edit, Source};
use crate::tally::Tally;
use fastrand::Rng;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) seed: u64,
    pub(crate) oss: PathBuf,
    pub(crate) rng: Rng,
    pub(crate) server: Server,
    pub(crate) publications: Publications,
    pub(crate) source: Source,
    pub(crate) part_size: usize,
    pub(crate) parallel: u16,
    pub(crate) tally: Tally,
    /// The object must not be overwritten; whose it is decides who came first.
    pub(crate) forbid: bool,
    /// Size and CRC-64 of an object that somebody else stored.
    pub(crate) intruder: Option<(u64, u64)>,
    /// Why a run may find an object of ours that it cannot know to be ours.
    pub(crate) excuse: bool,
    pace: Duration,
    folder: TempDir,
}

impl Round {
    /// Plays the round of this seed. What is broken outside the command (no port, no disk) is an error.
    pub(crate) async fn play(seed: u64, oss: &Path, tally: Tally, until: Instant) -> Result<Tally, String> {
        let mut rng = Rng::with_seed(seed);
        let shape = Shape::random(&mut rng);
        let folder = TempDir::new().map_err(|error| error.to_string())?;
        let server = Server::start(shape.on_disk.then(|| folder.path().join("store")), shape.ahead).await?;
        let files = folder.path().join("files");
        fs::create_dir(&files).map_err(|error| error.to_string())?;
        let source = Source::create(files.join("data.bin"), shape.size, shape.part_size, &mut rng);
        let mut round = Self {
            seed,
            oss: oss.to_owned(),
            rng,
            publications: Publications::watch(&server.emulator),
            server,
            source: source.map_err(|error| error.to_string())?,
            part_size: shape.part_size,
            parallel: shape.parallel,
            tally,
            forbid: shape.forbid,
            intruder: None,
            // One PutObject has no checkpoint that remembers it.
            excuse: shape.size <= shape.part_size,
            pace: shape.pace,
            folder,
        };
        let mut judge = Judge::default();
        loop {
            round.lap(&mut judge, shape.disturbed_runs).await?;
            if Instant::now() > until || round.forbid || round.rng.u8(..5) < 3 {
                break;
            }
            round.edit_perhaps()?;
        }
        round.tally.rounds += 1;
        judge.close(&mut round);
        Ok(round.tally)
    }

    /// Runs until one says `completed`: disturbed ones first, and one in peace when none of those did.
    async fn lap(&mut self, judge: &mut Judge, disturbed_runs: u32) -> Result<(), String> {
        for _ in 0..disturbed_runs {
            script::set_faults(&self.server.emulator, &mut self.rng, self.pace);
            let plan = self.plan();
            if self.one_run(judge, plan).await? {
                return Ok(());
            }
            if self.rng.bool() {
                self.edit_perhaps()?;
            }
            self.meddle(judge);
            self.damage_perhaps(judge)?;
        }
        self.server.quiet().await;
        self.server.emulator.clear_faults();
        if !self.one_run(judge, Plan::default()).await? && !self.kept_from_overwriting() {
            self.violation("a run that nothing disturbed did not complete");
        }
        Ok(())
    }

    async fn one_run(&mut self, judge: &mut Judge, plan: Plan) -> Result<bool, String> {
        judge.before(self, &plan);
        let strikes = if self.tally.trace { format!("{:?}", plan.strikes) } else { String::new() };
        let ended = run::run(self, plan).await?;
        let success = ended.status.success();
        if self.tally.trace {
            self.show(&strikes, &ended);
        }
        // Mostly the next run finds the server at rest; sometimes late requests of this one are still under way.
        if success || self.rng.u8(..4) > 0 {
            self.server.quiet().await;
        }
        judge.after(self, &ended);
        match ended.rival {
            Some(rival) => self.rivalry(judge, Ended { rival: None, ..ended }, rival).await,
            None => Ok(success),
        }
    }

    /// The second process of a run: kept out by the first, or its successor.
    async fn rivalry(&mut self, judge: &mut Judge, first: Ended, rival: run::Rival) -> Result<bool, String> {
        judge.before(self, &Plan::default());
        let second = run::rival(self, rival).await?;
        if self.tally.trace {
            self.show("the second process", &second);
        }
        self.server.quiet().await;
        judge.rivals(self, &first, &second);
        Ok(first.status.success() || second.status.success())
    }

    fn show(&self, strikes: &str, ended: &Ended) {
        let versions: Vec<_> = self.source.versions()[ended.versions.clone()].iter().map(|v| v.size).collect();
        crate::say(&format!("run: seed {}, {strikes}, sizes {versions:?}, {}", self.seed, ended.status));
        for e in &ended.entries {
            let (id, code) = (e.upload_id.as_deref().unwrap_or("-"), e.code.as_deref().unwrap_or("-"));
            let reply = e.status.map_or("no reply".to_owned(), |status| status.to_string());
            let (part, fault) = (e.part_number.unwrap_or(0), e.fault.unwrap_or("-"));
            let words = if e.applied { "applied" } else { "not applied" };
            let open = if e.finished { "" } else { ", under way" };
            let name = e.operation.name();
            crate::say(&format!("  {} {name} {part} {id:.8}: {reply} {code} {fault} {words}{open}", e.sequence));
        }
        for line in ended.stdout.iter().filter(|line| !line.contains("\"event\":\"part\"")) {
            crate::say(&format!("  {line}"));
        }
        crate::say(&format!("  stderr: {}", ended.stderr.replace('\n', " | ")));
    }

    fn plan(&mut self) -> Plan {
        if self.rng.u8(..24) == 0 {
            self.part_size = script::part_size(&mut self.rng);
            self.source.set_part_size(self.part_size);
        }
        let strikes = (0..self.rng.usize(1..5)).map(|_| self.strike()).collect();
        let restart = self.rng.u8(..30) == 0;
        self.excuse |= restart;
        Plan { restart, strikes }
    }

    fn strike(&mut self) -> (Moment, Blow) {
        let blow = if self.forbid && self.rng.u8(..8) == 0 { Blow::Intrude } else { Blow::random(&mut self.rng) };
        (Moment::random(&mut self.rng, self.source.size()), blow)
    }

    fn edit_perhaps(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.usize(..3) {
            let edit = Edit::random(&mut self.rng);
            self.edit(edit)?;
        }
        Ok(())
    }

    pub(crate) fn edit(&mut self, edit: Edit) -> Result<(), String> {
        self.excuse = true;
        *self.tally.edits.entry(edit.name()).or_default() += 1;
        self.source.edit(edit, &mut self.rng).map_err(|error| format!("the file cannot be edited: {error}"))
    }

    /// Somebody aborts the upload, or the server loses a part.
    fn meddle(&mut self, judge: &mut Judge) {
        let roll = self.rng.u8(..40);
        let Some(upload) = self.server.emulator.uploads(BUCKET).pop().filter(|_| roll < 2) else { return };
        if roll == 0 {
            self.server.emulator.remove_upload(BUCKET, &upload.upload_id);
            self.tally.blow("uploads aborted by others");
        } else if let Some((number, _)) = upload.parts.first() {
            self.server.emulator.remove_part(BUCKET, &upload.upload_id, *number);
            judge.forget(&upload.upload_id, *number);
            self.tally.blow("parts lost by the server");
        }
    }

    /// Somebody damages the checkpoint, or the lock file that a killed run left: neither may cost more than the resume.
    fn damage_perhaps(&mut self, judge: &mut Judge) -> Result<(), String> {
        if self.rng.u8(..10) > 0 {
            return Ok(());
        }
        for path in self.left_beside() {
            let Some(name) = damage::strike(Path::new(&path), &mut self.rng).map_err(|error| error.to_string())? else {
                continue;
            };
            self.tally.blow(name);
            self.excuse = true;
            judge.checkpoint_lost(&self.server.emulator.uploads(BUCKET));
        }
        Ok(())
    }

    /// Somebody stores an object of another size than any the file has.
    pub(crate) async fn intrude(&mut self) {
        let content = vec![b'!'; usize::try_from(self.source.size()).unwrap_or(0) + 9_999_999];
        let (size, meant) = (content.len(), crate::source::crc64(&content));
        let answered = self.server.intrude(content).await;
        // As it was stored, reply or not: a scripted fault may have changed the bytes, and nobody is to blame for that.
        let stored = self.server.emulator.object_bytes(BUCKET, KEY).filter(|stored| stored.len() == size);
        if let Some(crc64) = stored.map(|stored| crate::source::crc64(&stored)).or(answered.then_some(meant)) {
            self.intruder = Some((size as u64, crc64));
        }
    }

    /// An object stands that the last run was right not to replace.
    fn kept_from_overwriting(&self) -> bool {
        let entries = self.server.emulator.ledger();
        let refused = entries.iter().rev().take(4).any(|entry| entry.code.as_deref() == Some("FileAlreadyExists"));
        self.forbid && refused && (self.intruder.is_some() || self.excuse)
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        let words = format!("{} (--seed {})", what.into(), self.seed);
        crate::say(&format!("VIOLATION: {words}"));
        self.tally.violations.push(words);
    }

    /// Everything beside the file: what runs left.
    pub(crate) fn left_beside(&self) -> Vec<String> {
        let mut names = Vec::new();
        let folders = [self.source.path().parent().map(Path::to_owned), Some(self.state_home())];
        for folder in folders.into_iter().flatten() {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            names.extend(entries.filter(|entry| entry.path() != self.source.path()).map(|entry| entry.path()));
        }
        names.iter().map(|path| path.display().to_string()).collect()
    }

    /// Where the command puts its state when it cannot put it beside the file: never, here.
    pub(crate) fn state_home(&self) -> PathBuf {
        self.folder.path().join("state")
    }
}

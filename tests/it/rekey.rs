//! Rekey: another ring key seals and everything is re-sealed while keys are lent; interrupted, it goes on; the old line can go at
//! the end, and not before.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cartkey::app::App;
use cartkey::domain::actor::Actor;
use cartkey::domain::id::{RequestId, StoreId};
use cartkey::domain::sealed::Sealed;
use cartkey::domain::secret::Secret;
use cartkey::flow::connecting::disconnect;
use cartkey::flow::lending::lend::{self, Request, Which};
use cartkey::flow::open_vault::open_vault;
use cartkey::flow::transfer::rekey::{self, Last, Rekeyed, Role, Step};
use cartkey::flow::transfer::seals;
use cartkey::flow::watching::watch;
use cartkey::storage::{Db, seals as sealed};
use cartkey::vault::{KeyRing, Place, RingSource, sealed_under};
use rustix::process::Signal;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{JoinHandle, JoinSet};

use crate::binary::{Installation, Running, client};
use crate::database::change;
use crate::grown;
use crate::migrations::WEBHOOKS_SAMPLE;
use crate::world::{BEGINNING, World, open};

fn ring(world: &World) -> PathBuf {
    world.folder.path().join("ring/master.key")
}

/// Starts with a ring of these lines only; the error is what ends start-up.
async fn starts_with(world: &World, lines: &[&str]) -> Result<(), String> {
    let path = world.folder.path().join("other.key");
    let _ = fs::remove_file(&path);
    KeyRing::parse(&lines.join("\n")).unwrap().save_new(&path).unwrap();
    let source = RingSource::File(path);
    open_vault(&world.app.db, &source, BEGINNING, &world.app.entropy).await.map(drop).map_err(|error| error.to_string())
}

/// A value in every sealed column, bound to its place.
async fn seal_one_of_each(app: &App) {
    let seal = |what, row: &str, origin: &str, user: &str| {
        grown::blob(app, &app.vault.seal(&app.entropy, &Place::of(what, row, origin, user), b"a secret"))
    };
    let attempt = "INSERT INTO attempts (id, user_id, home, scope, confirm, state, callback, browser, begun_from, status, created_at, expires_at)
                   VALUES ('at_1', 'm0', 'https://s0.example', 'read', 'app', 's', 'c', 'b', '192.0.2.1', 'connected', 1, 2);
                   INSERT INTO grants (id, attempt_id, woo_key_id, key_fingerprint, last7, scope, sealed, received_at, received_from,
                                       state, tries, claimed_until)
                   VALUES ('gr_1', 'at_1', 7, 'f', 'abcdefg', 'read',";
    let grant = seal(Sealed::Grant, "gr_1", "https://s0.example", "m0");
    change(&app.db, &format!("{attempt} {grant}, 1, '192.0.2.1', 'proven', 1, 0)")).await;
    let key = format!("ky_01jd{:022}", 0);
    let revocation = seal(Sealed::Revocation, &key, "https://s0.example", "m0");
    change(&app.db, &format!("UPDATE keys SET revocation = {revocation} WHERE id = '{key}'")).await;
    let hook = WEBHOOKS_SAMPLE.split_once("INSERT INTO deliveries").unwrap().0;
    change(&app.db, hook).await;
    let secret = seal(Sealed::WebhookSecret, "wh_1", "https://app.example/hook", "");
    let old = seal(Sealed::OldWebhookSecret, "wh_1", "https://app.example/hook", "");
    change(&app.db, &format!("UPDATE webhooks SET secret = {secret}, old_secret = {old}")).await;
    let factor = seal(Sealed::SecondFactor, "op_1", "", "");
    let operator = "INSERT INTO operators (id, name, password, second_factor, created_at, password_at) VALUES ('op_1', 'ann', 'hash',";
    change(&app.db, &format!("{operator} {factor}, 1, 2)")).await;
    let answer = seal(Sealed::Answer, "hash", "request", "");
    let key = "INSERT INTO idempotency_keys (id, token_id, request, claimed_by, claimed_until, expires_at, answer)
               SELECT 'hash', MIN(id), 'request', 'rq_1', 1, 2,";
    change(&app.db, &format!("{key} {answer} FROM tokens")).await;
}

/// Rekeys as a new process would, and is cut off at the `at`-th step; `None` if it was.
async fn rekey_until(app: &App, at: usize) -> Option<Rekeyed> {
    let (cut, steps) = (Notify::new(), AtomicUsize::new(0));
    let tell = |_: Step| {
        if steps.fetch_add(1, Ordering::Relaxed) + 1 == at {
            cut.notify_one();
        }
    };
    tokio::select! {
        biased;
        () = cut.notified() => None,
        rekeyed = rekey::run(app, tell) => Some(rekeyed.unwrap()),
    }
}

/// A rekey that runs, as a new process, and its steps.
async fn rekeying(world: &World) -> (JoinHandle<Result<Rekeyed, rekey::Error>>, UnboundedReceiver<Step>) {
    let command = world.replica().await;
    let (send, steps) = tokio::sync::mpsc::unbounded_channel();
    let running = tokio::spawn(async move {
        rekey::run(&command, |step| {
            let _ = send.send(step);
        })
        .await
    });
    (running, steps)
}

/// A replica with a ring file of its own, and the folder of that.
async fn elsewhere(world: &World) -> (App, PathBuf) {
    let folder = world.folder.path().join("elsewhere");
    fs::create_dir_all(folder.join("ring")).unwrap();
    fs::copy(ring(world), folder.join("ring/master.key")).unwrap();
    (open(&[], &world.database_url, &folder, world.client(), &world.clock).await, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rekey_under_load_that_is_interrupted_ten_times_ends_and_every_key_is_lent_throughout() {
    const STORES: usize = 2_000;
    let world = World::new().await;
    grown::connect_stores(&world.app, STORES).await;
    let token = grown::token(&world.app).await;
    seal_one_of_each(&world.app).await;
    let old = fs::read_to_string(ring(&world)).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let mut load = JoinSet::new();
    for start in 0..4 {
        let (app, token, over) = (world.app.clone(), token.clone(), Arc::clone(&over));
        load.spawn(async move {
            let mut n = start * 500;
            while !over.load(Ordering::Relaxed) {
                grown::lend(&app, &token, n % STORES).await;
                n += 7;
            }
        });
    }
    // The service says what it has, and learns which key seals; here it leaves re-sealing to the command.
    let (app, done) = (world.app.clone(), Arc::clone(&over));
    load.spawn(async move {
        while !done.load(Ordering::Relaxed) {
            rekey::enter(&app).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut interrupted = 0;
    let rekeyed = loop {
        // As a process of its own: it knows nothing but the database and the ring's file.
        let command = world.replica().await;
        match rekey_until(&command, if interrupted < 10 { 1 + interrupted / 5 } else { usize::MAX }).await {
            Some(rekeyed) => break rekeyed,
            None => interrupted += 1,
        }
        if interrupted == 7 {
            let new = fs::read_to_string(ring(&world)).unwrap().replace(&old, "");
            let refused = starts_with(&world, &[&new]).await.unwrap_err();
            assert!(refused.contains("is still needed by") && refused.contains("sealed values"), "{refused}");
        }
    };
    assert_eq!(interrupted, 10);
    over.store(true, Ordering::Relaxed);
    load.join_all().await;
    let text = fs::read_to_string(ring(&world)).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, old.trim()), "one key was added, not one each time");
    let id = |line: &str| line.split_once(':').unwrap().0.to_owned();
    assert_eq!(rekeyed.keys, [(id(lines[1]), Role::Seals), (id(lines[0]), Role::Unneeded)]);
    for what in Sealed::ALL {
        let all = sealed::all(&world.app.db, what, "", 10_000).await.unwrap();
        assert!(!all.is_empty(), "{what:?}");
        assert!(all.iter().all(|row| sealed_under(&row.sealed) == Some(&id(lines[1]))), "{what:?}");
    }
    let opened = seals::open(&world.app, None).await.unwrap();
    assert_eq!((opened.opened, opened.shut.len()), (STORES as u64 + 6, 0));

    // Run again, it begins no other; without the old line everything works.
    let again = rekey_until(&world.replica().await, usize::MAX).await.unwrap();
    assert_eq!((again.resealed, again.keys), (0, rekeyed.keys));
    starts_with(&world, &[lines[1]]).await.unwrap();
    let refused = starts_with(&world, &[lines[0]]).await.unwrap_err();
    assert!(refused.contains(&format!("lacks the key {}", id(lines[1]))), "{refused}");
    fs::write(ring(&world), lines[1]).unwrap();
    let without = open(&[], &world.database_url, world.folder.path(), world.client(), &world.clock).await;
    grown::lend_all(&without, &token, STORES).await;
}

#[tokio::test]
async fn what_is_written_meanwhile_is_not_replaced_by_what_was_there_before() {
    let world = World::new().await;
    grown::connect_stores(&world.app, 3).await;
    let page = sealed::all(&world.app.db, Sealed::Key, "", 10).await.unwrap();
    let newer = grown::blob(&world.app, b"newer");
    let id = page[1].id.clone();
    change(&world.app.db, &format!("UPDATE keys SET sealed = {newer} WHERE id = '{id}'")).await;
    let anew: Vec<_> = page.into_iter().map(|row| (row, b"older".to_vec())).collect();
    assert_eq!(sealed::replace(&world.app.db, Sealed::Key, &anew).await.unwrap(), 2);
    let now = sealed::all(&world.app.db, Sealed::Key, "", 10).await.unwrap();
    let texts: Vec<&[u8]> = now.iter().map(|row| row.sealed.as_slice()).collect();
    assert_eq!(texts, [b"older".as_slice(), b"newer", b"older"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_key_seals_before_every_replica_has_it() {
    let world = World::new().await;
    grown::connect_stores(&world.app, 10).await;
    let old = world.app.vault.key_ids().remove(0);
    let (far, folder) = elsewhere(&world).await;
    let (mut here_last, mut far_last) = (rekey::enter(&world.app).await.unwrap(), rekey::enter(&far).await.unwrap());
    let (running, mut steps) = rekeying(&world).await;
    let Some(Step::Added { key }) = steps.recv().await else { panic!("a key is added first") };
    loop {
        rekey::pass(&world.app, &mut here_last).await.unwrap();
        rekey::pass(&far, &mut far_last).await.unwrap();
        match steps.recv().await.unwrap() {
            // Once the one here has read its ring again, the other is still missing.
            Step::Lacking { processes: 1, .. } => break,
            Step::Lacking { processes: 2, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(far.vault.key_ids(), std::slice::from_ref(&old));
    assert_eq!(world.app.vault.key_ids(), [old.clone(), key.clone()], "it opens, and does not seal");
    // A key of that name that is another one is not taken for it.
    let right = fs::read_to_string(ring(&world)).unwrap();
    let strange = KeyRing::mint(&world.app.entropy).to_text().expose().split_once(':').unwrap().1.to_owned();
    fs::write(folder.join("ring/master.key"), format!("{}\n{key}:{strange}", right.lines().next().unwrap())).unwrap();
    let refused = rekey::pass(&far, &mut far_last).await.unwrap_err().to_string();
    assert!(refused.contains(&key) && !far.vault.has(&key), "{refused}");
    fs::write(folder.join("ring/master.key"), &right).unwrap();
    let rekeyed = loop {
        rekey::pass(&world.app, &mut here_last).await.unwrap();
        rekey::pass(&far, &mut far_last).await.unwrap();
        if running.is_finished() {
            break running.await.unwrap().unwrap();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(rekeyed.keys, [(key.clone(), Role::Seals), (old.clone(), Role::Unneeded)]);
    for app in [&world.app, &far] {
        assert_eq!(app.vault.key_ids(), [key.clone(), old.clone()]);
    }
    // One that starts without it is refused, and says so.
    fs::write(folder.join("ring/master.key"), right.lines().next().unwrap()).unwrap();
    let source = RingSource::File(folder.join("ring/master.key"));
    let refused = open_vault(&world.app.db, &source, BEGINNING, &world.app.entropy).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("lacks the key {key}, which is still needed by 10 sealed values")), "{refused}");
    let mut ann = world.operator().await;
    let text = ann.get("/admin/diagnostics").await.text();
    assert!(
        text.contains(&format!("the key {key} seals")) && text.contains(&format!("the key {old} is no longer needed")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_no_longer_in_the_ring_does_not_seal_and_two_rekeys_do_not_run_at_once() {
    let world = World::new().await;
    grown::connect_stores(&world.app, 3).await;
    let before = fs::read_to_string(ring(&world)).unwrap();
    rekey::enter(&world.app).await.unwrap();
    let (running, mut steps) = rekeying(&world).await;
    let Some(Step::Added { key }) = steps.recv().await else { panic!("a key is added first") };
    assert!(matches!(steps.recv().await, Some(Step::Lacking { processes: 1, .. })));
    let busy = rekey::run(&world.replica().await, |_| ()).await.unwrap_err().to_string();
    assert!(busy.contains("another “cartkey rekey” is running"), "{busy}");
    // The file is put back from a backup.
    fs::write(ring(&world), &before).unwrap();
    let refused = running.await.unwrap().unwrap_err().to_string();
    assert!(refused.contains(&format!("the key {key} is not in")), "{refused}");
    assert!(world.app.vault.key_ids().first() != Some(&key));
    assert_eq!(sealed::count_under(&world.app.db, &key).await.unwrap(), 0);
}

#[tokio::test]
async fn a_process_that_lacks_a_key_judges_nothing_and_lends_again_once_it_has_it() {
    let world = World::new().await;
    world.connect("m").await;
    let service = world.service("keys:read").await;
    // It has not recorded that it lives, so the rekey does not wait for it.
    let (behind, folder) = elsewhere(&world).await;
    rekey_until(&world.replica().await, usize::MAX).await.unwrap();
    let stands = async || crate::database::column(&world.app.db, "SELECT status || failures FROM stores").await;
    let before = stands().await;
    let lent = async || {
        let (token, id) = (Secret::new(service.token.clone()), RequestId::mint(behind.now(), &behind.entropy));
        let request = Request { token: &token, id: &id, from: [127, 0, 0, 1].into(), has: None };
        lend::keys(&behind, &request, &Which::User("m".parse().unwrap(), None))
            .await
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    let refused = lent().await.unwrap_err();
    assert!(refused.contains("the key ring of this process lacks the key"), "{refused}");
    world.clock.advance(std::time::Duration::from_hours(25));
    watch::check_due(&behind).await.unwrap();
    let store: StoreId = crate::database::column(&world.app.db, "SELECT id FROM stores").await[0].parse().unwrap();
    watch::check(&behind, &store, &Actor::new("test")).await.unwrap_err();
    disconnect::disconnect(&behind, &store, &Actor::new("test")).await.unwrap_err();
    assert_eq!(stands().await, before, "the store is as it was");
    fs::copy(ring(&world), folder.join("ring/master.key")).unwrap();
    rekey::pass(&behind, &mut Last::default()).await.unwrap();
    assert_eq!(lent().await, Ok(()));
}

#[tokio::test]
async fn what_does_not_open_keeps_the_old_line_and_hinders_nothing_else() {
    let world = World::new().await;
    grown::connect_stores(&world.app, 5).await;
    let old = world.app.vault.key_ids().remove(0);
    change(&world.app.db, "UPDATE stores SET user_id = 'mallory' WHERE user_id = 'm3'").await;
    let rekeyed = rekey_until(&world.replica().await, usize::MAX).await.unwrap();
    assert_eq!((rekeyed.resealed, &rekeyed.keys[1]), (4, &(old.clone(), Role::Needed(1))));
    let new = rekeyed.keys[0].0.clone();
    // It can be rekeyed once more all the same.
    let again = rekey_until(&world.replica().await, usize::MAX).await.unwrap();
    assert_eq!((again.resealed, again.keys.len()), (4, 3), "{again:?}");
    assert!(again.keys.contains(&(new, Role::Unneeded)) && again.keys.contains(&(old, Role::Needed(1))), "{again:?}");
    // Once the row is put right, it is re-sealed, and the line can go.
    change(&world.app.db, "UPDATE stores SET user_id = 'm3' WHERE user_id = 'mallory'").await;
    let app = world.replica().await;
    assert_eq!(rekey::pass(&app, &mut Last::default()).await.unwrap(), 1);
    assert!(rekey::roles(&app).await.unwrap().iter().skip(1).all(|(_, role)| *role == Role::Unneeded));
}

#[tokio::test]
async fn a_ring_that_is_no_file_is_changed_by_whoever_keeps_it() {
    let world = World::new().await;
    let text = fs::read_to_string(ring(&world)).unwrap();
    let mut app = world.app.clone();
    app.ring = Some(RingSource::Command(format!("cat {}", ring(&world).display())));
    let refused = rekey::run(&app, |_| ()).await.unwrap_err().to_string();
    assert!(refused.contains("the output of CARTKEY_MASTER_KEY_COMMAND: add a line"), "{refused}");
    let more = KeyRing::mint(&world.app.entropy).to_text();
    fs::write(ring(&world), format!("{text}{}", more.expose())).unwrap();
    let mut app = world.replica().await;
    app.ring = None;
    let rekeyed = rekey::run(&app, |_| ()).await.unwrap();
    assert_eq!(rekeyed.keys[0].0, more.expose().split_once(':').unwrap().0, "the line that was added");
}

/// The real processes, killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rekey_whose_processes_are_killed_goes_on_while_keys_are_lent() {
    const STORES: usize = 2_000;
    let here = Installation::new().await;
    assert_eq!(here.run(&["token", "list"]).code, Some(0));
    let ring = here.folder.path().join("data/master.key");
    let world = World::new().await;
    let db = Db::open(&here.settings["CARTKEY_DATABASE_URL"]).await.unwrap();
    let vault = open_vault(&db, &RingSource::File(ring.clone()), BEGINNING, &world.app.entropy).await.unwrap();
    let mut app = world.app.clone();
    (app.db, app.vault) = (db, vault);
    grown::connect_stores(&app, STORES).await;
    let token = here.token("keys:read");
    let serving = here.serve().await;
    let lends = async |serving: &Running, n: usize| {
        let path = format!("/api/v1/users/m{n}/keys");
        let (status, keys) = serving.ask(&client(), hyper::Method::GET, &path, &token, "").await;
        assert_eq!(status, 200, "{keys}");
    };
    for words in ["added the key", "seals from now on"] {
        let mut command = Running::start(here.command(&["rekey"]));
        command.logged_line(words).await;
        command.tell(Signal::KILL);
        command.ended().await;
        for n in 0..20 {
            lends(&serving, n * 97).await;
        }
    }
    let ran = here.run(&["rekey"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains("\tseals\n") && ran.out.contains("\tno longer needed"), "{ran:?}");
    drop(serving);
    let text = fs::read_to_string(&ring).unwrap();
    assert_eq!(text.lines().count(), 2);
    fs::write(&ring, text.lines().next().unwrap()).unwrap();
    let refused = here.run(&["serve"]);
    assert!(refused.err.contains(&format!("still needed by {STORES} sealed values")), "{refused:?}");
    fs::write(&ring, text.lines().nth(1).unwrap()).unwrap();
    let serving = here.serve().await;
    for n in (0..STORES).step_by(50) {
        lends(&serving, n).await;
    }
}

#[tokio::test]
async fn the_program_starts_with_a_ring_from_a_variable_a_credential_or_a_command() {
    let here = Installation::new().await;
    assert_eq!(here.run(&["token", "list"]).code, Some(0));
    let ring = here.folder.path().join("data/master.key");
    let text = fs::read_to_string(&ring).unwrap();
    let credentials = here.folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::rename(&ring, credentials.join("cartkey.master.key")).unwrap();
    let lost = here.run(&["token", "list"]);
    assert!(lost.complaint().1.contains("is missing"), "{lost:?}");
    let run = |name: &str, value: &str| {
        let mut command = here.command(&["doctor"]);
        crate::binary::Ran::of(command.env(name, value).output().unwrap())
    };
    let folder = credentials.to_str().unwrap().to_owned();
    for (name, value, says) in [
        ("CREDENTIALS_DIRECTORY", folder.clone(), "cartkey.master.key"),
        ("CARTKEY_MASTER_KEY_TEXT", text.clone(), "CARTKEY_MASTER_KEY_TEXT"),
        (
            "CARTKEY_MASTER_KEY_COMMAND",
            format!("cat {folder}/cartkey.master.key"),
            "the output of CARTKEY_MASTER_KEY_COMMAND",
        ),
    ] {
        let ran = run(name, &value);
        assert!(ran.out.contains("ok    key ring in ") && ran.out.contains(says), "{name}: {ran:?}");
        let secret = text.trim().split_once(':').unwrap().1;
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret), "{name}");
    }
    let failed = run("CARTKEY_MASTER_KEY_COMMAND", "false");
    assert!(failed.err.contains("CARTKEY_MASTER_KEY_COMMAND failed (exit status: 1)"), "{failed:?}");
    let both = here
        .command(&["doctor"])
        .env("CARTKEY_MASTER_KEY", "x")
        .env("CARTKEY_MASTER_KEY_TEXT", "k1:x")
        .output()
        .unwrap();
    let both = crate::binary::Ran::of(both);
    assert!(both.complaint().1.contains("CARTKEY_MASTER_KEY and CARTKEY_MASTER_KEY_TEXT are both set"), "{both:?}");
}

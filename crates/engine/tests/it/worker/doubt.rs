//! Commits that were made and whose answer was lost: nobody else takes those jobs over while the worker lives.

use std::sync::atomic::{AtomicBool, Ordering};

use store::DatabaseUrl;
use store::queue::Claim;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// A way to the server on which, while it is armed, connections are lost.
struct Way {
    url: DatabaseUrl,
    armed: Arc<AtomicBool>,
}

/// How a connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// It breaks once the server has made a commit, and before its answer is heard.
    Breaks,
    /// Then nothing is heard of it any more, and nobody is told.
    FallsSilent,
    /// Whatever is asked does not arrive, and nobody is told before the way is good again.
    Swallows,
}

impl Way {
    async fn to(database: &Database, lost: Lost) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = url::Url::parse(database.url.reveal().expose()).unwrap();
        let mut own = url.clone();
        own.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        own.set_host(Some("127.0.0.1")).unwrap();
        let server = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let armed = Arc::new(AtomicBool::new(false));
        let is_armed = Arc::clone(&armed);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&is_armed), lost));
            }
        });
        Self { url: DatabaseUrl::parse(own.as_str()).unwrap(), armed }
    }

    fn arm(&self, armed: bool) {
        self.armed.store(armed, Ordering::SeqCst);
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    armed: Arc<AtomicBool>,
    lost: Lost,
) -> std::io::Result<()> {
    let (mut asked, mut answered) = ([0; 8_192], [0; 8_192]);
    let is_armed = || armed.load(Ordering::SeqCst);
    let mut is_doomed = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = &asked[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                if lost == Lost::Swallows && is_armed() {
                    while is_armed() {
                        breathe(5).await;
                    }
                    return Ok(());
                }
                is_doomed |= is_armed() && bytes.windows(6).any(|word| word == b"COMMIT");
                server.write_all(bytes).await?;
            }
            read = server.read(&mut answered) => {
                let bytes = &answered[..read?];
                match lost {
                    Lost::FallsSilent if is_doomed => std::future::pending().await,
                    _ if is_doomed || bytes.is_empty() => return Ok(()),
                    _ => client.write_all(bytes).await?,
                }
            }
        }
    }
}

/// A worker that reaches the server over a way where connections may be lost; whoever tests it has another. `None` without a server.
async fn working_over(lost: Lost, seed: u64) -> Option<(Way, Rig, JoinHandle<()>)> {
    let database = Database::postgres().await?;
    let way = Way::to(&database, lost).await;
    let mut rig = Rig::new(Database::by(way.url.clone()).await, seed);
    let worker = rig.worker();
    rig.database = database;
    let task = tokio::spawn(async move { worker.run().await });
    rig.quiet().await;
    Some((way, rig, task))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_was_lost_is_run_by_the_worker_that_made_it() {
    let Some((way, rig, task)) = working_over(Lost::Breaks, 21).await else { return };
    rig.script("fails", &[Act::Retry]);
    way.arm(true);
    for name in ["a", "b", "fails"] {
        rig.enqueue(1, name).await;
    }
    rig.clock.advance(2_000);
    for _ in 0..4_000 {
        if rig.states().await == (0, 3, 0) {
            break;
        }
        breathe(5).await;
    }
    rig.quiet().await;
    assert_eq!(rig.states().await, (0, 3, 0));
    assert_eq!(rig.runs(), 0, "it was not heard that they are held");
    way.arm(false);
    // Before any lease runs out.
    rig.turn_until(4_000, |rig| rig.runs() == 3).await;
    rig.turn_until(20_000, |rig| rig.runs() == 4).await;
    rig.stop.set();
    task.await.unwrap();
    assert_eq!(rig.states().await, (0, 0, 0));
    assert_eq!(*lock(&rig.script.twice), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_is_never_answered_is_given_up_and_what_it_claimed_is_run() {
    let Some((way, rig, task)) = working_over(Lost::FallsSilent, 23).await else { return };
    rig.enqueue(1, "a").await;
    way.arm(true);
    // It looks by itself, and its heart does not beat meanwhile.
    rig.clock.advance(1_000);
    for _ in 0..4_000 {
        if rig.states().await == (0, 1, 0) {
            break;
        }
        breathe(5).await;
    }
    way.arm(false);
    rig.quiet().await;
    assert_eq!((rig.states().await, rig.runs()), ((0, 1, 0), 0));
    let registered = store::workers::list(&rig.database.db).await.unwrap();
    let mut waited_ms = 0;
    while rig.runs() == 0 {
        assert!(waited_ms < 90_000, "the turn is still waited for");
        rig.clock.advance(500);
        rig.quiet().await;
        waited_ms += 500;
    }
    assert!(waited_ms > 50_000, "{waited_ms}");
    let still = store::workers::list(&rig.database.db).await.unwrap();
    assert_eq!((still.len(), &still[0].worker), (1, &registered[0].worker), "it lived all the time");
    rig.stop.set();
    task.await.unwrap();
    assert_eq!(rig.states().await, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hears_nothing_leaves_its_jobs_when_its_lease_ends_and_begins_anew() {
    let Some((way, rig, task)) = working_over(Lost::Swallows, 24).await else { return };
    rig.script("long", &[Act::Hang]);
    rig.enqueue(1, "long").await;
    rig.turn_until(1_900, |rig| rig.runs() == 1).await;
    way.arm(true);
    rig.turn_until(7_000, |rig| lock(&rig.script.running).is_empty()).await;
    way.arm(false);
    rig.turn_until(30_000, |rig| rig.runs() == 2).await;
    rig.stop.set();
    task.await.unwrap();
    assert_eq!(rig.states().await, (0, 0, 0));
    assert_eq!(*lock(&rig.script.twice), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_heartbeat_that_is_never_answered_costs_nothing() {
    let Some((way, rig, task)) = working_over(Lost::Swallows, 25).await else { return };
    rig.script("long", &[Act::Hang]);
    rig.enqueue(1, "long").await;
    rig.turn_until(1_900, |rig| rig.runs() == 1).await;
    way.arm(true);
    rig.turn_until(2_000, |rig| rig.clock.now().since(NOW) >= 2_500).await;
    way.arm(false);
    rig.turn_until(20_000, |rig| rig.clock.now().since(NOW) >= 15_000).await;
    assert_eq!((rig.states().await, rig.runs()), ((0, 1, 0), 1));
    rig.stop.set();
    rig.turn_until(20_000, |_| task.is_finished()).await;
    task.await.unwrap();
    assert_eq!(rig.states().await, (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_has_as_held_here_is_looked_at_now_and_then() {
    for database in Database::each().await {
        let rig = Rig::new(database, 22);
        let db = &rig.database.db;
        let worker = rig.worker();
        let task = tokio::spawn(async move { worker.run().await });
        rig.quiet().await;
        rig.enqueue(1, "known").await;
        rig.turn_until(2_000, |rig| rig.runs() == 1).await;
        // A commit that the server makes long after the connection broke.
        let registered = store::workers::list(db).await.unwrap();
        let due_at = rig.clock.now().plus(1_000);
        let order = Order { org: OrgId(1), due_at, trace: None };
        let node = rig.node(&rig.clock, NodeLimits::default());
        let job = Scripted { script: rig.number, name: "late".to_owned() }.new_job(&node, order);
        let mut tx = db.begin().await.unwrap();
        queue::enqueue(&mut tx, &[job], rig.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
        let ask = Claim {
            worker: registered[0].worker.clone(),
            limit: 9,
            kinds: Arc::new(["scripted"]),
            per_org_max: 9,
            held: BTreeMap::new(),
            after: OrgId(0),
        };
        assert_eq!(queue::claim(db, ask, due_at).await.unwrap().jobs.len(), 1);
        rig.turn_until(12_000, |rig| rig.runs() == 2).await;
        rig.stop.set();
        task.await.unwrap();
        assert_eq!(rig.states().await, (0, 0, 0));
        assert_eq!(store::workers::list(&rig.database.db).await.unwrap(), vec![]);
    }
}

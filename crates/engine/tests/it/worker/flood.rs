//! One organization's flood, and whoever comes beside it.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_ahead_of_one_organization_keeps_nobody_waiting() {
    for database in Database::each().await {
        let rig = Rig::new(database, 15);
        let limits = NodeLimits { concurrency: 16, per_org: 12, ..NodeLimits::default() };
        // Short jobs, of which many are claimed at a time; then such as take long.
        for number in 0..48 {
            rig.enqueue(1, &format!("short {number}")).await;
        }
        rig.clock.advance(1);
        for number in 0..36 {
            let name = format!("long {number}");
            rig.script(&name, &[Act::Gate]);
            rig.enqueue(1, &name).await;
        }
        let worker = Worker::new(rig.node(&rig.clock, limits), REGISTRY);
        let works = tokio::spawn(async move { worker.run().await });
        rig.until(|rig| rig.runs() == 48 + 12).await;
        rig.turn_until(1_000, |rig| lock(&rig.script.running).len() == 12).await;
        assert!(rig.states().await.1 >= 16, "{:?}", rig.states().await);
        rig.enqueue(2, "other").await;
        rig.until(|rig| lock(&rig.script.runs).iter().any(|run| run == "2 other")).await;
        assert_eq!(lock(&rig.script.running).len(), 12, "the long ones run on");
        for _ in 0..400 {
            rig.script.open.notify_waiters();
            if rig.states().await == (0, 0, 0) {
                break;
            }
            rig.clock.advance(10);
            breathe(5).await;
        }
        rig.stop.set();
        works.await.unwrap();
        assert_eq!(rig.states().await, (0, 0, 0));
        assert!(lock(&rig.script.twice).is_empty());
    }
}

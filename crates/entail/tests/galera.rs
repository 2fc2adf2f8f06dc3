//! A shop's load on all nodes of a Galera cluster at once, while a node goes and comes back.
//!
//! `cargo xtask galera` starts the cluster and runs this. Orders are placed, changed and cancelled
//! as graphs of objects; each worker writes down what was acknowledged. In the end every node must
//! have exactly that: nothing acknowledged is lost, and nothing is there twice.
#![cfg(all(feature = "mysql", feature = "uuid"))]

use std::collections::BTreeMap;
use std::env;
use std::thread;
use std::time::{Duration, Instant};

use entail::prelude::*;
use entail::{FlushError, Uuid};

#[derive(Entity)]
#[entity(table = "customers")]
struct Customer {
    #[key]
    id: i64,
    /// How many orders there are: every order of every worker changes it.
    orders_open: i64,
    #[version]
    version: i64,
    #[has_many(Order::CUSTOMER, cascade = "all, delete-orphan")]
    orders: HasMany<Order>,
}

#[derive(Entity)]
#[entity(table = "orders")]
struct Order {
    #[key]
    #[column(default = Uuid::now_v7())]
    id: Uuid,
    revision: i64,
    #[belongs_to(column = "customer_id", back_populates = Customer::ORDERS)]
    customer: BelongsTo<Customer>,
    #[has_many(Item::ORDER, cascade = "all, delete-orphan")]
    items: HasMany<Item>,
}

#[derive(Entity)]
#[entity(table = "items")]
struct Item {
    #[key]
    #[column(default = Uuid::now_v7())]
    id: Uuid,
    quantity: i64,
    #[belongs_to(column = "order_id", back_populates = Order::ITEMS)]
    order: BelongsTo<Order>,
}

const CUSTOMERS: i64 = 10;
const WORKERS_PER_NODE: usize = 2;

/// What an order has: its revision, and the quantities of its items.
type Content = (i64, BTreeMap<Uuid, i64>);

/// What a worker knows of its orders: one content that was acknowledged (none if the order was
/// cancelled), or two where an answer got lost on the way.
type Known = BTreeMap<Uuid, Vec<Option<Content>>>;

/// How attempts ended.
#[derive(Debug, Default)]
struct Tally {
    done: u64,
    given_up: u64,
    unanswered: u64,
    tries: u64,
}

fn mapping() -> Mapping {
    mapping![Customer, Order, Item].expect("the mapping is right")
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let Ok(urls) = env::var("ENTAIL_GALERA_URLS") else {
        eprintln!("SKIPPED: `cargo xtask galera` starts the cluster that this test needs");
        return;
    };
    let seconds = env::var("ENTAIL_GALERA_SECONDS").ok().and_then(|text| text.parse().ok());
    let urls: Vec<String> = urls.split(',').map(str::to_owned).collect();
    let time = Duration::from_secs(seconds.unwrap_or(30));
    block_on(prepare(&urls[0]));
    let end = Instant::now() + time;
    let workers: Vec<_> = urls
        .iter()
        .flat_map(|url| (0..WORKERS_PER_NODE).map(|_| url.clone()))
        .map(|url| thread::spawn(move || block_on(work(url, end))))
        .collect();
    let mut all = Known::new();
    for worker in workers {
        let (known, tally) = worker.join().expect("a worker does not panic");
        println!("worker: {} orders known, {tally:?}", known.len());
        assert!(tally.done > 0);
        all.extend(known);
    }
    for url in &urls {
        block_on(compare(url, &all));
        println!("{url}: {} orders as they were acknowledged", all.len());
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime").block_on(future)
}

async fn prepare(url: &str) {
    let first = Database::connect(url, mapping()).await.expect("the first node is there");
    first.create_all().await.expect("the tables are new");
    let mut session = first.session();
    session.add_all((1..=CUSTOMERS).map(|id| Customer::new(id, 0)));
    session.commit().await.expect("the customers are new");
}

/// One worker: a node that does not answer is tried until it does.
async fn work(url: String, end: Instant) -> (Known, Tally) {
    let (mut known, mut tally) = (Known::new(), Tally::default());
    let mut db = None;
    while Instant::now() < end {
        if db.is_none() {
            db = Database::connect(&url, mapping()).await.ok();
        }
        let Some(open) = &db else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            continue;
        };
        let change = Change::choose(&known);
        let before = known.get(&change.order).and_then(|states| states[0].clone());
        let (result, tries) = change.clone().carry_out(open.clone()).await;
        tally.tries += tries;
        match result {
            Ok(()) => {
                tally.done += 1;
                known.insert(change.order, vec![change.outcome(before.as_ref())]);
            }
            // The database has rolled it back, as often as it was tried.
            Err(error) if is_conflict(&error) => tally.given_up += 1,
            // Whether the last word before silence was carried out, nobody knows.
            Err(error) => {
                assert!(matches!(error, Error::Driver(_)), "{error}");
                tally.unanswered += 1;
                let after = change.outcome(before.as_ref());
                known.insert(change.order, vec![before, after]);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
    (known, tally)
}

/// Others were in the way.
fn is_conflict(error: &Error) -> bool {
    error.is_retryable() || matches!(error, Error::Flush(FlushError::Stale { .. }))
}

/// One change of one order, fixed before it is tried for the first time.
#[derive(Clone)]
struct Change {
    order: Uuid,
    customer: i64,
    kind: Kind,
    /// For a new order, or for an item that is added: the keys and quantities.
    items: Vec<(Uuid, i64)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Place,
    /// The first item gets another quantity, one is added, the last one goes.
    Edit,
    Cancel,
}

impl Change {
    /// Places an order, or takes one of those whose content is sure.
    fn choose(known: &Known) -> Self {
        let sure: Vec<_> = known
            .iter()
            .filter(|(_, states)| matches!(states.as_slice(), [Some(_)]))
            .map(|(order, _)| *order)
            .collect();
        let kind = match fastrand::u8(0..10) {
            _ if sure.is_empty() => Kind::Place,
            0..5 => Kind::Place,
            5..8 => Kind::Edit,
            _ => Kind::Cancel,
        };
        let order = match kind {
            Kind::Place => Uuid::now_v7(),
            Kind::Edit | Kind::Cancel => sure[fastrand::usize(..sure.len())],
        };
        let count = if kind == Kind::Place { fastrand::usize(1..5) } else { 1 };
        let items = (0..count).map(|_| (Uuid::now_v7(), fastrand::i64(1..100))).collect();
        // The customer of an order follows from its key, so that all agree on it.
        let customer = (order.as_u128() % CUSTOMERS as u128) as i64 + 1;
        Self { order, customer, kind, items }
    }

    /// The content afterwards.
    fn outcome(&self, before: Option<&Content>) -> Option<Content> {
        match (self.kind, before) {
            (Kind::Place, _) => Some((1, self.items.iter().copied().collect())),
            (Kind::Cancel, _) | (Kind::Edit, None) => None,
            (Kind::Edit, Some((revision, items))) => {
                let mut items = items.clone();
                let (added, quantity) = self.items[0];
                if let Some(mut first) = items.first_entry() {
                    *first.get_mut() = quantity;
                }
                if items.len() > 1 {
                    items.pop_last();
                }
                items.insert(added, quantity);
                Some((revision + 1, items))
            }
        }
    }

    /// Does it, and says how often it was tried.
    async fn carry_out(self, db: Database) -> (Result<(), Error>, u64) {
        let (mut tries, mut stale) = (0, 0);
        loop {
            let result = db
                .transaction(async |session| {
                    tries += 1;
                    self.apply(session).await
                })
                .await;
            match result {
                // Somebody else changed the customer since it was read: read it again.
                Err(Error::Flush(FlushError::Stale { .. })) if stale < 50 => stale += 1,
                result => return (result, tries),
            }
        }
    }

    async fn apply(&self, session: &mut Session) -> Result<(), Error> {
        let customer = session.get_by_key::<Customer>(self.customer).await?;
        let customer = customer.expect("customers stay");
        match self.kind {
            Kind::Place => {
                session[customer].orders_open += 1;
                let item = |&(id, quantity): &(Uuid, i64)| Item { id, ..Item::new(quantity) };
                let items = self.items.iter().map(item).collect();
                let order = Order { id: self.order, revision: 1, customer: unset(), items };
                session.push(customer, Customer::ORDERS, order);
            }
            Kind::Edit => {
                let order = self.load(session).await?;
                session[order].revision += 1;
                let (id, quantity) = self.items[0];
                let mut items = session.many(order, Order::ITEMS)?;
                items.sort_by_key(|&item| session[item].id);
                session[items[0]].quantity = quantity;
                if let [_, .., last] = items[..] {
                    session.remove(order, Order::ITEMS, last);
                }
                session.push(order, Order::ITEMS, Item { id, ..Item::new(quantity) });
            }
            Kind::Cancel => {
                session[customer].orders_open -= 1;
                let order = self.load(session).await?;
                session.delete(order)?;
            }
        }
        Ok(())
    }

    async fn load(&self, session: &mut Session) -> Result<Handle<Order>, Error> {
        let found = session.query::<Order>().filter(Order::ID.eq(self.order));
        found.with(Order::ITEMS).one().await
    }
}

/// Compares what a node has with what was acknowledged.
async fn compare(url: &str, known: &Known) {
    let db = Database::connect(url, mapping()).await.expect("the node is there");
    let mut session = db.session();
    // A node answers only when it has everything that was committed elsewhere before.
    session.execute("SET SESSION wsrep_sync_wait = 15", []).await.expect("it is a node");
    let customers = session
        .query::<Customer>()
        .with(Customer::ORDERS.then(Order::ITEMS))
        .all()
        .await
        .expect("the node answers");
    let mut found = BTreeMap::new();
    for customer in customers {
        let orders = session.many(customer, Customer::ORDERS).expect("they are loaded");
        assert_eq!(session[customer].orders_open, orders.len() as i64, "no update was lost");
        for order in orders {
            let items = session.many(order, Order::ITEMS).expect("they are loaded");
            let items = items.iter().map(|&item| (session[item].id, session[item].quantity));
            let content = (session[order].revision, items.collect());
            assert!(found.insert(session[order].id, content).is_none(), "it is there twice");
        }
    }
    for (order, states) in known {
        let content: Option<Content> = found.remove(order);
        assert!(states.contains(&content), "order {order}: {content:?} is none of {states:?}");
    }
    assert!(found.is_empty(), "nobody placed {found:?}");
}

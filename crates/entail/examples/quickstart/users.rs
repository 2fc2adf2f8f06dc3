//! A user who owns addresses: `all, delete-orphan`.

use entail::prelude::*;

use crate::tour::{self, Tour};

#[derive(Entity)]
#[entity(table = "users")]
pub struct User {
    #[key]
    pub id: Auto<i64>,
    #[column(unique, length = 50)]
    pub username: String,
    #[has_many(Address::USER, cascade = "all, delete-orphan")]
    pub addresses: HasMany<Address>,
}

#[derive(Entity)]
#[entity(table = "addresses")]
pub struct Address {
    #[key]
    pub id: Auto<i64>,
    #[column(length = 200)]
    pub street: String,
    #[belongs_to(column = "user_id", back_populates = User::ADDRESSES)]
    pub user: BelongsTo<User>,
}

pub async fn chapter() -> Result<(), Error> {
    tour::title("1. A user owns addresses: cascade = \"all, delete-orphan\"");
    let db = Database::connect("sqlite::memory:", mapping![User, Address]?).await?;
    db.create_all().await?;
    let tour = Tour::new(&db, &["users", "addresses"]);
    let mut session = db.session();

    tour.step(
        "Add two users",
        "Adding ed adds the addresses that he was made with: that is the save-update cascade. The \
         database will give the keys; in the plan, $0 stands for the first key that it gives.",
    )
    .await?;
    code! {
        let ed = session.add(User {
            id: auto(),
            username: "ed".into(),
            addresses: many![
                Address::new("1 Main St"), Address::new("2 High St"), Address::new("3 Mill Ln")
            ],
        });
        let mary = session.add(User::new("mary"));
    }
    tour.commit(&mut session).await?;
    assert_eq!(session[ed].id, 1);
    let [main, high, _mill] = session.many(ed, User::ADDRESSES)?[..] else {
        panic!("three addresses were added");
    };

    tour.step(
        "Remove one address",
        "An address without its user is an orphan, and delete-orphan says that orphans are \
         deleted. Without that word its key would become NULL.",
    )
    .await?;
    code! { session.remove(ed, User::ADDRESSES, main); }
    tour.commit(&mut session).await?;
    assert_eq!(session.state(main), State::Detached);
    assert_eq!(
        tour.rows("select street, user_id from addresses").await?,
        ["2 High St 1", "3 Mill Ln 1"]
    );

    tour.step(
        "Move one to another user",
        "An address that goes from one list to another is no orphan: it is one UPDATE. Both sides \
         change at once, so ed's list is shorter already before the flush.",
    )
    .await?;
    code! { session.push(mary, User::ADDRESSES, high); }
    assert_eq!(session.many(ed, User::ADDRESSES)?.len(), 1);
    assert_eq!(session.one(high, Address::USER)?, Some(mary));
    tour.commit(&mut session).await?;
    assert_eq!(
        tour.rows("select street, user_id from addresses").await?,
        ["2 High St 2", "3 Mill Ln 1"]
    );

    tour.step(
        "Delete a user",
        "The delete cascade takes along what ed owns, and the plan deletes in the order that the \
         foreign key asks for: addresses first.",
    )
    .await?;
    code! { session.delete(ed)?; }
    tour.commit(&mut session).await?;
    assert_eq!(session.state(ed), State::Detached);

    tour.step(
        "Delete a user whose addresses nobody has loaded",
        "A new session knows mary, but not her addresses. Nothing is loaded for the delete: the \
         flush reaches them with one statement, by the key of their user.",
    )
    .await?;
    let mut session = db.session();
    code! {
        let mary = session.query::<User>().filter(User::USERNAME.eq("mary")).one().await?;
        session.delete(mary)?;
    }
    tour.commit(&mut session).await?;
    assert!(tour.rows("select * from users").await?.is_empty());
    assert!(tour.rows("select * from addresses").await?.is_empty());
    Ok(())
}

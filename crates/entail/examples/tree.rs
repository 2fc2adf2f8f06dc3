//! A tree of categories: a table that refers to itself.
//!
//! ```text
//! cargo run --example tree
//! ```
//!
//! It saves a tree in one flush, loads it level by level, moves a branch, deletes a subtree with
//! its leaves first, cuts a branch off, which makes it an orphan, and deletes a subtree that
//! nobody has loaded.

#![allow(missing_docs)]

use entail::prelude::*;

#[derive(Entity)]
#[entity(table = "categories")]
pub struct Category {
    #[key]
    pub id: Auto<i64>,
    #[column(unique, length = 50)]
    pub name: String,
    // A root has no parent, so the key can be NULL.
    #[belongs_to(column = "parent_id", back_populates = Category::CHILDREN)]
    pub parent: BelongsTo<Option<Category>>,
    #[has_many(Category::PARENT, cascade = "all, delete-orphan", order_by = "name")]
    pub children: HasMany<Category>,
}

/// The tree: a category a line, indented below its parent.
const MEDIA: &str = "\
Media
  Books
    Fiction
      Crime
      Fantasy
    Maps
      Cities
      Oceans
    Poetry
  Music
    Jazz
      Bebop
    Rock
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let db = Database::connect("sqlite::memory:", mapping![Category]?).await?;
    db.create_all().await?;
    save(&db).await?;
    load_levels(&db).await?;
    move_branch(&db).await?;
    delete_subtree(&db).await?;
    cut_branch_off(&db).await?;
    delete_unloaded(&db).await
}

async fn save(db: &Database) -> Result<(), Error> {
    println!("A tree is saved in one flush. Parents go first; their keys go to their children:\n");
    let mut session = db.session();
    // The categories from the root to the current line.
    let mut path: Vec<Handle<Category>> = Vec::new();
    for line in MEDIA.lines() {
        let name = line.trim_start();
        path.truncate((line.len() - name.len()) / 2);
        path.push(match path.last() {
            Some(&parent) => session.push(parent, Category::CHILDREN, Category::new(name)),
            None => session.add(Category::new(name)),
        });
    }
    commit(&mut session).await?;
    expect_tree(db, MEDIA).await
}

async fn load_levels(db: &Database) -> Result<(), Error> {
    println!("\nOne SELECT loads a level, however many categories it has:\n");
    let mut session = db.session();
    let mut level = vec![find(&mut session, "Media").await?];
    let mut sizes = Vec::new();
    while !level.is_empty() {
        let names: Vec<&str> = level.iter().map(|&one| session[one].name.as_str()).collect();
        println!("    level {}: {}", sizes.len(), names.join(", "));
        sizes.push(level.len());
        session.load_all(&level, Category::CHILDREN).await?;
        let mut next = Vec::new();
        for category in level {
            next.extend(session.many(category, Category::CHILDREN)?);
        }
        level = next;
    }
    assert_eq!(sizes, [1, 2, 5, 5]);
    Ok(())
}

async fn move_branch(db: &Database) -> Result<(), Error> {
    println!("\nMaps moves from Books to Music by one UPDATE, with everything below it:\n");
    let mut session = db.session();
    let maps = find(&mut session, "Maps").await?;
    let music = find(&mut session, "Music").await?;
    session.set(maps, Category::PARENT, music);
    let plan = commit(&mut session).await?;
    assert_eq!(plan.matches("parent_id = ").count(), 1, "one row is written");
    expect_tree(
        db,
        "\
Media
  Books
    Fiction
      Crime
      Fantasy
    Poetry
  Music
    Jazz
      Bebop
    Maps
      Cities
      Oceans
    Rock
",
    )
    .await
}

async fn delete_subtree(db: &Database) -> Result<(), Error> {
    println!("\nBooks is deleted from the leaves up, for every row needs its parent:\n");
    let mut session = db.session();
    // Two levels below Books are loaded along, so every row is known.
    let books = session
        .query::<Category>()
        .filter(Category::NAME.eq("Books"))
        .with(Category::CHILDREN.then(Category::CHILDREN).then(Category::CHILDREN))
        .one()
        .await?;
    let fiction = find(&mut session, "Fiction").await?;
    let crime = find(&mut session, "Crime").await?;
    let keys = [crime, fiction, books].map(|one| format!("\n     id = {} ", session[one].id));
    session.delete(books)?;
    let plan = commit(&mut session).await?;
    let places = keys.map(|key| plan.find(&key));
    assert!(places.is_sorted() && places[0].is_some(), "leaves first");
    expect_tree(
        db,
        "\
Media
  Music
    Jazz
      Bebop
    Maps
      Cities
      Oceans
    Rock
",
    )
    .await
}

async fn cut_branch_off(db: &Database) -> Result<(), Error> {
    println!("\nJazz is taken out of Music. It is an orphan now, and goes with its children:\n");
    let mut session = db.session();
    let music = find(&mut session, "Music").await?;
    let jazz = find(&mut session, "Jazz").await?;
    session.remove(music, Category::CHILDREN, jazz);
    commit(&mut session).await?;
    expect_tree(
        db,
        "\
Media
  Music
    Maps
      Cities
      Oceans
    Rock
",
    )
    .await
}

async fn delete_unloaded(db: &Database) -> Result<(), Error> {
    println!("\nThe root is deleted; the flush finds what is below it, level by level:\n");
    let mut session = db.session();
    let media = find(&mut session, "Media").await?;
    session.delete(media)?;
    commit(&mut session).await?;
    expect_tree(db, "").await
}

/// The category of a name.
async fn find(session: &mut Session, name: &str) -> Result<Handle<Category>, Error> {
    session.query::<Category>().filter(Category::NAME.eq(name)).one().await
}

/// Prints what a flush would do and why, and commits.
async fn commit(session: &mut Session) -> Result<String, Error> {
    let plan = session.plan().await?.to_string();
    for line in plan.lines() {
        // Of a long way down the tree the end is enough to read.
        match (line.split_once(" -- "), line.rsplit_once(" -> ")) {
            (Some((row, _)), Some((_, end))) if line.len() > 96 => {
                println!("    {row} -- .. -> {end}");
            }
            _ => println!("    {line}"),
        }
    }
    session.commit().await?;
    Ok(plan)
}

/// Prints the tree as a new session finds it, and compares it.
async fn expect_tree(db: &Database, expected: &str) -> Result<(), Error> {
    let mut session = db.session();
    let all = session.query::<Category>().order_by(Category::NAME.asc()).all().await?;
    session.load_all(&all, Category::CHILDREN).await?;
    let mut text = String::new();
    for root in all.into_iter().filter(|&one| !session[one].parent.has_key()) {
        write_tree(&session, root, 0, &mut text)?;
    }
    println!();
    text.lines().for_each(|line| println!("    {line}"));
    if text.is_empty() {
        println!("    (no categories)");
    }
    assert_eq!(text, expected);
    Ok(())
}

fn write_tree(
    session: &Session,
    category: Handle<Category>,
    depth: usize,
    text: &mut String,
) -> Result<(), Error> {
    text.push_str(&"  ".repeat(depth));
    text.push_str(&session[category].name);
    text.push('\n');
    for child in session.many(category, Category::CHILDREN)? {
        write_tree(session, child, depth + 1, text)?;
    }
    Ok(())
}

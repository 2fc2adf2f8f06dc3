//! Plans as text: order, rings, unique values, cascades and reasons, without a database.

mod dialects;
mod world;

use entail_engine::value::Value;
use expect_test::{Expect, expect};
use world::World;

fn check(world: &World, expected: Expect) {
    expected.assert_eq(&world.plan());
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

fn text(text: &str) -> Value {
    Value::from(text)
}

const SHOP: &str = "
    item: id* name order_id->order
    order: id* user_id->user
    user: id* name^
    user.orders = many order.user_id / all
    order.items = many item.order_id / all
";

#[test]
fn parents_are_inserted_before_children_whatever_the_order_of_addition() {
    let mut world = World::new(SHOP);
    world.add("item", "i", &[("name", text("nut"))]);
    world.add("order", "o", &[]);
    world.add("user", "u", &[("name", text("ed"))]);
    world.link("o", "items", "i");
    world.link("u", "orders", "o");
    check(
        &world,
        expect![[r#"
        1. insert into user
             name = 'ed', id = new $0 -- add user(new 0)
        2. insert into order
             user_id = $0, id = new $1 -- add order(new 0)
        3. insert into item
             name = 'nut', order_id = $1, id = new $2 -- add item(new 0)"#]],
    );
}

#[test]
fn foreign_keys_without_a_relationship_order_too() {
    let mut world = World::new("b: id* a_id->a \n a: id*");
    world.row("a", "old", &[int(1)]);
    world.row("b", "child", &[int(5), int(1)]);
    world.delete("old");
    world.delete("child");
    check(
        &world,
        expect![[r#"
        1. delete from b
             id = 5 -- delete b#5
        2. delete from a
             id = 1 -- delete a#1"#]],
    );
}

#[test]
fn a_row_that_points_at_itself_is_filled_afterwards() {
    let mut world = World::new("node: id* parent_id->node? \n node.parent = one node.parent_id");
    world.add("node", "n", &[]);
    world.link("n", "parent", "n");
    check(
        &world,
        expect![[r#"
        1. insert into node
             parent_id = NULL, id = new $0 -- add node(new 0)
        2. update node
             id = $0: parent_id = $0 -- add node(new 0)"#]],
    );
}

#[test]
fn a_ring_is_cut_at_a_nullable_key() {
    let mut world =
        World::new("a: id* b_id->b \n b: id* a_id->a? \n a.b = one b.b_id \n b.a = one a.a_id");
    world.add("a", "a", &[]);
    world.add("b", "b", &[]);
    world.link("a", "b", "b");
    world.link("b", "a", "a");
    check(
        &world,
        expect![[r#"
        1. insert into b
             a_id = NULL, id = new $0 -- add b(new 0)
        2. insert into a
             b_id = $0, id = new $1 -- add a(new 0)
        3. update b
             id = $0: a_id = $1 -- add b(new 0)"#]],
    );
}

#[test]
fn each_of_several_rings_is_cut_once() {
    let mut world =
        World::new("a: id* b_id->b \n b: id* a_id->a? \n a.b = one b.b_id \n b.a = one a.a_id");
    for (a, b) in [("a1", "b1"), ("a2", "b2"), ("a3", "b3")] {
        world.add("a", a, &[]);
        world.add("b", b, &[]);
        world.link(a, "b", b);
        world.link(b, "a", a);
    }
    check(
        &world,
        expect![[r#"
        1. insert into b
             a_id = NULL, id = new $0 -- add b(new 0)
             a_id = NULL, id = new $1 -- add b(new 1)
             a_id = NULL, id = new $2 -- add b(new 2)
        2. insert into a
             b_id = $0, id = new $3 -- add a(new 0)
             b_id = $1, id = new $4 -- add a(new 1)
             b_id = $2, id = new $5 -- add a(new 2)
        3. update b
             id = $0: a_id = $3 -- add b(new 0)
             id = $1: a_id = $4 -- add b(new 1)
             id = $2: a_id = $5 -- add b(new 2)"#]],
    );
    let mut world = World::new(
        "a: id* before->a? behind->a? \n a.before = one a.before \n a.behind = one a.behind",
    );
    let list = ["a1", "a2", "a3", "a4"];
    list.iter().for_each(|one| world.add("a", one, &[]));
    for pair in list.windows(2) {
        world.link(pair[0], "behind", pair[1]);
        world.link(pair[1], "before", pair[0]);
    }
    check(
        &world,
        expect![[r#"
        1. insert into a
             before = NULL, behind = NULL, id = new $0 -- add a(new 3)
             before = NULL, behind = $0, id = new $1 -- add a(new 2)
             before = NULL, behind = $1, id = new $2 -- add a(new 1)
             before = NULL, behind = $2, id = new $3 -- add a(new 0)
        2. update a
             id = $0: before = $1 -- add a(new 3)
             id = $1: before = $2 -- add a(new 2)
             id = $2: before = $3 -- add a(new 1)"#]],
    );
}

#[test]
fn a_ring_that_cannot_be_cut_is_named() {
    let mut world =
        World::new("a: id* b_id->b \n b: id* a_id->a \n a.b = one b.b_id \n b.a = one a.a_id");
    world.add("a", "a", &[]);
    world.add("b", "b", &[]);
    world.link("a", "b", "b");
    world.link("b", "a", "a");
    check(
        &world,
        expect![
            "E0302: these rows depend on each other in a ring, and no foreign key in it can be NULL: a(new 0) <- b(new 0); make one of them nullable or deferrable, or flush in two steps"
        ],
    );
}

#[test]
fn a_ring_of_deleted_rows_lets_go_first() {
    let mut world = World::new("a: id* b_id->b? \n b: id* a_id->a?");
    world.row("a", "a", &[int(1), int(2)]);
    world.row("b", "b", &[int(2), int(1)]);
    world.delete("a");
    world.delete("b");
    check(
        &world,
        expect![[r#"
        1. update b
             id = 2: a_id = NULL -- delete b#2
        2. delete from a
             id = 1 -- delete a#1
        3. delete from b
             id = 2 -- delete b#2"#]],
    );
}

#[test]
fn trees_grow_from_the_root_and_are_felled_from_the_leaves() {
    const TREE: &str = "node: id* parent_id->node? \n node.children = many node.parent_id / all";
    let mut world = World::new(TREE);
    for name in ["leaf", "twig", "root"] {
        world.add("node", name, &[]);
    }
    world.link("root", "children", "twig");
    world.link("twig", "children", "leaf");
    check(
        &world,
        expect![[r#"
        1. insert into node
             parent_id = NULL, id = new $0 -- add node(new 2)
             parent_id = $0, id = new $1 -- add node(new 1)
             parent_id = $1, id = new $2 -- add node(new 0)"#]],
    );
    let mut world = World::new("node: id* parent_id->node?");
    world.row("node", "root", &[int(1), Value::Null]);
    world.row("node", "twig", &[int(2), int(1)]);
    world.row("node", "leaf", &[int(3), int(2)]);
    for name in ["root", "twig", "leaf"] {
        world.delete(name);
    }
    check(
        &world,
        expect![[r#"
        1. delete from node
             id = 3 -- delete node#3
             id = 2 -- delete node#2
             id = 1 -- delete node#1"#]],
    );
}

#[test]
fn a_unique_value_is_given_up_before_it_is_taken() {
    let mut world = World::new("user: id* name^");
    world.row("user", "old", &[int(1), text("ed")]);
    world.delete("old");
    world.add("user", "new", &[("name", text("ed"))]);
    check(
        &world,
        expect![[r#"
        1. delete from user
             id = 1 -- delete user#1
        2. insert into user
             name = 'ed', id = new $0 -- add user(new 1)"#]],
    );
}

#[test]
fn two_rows_swap_a_nullable_unique_value() {
    let mut world = World::new("user: id* name^?");
    world.row("user", "a", &[int(1), text("ed")]);
    world.row("user", "b", &[int(2), text("wendy")]);
    world.set("a", "name", "wendy");
    world.set("b", "name", "ed");
    check(
        &world,
        expect![[r#"
        1. update user
             id = 1: name = NULL -- change user#1
             id = 2: name = 'ed' -- change user#2
             id = 1: name = 'wendy' -- change user#1"#]],
    );
}

#[test]
fn a_new_object_with_the_key_of_a_deleted_one_takes_over_its_row() {
    let mut world = World::new("user: name! note?");
    world.row("user", "old", &[text("ed"), text("old note")]);
    world.delete("old");
    world.add("user", "new", &[("name", text("ed")), ("note", text("new note"))]);
    check(
        &world,
        expect![[r#"
        1. update user
             name = 'ed': note = 'new note' -- take over the row of user#'ed'"#]],
    );
}

#[test]
fn post_update_writes_the_reference_afterwards() {
    let mut world = World::new(
        "a: id* b_id->b? \n b: id* a_id->a \n a.b = one b.b_id / post_update \n b.a = one a.a_id",
    );
    world.add("a", "a", &[]);
    world.add("b", "b", &[]);
    world.link("a", "b", "b");
    world.link("b", "a", "a");
    check(
        &world,
        expect![[r#"
        1. insert into a
             b_id = NULL, id = new $0 -- add a(new 0)
        2. insert into b
             a_id = $0, id = new $1 -- add b(new 0)
        3. update a
             id = $0: b_id = $1 -- add a(new 0)"#]],
    );
}

/// Behaviours: POSTUPD-09.
#[test]
fn several_references_of_a_row_are_written_afterwards_together() {
    let mut world = World::new(
        "a: id* x_id->b? y_id->b? \n b: id* a_id->a
         a.x = one b.x_id / post_update \n a.y = one b.y_id / post_update \n b.a = one a.a_id",
    );
    for (a, x, y) in [("a", "ax", "ay"), ("b", "bx", "by")] {
        world.add("a", a, &[]);
        for b in [x, y] {
            world.add("b", b, &[]);
            world.link(b, "a", a);
        }
        world.link(a, "x", x);
        world.link(a, "y", y);
    }
    check(
        &world,
        expect![[r#"
        1. insert into a
             x_id = NULL, y_id = NULL, id = new $0 -- add a(new 0)
             x_id = NULL, y_id = NULL, id = new $1 -- add a(new 1)
        2. insert into b
             a_id = $0, id = new $2 -- add b(new 0)
             a_id = $0, id = new $3 -- add b(new 1)
             a_id = $1, id = new $4 -- add b(new 2)
             a_id = $1, id = new $5 -- add b(new 3)
        3. update a
             id = $0: x_id = $2, y_id = $3 -- add a(new 0)
             id = $1: x_id = $4, y_id = $5 -- add a(new 1)"#]],
    );
}

#[test]
fn unloaded_children_are_reached_by_sets_where_nothing_in_memory_needs_them() {
    let mut world = World::new(SHOP);
    world.row("user", "u", &[int(1), text("ed")]);
    world.row("user", "v", &[int(2), text("wendy")]);
    world.delete("u");
    world.delete("v");
    check(
        &world,
        expect![[r#"
        1. delete from item
             rows with order_id among order whose user_id in (1; 2) -- delete user#1 -> user.orders -> order.items
        2. delete from order
             rows with user_id in (1; 2) -- delete user#1 -> user.orders
        3. delete from user
             id = 1 -- delete user#1
             id = 2 -- delete user#2"#]],
    );
}

#[test]
fn a_row_lets_go_of_children_that_go_without_being_known() {
    let mut world = World::new(
        "a: id* \n b: id* a_id->a? x_id->x? \n x: id* b_id->b? \n a.bs = many b.a_id / all",
    );
    world.row("a", "a", &[int(1)]);
    world.row("x", "holds", &[int(2), int(7)]);
    world.row("x", "free", &[int(3), Value::Null]);
    for name in ["a", "holds", "free"] {
        world.delete(name);
    }
    check(
        &world,
        expect![[r#"
            1. update x
                 id = 2: b_id = NULL -- delete x#2
            2. delete from b
                 rows with a_id in (1) -- delete a#1 -> a.bs
            3. delete from x
                 id = 2 -- delete x#2
                 id = 3 -- delete x#3
            4. delete from a
                 id = 1 -- delete a#1"#]],
    );
}

#[test]
fn unloaded_children_are_loaded_where_an_object_may_be_among_them() {
    let mut world = World::new(SHOP);
    world.row("user", "u", &[int(1), text("ed")]);
    world.row("item", "i", &[int(7), text("nut"), int(3)]);
    world.delete("u");
    check(
        &world,
        expect![
            "Needs { relationships: [Missing { relationship: RelationshipId(1), owner: ObjectId { entity: EntityId(2), slot: Slot(0) } }], former: [], rows: [] }"
        ],
    );
}

#[test]
fn an_unchanged_or_restored_value_writes_nothing() {
    let mut world = World::new(SHOP);
    world.row("user", "u", &[int(1), text("ed")]);
    world.set("u", "name", "jack");
    world.set("u", "name", "ed");
    check(&world, expect!["nothing to do"]);
}

#[test]
fn a_row_that_left_itself_for_another_parent_refers_to_that() {
    const TREE: &str = "
        node: id* parent_id->node?
        node.children = many node.parent_id / save-update, delete, delete-orphan
        node.parent = one node.parent_id <-> children / none
    ";
    let mut world = World::new(TREE);
    world.hold("node", "one", &[]);
    world.hold("node", "two", &[]);
    world.link("one", "children", "one");
    world.link("one", "parent", "two");
    world.enlist("two");
    check(
        &world,
        expect![[r#"
        1. insert into node
             parent_id = NULL, id = new $0 -- add node(new 1)
             parent_id = $0, id = new $1 -- add node(new 1) -> node.children (save-update) -> node(new 0)"#]],
    );
}

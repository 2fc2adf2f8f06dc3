//! Tests: the mistakes that are found in a struct, and the code that a right one gets.

use expect_test::{Expect, expect};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::DeriveInput;

use crate::check;
use crate::errors::Errors;
use crate::expand::expand;
use crate::input::Entity;
use crate::layout::Layout;

/// The messages for a struct.
fn check(input: &str, expected: Expect) {
    let input: DeriveInput = syn::parse_str(input).expect("the test writes Rust");
    let mut errors = Errors::default();
    if let Some(entity) = Entity::read(&input, &mut errors) {
        let layout = Layout::of(&entity, &mut errors);
        check::check(&entity, &layout, &mut errors);
    }
    expected.assert_eq(&errors.text());
}

/// The messages for an entity with these fields behind its key.
fn check_fields(fields: &str, expected: Expect) {
    let head = "#[entity(table = \"t\")] struct T { #[key] id: Auto<i64>, ";
    check(&format!("{head} {fields} }}"), expected);
}

/// The code for a struct.
fn check_code(input: &str, expected: Expect) {
    let input: DeriveInput = syn::parse_str(input).expect("the test writes Rust");
    let mut errors = Errors::default();
    let entity = Entity::read(&input, &mut errors).expect("a struct with named fields");
    let layout = Layout::of(&entity, &mut errors);
    assert_eq!(errors.text(), "");
    let mut text = String::new();
    write(expand(&entity, &layout), 0, &mut text);
    expected.assert_eq(&text.replace(":: entail :: __private :: ", "~"));
}

/// Writes every item and statement on a line of its own.
fn write(tokens: TokenStream, depth: usize, text: &mut String) {
    let mut line = TokenStream::new();
    let flush = |line: &mut TokenStream, end: &str, text: &mut String| {
        let words = std::mem::take(line).to_string();
        if !(words.is_empty() && end.is_empty()) {
            text.push_str(&format!("{}{words}{end}\n", "    ".repeat(depth)));
        }
    };
    for token in tokens {
        match &token {
            TokenTree::Group(group)
                if group.delimiter() == Delimiter::Brace && !group.stream().is_empty() =>
            {
                flush(&mut line, " {", text);
                write(group.stream(), depth + 1, text);
                flush(&mut line, "}", text);
            }
            TokenTree::Punct(end) if matches!(end.as_char(), ';' | ',') && !is_in_type(&line) => {
                let end = end.to_string();
                flush(&mut line, &end, text);
            }
            _ => line.extend([token]),
        }
    }
    flush(&mut line, "", text);
}

/// Whether the line has an angle that is still open.
fn is_in_type(line: &TokenStream) -> bool {
    let text = line.to_string().replace("->", "").replace("=>", "");
    text.matches('<').count() > text.matches('>').count()
}

#[test]
fn a_right_struct_has_no_mistakes() {
    check_fields("name: String, #[column(unique, length = 5)] code: Option<String>,", expect![""]);
    check_fields("#[belongs_to] other: BelongsTo<Option<crate::T>>,", expect![""]);
    check_fields("#[has_many(T::OTHER, cascade = \"none\")] all: HasMany<T>,", expect![""]);
}

#[test]
fn all_mistakes_come_at_once() {
    check(
        "#[entity(tabel = \"t\")] struct T { a: u32, #[belongs_to(colum = \"b\")] b: BelongsTo<T> }",
        expect![[r#"
            `tabel` is no option of `#[entity]`; it takes table, schema, unique, unique_nulls_not_distinct, index, check, no_new
            name the table of this entity: `#[entity(table = "...")]`
            no column holds this integer on all databases; use `i16`, `i32` or `i64`
            `colum` is no option of `#[belongs_to]`; it takes column, columns, references, back_populates, cascade, on_delete, on_update, deferrable, unique, index, single_parent, post_update, viewonly, passive_updates, passive_deletes
            an entity needs a key; mark its key field, or each of several, with `#[key]`
        "#]],
    );
}

#[test]
fn only_plain_structs_are_entities() {
    check(
        "struct T(i64);",
        expect![[r#"
        the columns of an entity need names; derive it on a struct with named fields
    "#]],
    );
    check(
        "enum T {}",
        expect![[r#"
        only a struct can be an entity; derive it on a struct with named fields
    "#]],
    );
    check(
        "struct T<'a> { a: &'a str }",
        expect![[r#"
        an entity is one type with one table; remove the parameters, or write one struct for each
    "#]],
    );
}

#[test]
fn attributes_stand_where_they_belong() {
    check_fields(
        "#[has_many(A::B, on_delete = \"cascade\")] a: HasMany<A>,",
        expect![[r#"
        `on_delete` belongs on the `belongs_to` of the other entity, which has the foreign key; move it there
    "#]],
    );
    check_fields(
        "#[column(key)] a: i64,",
        expect![[r#"
            `key` belongs into an attribute of its own, `#[key]`; move it there
        "#]],
    );
    check_fields(
        "#[key] #[belongs_to] a: BelongsTo<A>,",
        expect![[r#"
        a key is made of columns; declare the foreign key's column as a field with `#[key]`, and name it in `#[belongs_to(column = "...")]`
    "#]],
    );
    check_fields(
        "#[column(on_delete = \"cascade\")] a: i64,",
        expect![[r#"
        only a foreign key has `on_delete`, `on_update` and `deferrable`; add `references = Parent::ID`, or write them on the `belongs_to`
    "#]],
    );
    check_fields(
        "#[belongs_to] #[has_one(A::B)] a: HasOne<A>,",
        expect![[r#"
        a field is one relationship; remove `#[has_one]` or the other one
    "#]],
    );
    check_fields(
        "#[column(unique)] #[column(index)] a: i64,",
        expect![[r#"
        `#[column]` is given twice; write all of its options into one
    "#]],
    );
    check_fields(
        "#[column = \"a\"] a: i64,",
        expect![[r#"
        write the options in parentheses: `#[column(...)]`
    "#]],
    );
    check_fields(
        "#[column(\"a\")] a: i64,",
        expect![[r#"
        this is no option of `#[column]`; it takes unique, index, length, default, server_default, rename, check, references, on_delete, on_update, deferrable, version
    "#]],
    );
}

#[test]
fn options_have_the_right_values() {
    check_fields(
        "#[column(length = \"5\", rename, unique = 1)] a: String,",
        expect![[r#"
        write `rename = "..."`
        write `unique`, or `unique = false`
        write `length = 50`, a number of up to 32 bits
    "#]],
    );
    check_fields(
        "#[column(length = 5)] a: i64,",
        expect![[r#"
        only a `String` has a `length`; remove it
    "#]],
    );
    check_fields(
        "#[column(default = 5, server_default = \"5\")] a: Auto<i64>,",
        expect![[r#"
        an `Auto` field leaves its value to the database; remove the `default`, or the `Auto`
    "#]],
    );
    check_fields(
        "#[belongs_to(passive_deletes = \"some\")] a: BelongsTo<A>,",
        expect![[r#"
        write `passive_deletes`, or `passive_deletes = "all"`
    "#]],
    );
    check_fields(
        "#[has_many(A::B, order_by = \"a up, b\")] a: HasMany<A>,",
        expect![[r#"
        write columns of the target, such as "street desc, id"
    "#]],
    );
    check_fields(
        "#[belongs_to(columns(a, b))] a: BelongsTo<A>,",
        expect![[r#"
        write `columns = "a"`, or `columns("a", "b")`
    "#]],
    );
}

#[test]
fn relationships_say_what_they_go_by() {
    check_fields(
        "#[has_many] a: HasMany<A>,",
        expect![[r#"
        name the `belongs_to` that leads back, such as `Address::USER`; without one, the foreign key of the other table: `column = "user_id"`
    "#]],
    );
    check_fields(
        "#[has_one(A::T, column = \"t_id\")] a: HasOne<A>,",
        expect![[r#"
        the other side knows its columns; remove `column`
    "#]],
    );
    check_fields(
        "#[many_to_many(local = \"t_id\")] a: ManyToMany<A>,",
        expect![[r#"
        name the association table: `table = "book_author"`, or the entity that has it: `entity = BookAuthor`
        name the column of the association table that points at the other entity: `remote = "..._id"`
    "#]],
    );
    check_fields(
        "#[many_to_many(entity = A, local = \"a\", remote = \"b\", on_delete = \"cascade\")]
         a: ManyToMany<B>,",
        expect![[r#"
            the association entity declares the foreign keys; move `on_delete`, `on_update` and `deferrable` there
        "#]],
    );
    check_fields(
        "#[many_to_many(table = \"ab\", local(\"a\", \"b\"), remote = \"a\", on_delete = \"set null\")]
         a: ManyToMany<B>,",
        expect![[r#"
            `local` names 2 column(s), but the key of `T` has 1; name as many
            the association table has the column `a` once; `local` and `remote` need columns of their own
            the columns of an association table are its key and cannot be NULL; choose "cascade" or another action
        "#]],
    );
    check_fields(
        "#[belongs_to(column = \"a\", columns(\"a\", \"b\"))] x: BelongsTo<A>,",
        expect![[r#"
        `column` is given already; keep one of them
    "#]],
    );
}

#[test]
fn columns_lie_in_one_place() {
    check_fields(
        "a_id: i64, #[belongs_to(columns(\"a_id\", \"b_id\"))] a: BelongsTo<A>,",
        expect![[r#"
        `b_id` is no field, but another column of this foreign key is; declare it as a field too
    "#]],
    );
    check_fields(
        "#[belongs_to(column = \"x\")] a: BelongsTo<A>, #[belongs_to(column = \"x\")] b: BelongsTo<A>,",
        expect![[r#"
            the fields `a` and `b` both have the column `x`; rename one, or declare the column as a field that both use
        "#]],
    );
    check_fields(
        "a: i64, #[column(rename = \"a\")] b: i64,",
        expect![[r#"
        the fields `a` and `b` both have the column `a`; rename one, or declare the column as a field that both use
    "#]],
    );
    check_fields(
        "#[belongs_to(columns(\"a\", \"a\"))] x: BelongsTo<A>,",
        expect![[r#"
            `x` goes by the column `a` twice
        "#]],
    );
}

#[test]
fn one_foreign_key_is_declared_once() {
    check_fields(
        "#[column(references = A::ID)] a_id: i64, #[belongs_to] a: BelongsTo<A>,",
        expect![[r#"
            `a` declares this foreign key as well; remove `references` from `a_id`
        "#]],
    );
    let two = |second: &str| {
        format!(
            "a_id: i64, #[belongs_to(on_delete = \"cascade\")] a: BelongsTo<A>,
             #[belongs_to(column = \"a_id\"{second})] b: BelongsTo<A>,"
        )
    };
    check_fields(&two(""), expect![""]);
    check_fields(&two(", on_delete = \"cascade\""), expect![""]);
    check_fields(
        &two(", on_delete = \"restrict\""),
        expect![[r#"
        `a` and `b` go by one foreign key, but with different actions; write them on one of the two
    "#]],
    );
}

#[test]
fn keys_and_versions_are_sound() {
    check_fields(
        "#[key] a: Option<i64>,",
        expect![[r#"
        a key cannot be NULL; remove the `Option`
        the database cannot make one of several key columns; remove the `Auto`, add a `server_default`, or let a `belongs_to` go by this column
    "#]],
    );
    check_fields(
        "#[key] #[version] a: i64,",
        expect![[r#"
        a key never changes, and a version always does; use two fields
        the database cannot make one of several key columns; remove the `Auto`, add a `server_default`, or let a `belongs_to` go by this column
    "#]],
    );
    check_fields(
        "#[version] #[column(version)] a: i32,",
        expect![[r#"
        the version column is marked twice; remove one of the marks
    "#]],
    );
    check(
        "#[entity(table = \"t\")] struct T {
            #[key] a: i64, #[key] b: i64, #[key] c: i64, #[key] d: i64, #[key] e: i64,
        }",
        expect![[r#"
            a key has at most four columns; use an `Auto` key and a unique constraint
        "#]],
    );
}

#[test]
fn constants_have_names_of_their_own() {
    check_fields(
        "userName: i64, #[column(rename = \"b\")] user_name: i64,",
        expect![[r#"
        the field `userName` and the field `user_name` both make the constant `USER_NAME`; rename one of the two
    "#]],
    );
    check_fields("#[belongs_to(column = \"a b\")] x: BelongsTo<A>,", expect![""]);
}

#[test]
fn a_struct_gets_its_code() {
    check_code(
        "#[entity(table = \"a\")] pub struct A {
            #[key] pub id: Auto<i64>,
            name: String,
            #[belongs_to] pub b: BelongsTo<Option<B>>,
        }",
        expect![[r##"
            # [allow (dead_code)] impl A {
                # [doc = r" The name of the table, behind that of its schema if it has one."] pub const TABLE : & 'static str = "a";
                # [doc = "The column `id`."] pub const ID : ~entity :: Column < A , i64 > = ~entity :: Column :: new (0u32 , "id");
                # [doc = "The column `name`."] const NAME : ~entity :: Column < A , String > = ~entity :: Column :: new (1u32 , "name");
                # [doc = "The column `b_id`."] pub const B_ID : ~entity :: Column < A , :: core :: option :: Option < < B as ~entity :: Entity > :: Key > > = ~entity :: Column :: new (2u32 , "b_id");
                # [doc = "The relationship `b`."] pub const B : ~entity :: BelongsToOf < A , B > = ~entity :: BelongsToOf :: new (0u32 , "b");
            }
            # [allow (dead_code)] impl A {
                # [doc = "Makes a new `A` of the values that it cannot be without."] # [allow (unused_variables , clippy :: new_without_default , clippy :: too_many_arguments)] pub fn new (name : impl :: core :: convert :: Into < String >) -> Self {
                    Self {
                        id : ~entity :: auto (),
                        name : :: core :: convert :: Into :: into (name),
                        b : ~entity :: unset ()
                    }
                }
            }
            impl ~entity :: check :: Mapped for A {
                const TABLE : & 'static str = "a";
                const KEY_TYPES : & 'static [~value :: ColumnType] = & [< i64 as ~entity :: check :: FieldValue > :: TYPE];
            }
            impl ~entity :: BelongsToTarget for A {
                type Entity = Self;
                const NULLABLE : bool = false;
            }
            # [automatically_derived] impl ~entity :: Object for A {
                const NAME : & 'static str = "A";
                # [inline] fn column (& self , index : usize ,) -> :: core :: option :: Option < ~value :: ValueRef < '_ >> {
                    match index {
                        0usize => self . id . get () . map (< i64 as ~entity :: check :: FieldValue > :: to_ref),
                        1usize => :: core :: option :: Option :: Some (< String as ~entity :: check :: FieldValue > :: to_ref (& self . name)),
                        2usize => self . b . column (0usize),
                        _ => :: core :: option :: Option :: None,
                    }
                }
                # [inline] fn columns < 'a > (& 'a self , mut each : impl FnMut (usize , :: core :: option :: Option < ~value :: ValueRef < 'a >> ,) ,) {
                    each (0usize , self . id . get () . map (< i64 as ~entity :: check :: FieldValue > :: to_ref));
                    each (1usize , :: core :: option :: Option :: Some (< String as ~entity :: check :: FieldValue > :: to_ref (& self . name)));
                    each (2usize , self . b . column (0usize));
                }
                # [inline] fn set_column (& mut self , index : usize , value : :: core :: option :: Option < ~value :: Value > ,) -> :: core :: result :: Result < () , ~value :: ValueError > {
                    match index {
                        0usize => {
                            self . id = match value {
                                :: core :: option :: Option :: Some (value) => {
                                    ~entity :: Auto :: of (< i64 as ~entity :: check :: FieldValue > :: from_value (value) ?)
                                }
                                :: core :: option :: Option :: None => ~entity :: auto (),
                            }
                            ;
                        }
                        1usize => {
                            if let :: core :: option :: Option :: Some (value) = value {
                                self . name = < String as ~entity :: check :: FieldValue > :: from_value (value) ?;
                            }
                        }
                        2usize => self . b . set_column (0usize , value),
                        _ => { }
                    }
                    :: core :: result :: Result :: Ok (())
                }
                # [inline] fn decode (row : & mut ~entity :: RowReader < '_ > ,) -> :: core :: result :: Result < Self , ~value :: ValueError > {
                    :: core :: result :: Result :: Ok (Self { id : match row . take_set () { :: core :: option :: Option :: Some (value) => { ~entity :: Auto :: of (< i64 as ~entity :: check :: FieldValue > :: from_ref (value) ?) } :: core :: option :: Option :: None => ~entity :: auto () , } , name : < String as ~entity :: check :: FieldValue > :: from_ref (row . take ()) ? , b : ~entity :: BelongsTo :: read (row) })
                }
                fn copy (& self) -> Self {
                    Self {
                        id : match self . id . get () {
                            :: core :: option :: Option :: Some (value) => {
                                ~entity :: Auto :: of (< i64 as ~entity :: check :: FieldValue > :: copy (value))
                            }
                            :: core :: option :: Option :: None => ~entity :: auto (),
                        }
                        ,
                        name : < String as ~entity :: check :: FieldValue > :: copy (& self . name),
                        b : {
                            let mut copy : BelongsTo < Option < B > > = ~entity :: unset ();
                            for part in 0 .. 1usize {
                                copy . set_column (part , self . b . column (part) . map (~value :: ValueRef :: to_value) ,);
                            }
                            copy
                        }
                    }
                }
                fn give_links (& mut self , links : & mut ~arena :: Links < '_ >) {
                    if let :: core :: option :: Option :: Some (given) = self . b . take () {
                        links . one (0usize , given);
                    }
                }
                fn receive_links (& mut self , from : & mut ~arena :: Leaving < '_ >) {
                    if let :: core :: option :: Option :: Some (held) = from . one (0usize) {
                        self . b . receive (held);
                    }
                }
                # [inline] fn has_links (& self) -> bool {
                    self . b . is_given ()
                }
            }
            # [automatically_derived] impl ~entity :: Entity for A {
                type Key = i64;
                fn definition () -> ~mapping :: EntityDefinition {
                    ~mapping :: EntityDefinition {
                        name : :: std :: string :: String :: from (< Self as ~entity :: Object > :: NAME ,),
                        table : ~mapping :: TableDefinition {
                            name : :: std :: string :: String :: from ("a"),
                            schema : :: core :: option :: Option :: None,
                            columns : :: std :: vec ! [~mapping :: ColumnDefinition { generated : true , .. ~mapping :: ColumnDefinition :: new ("id" , < i64 as ~entity :: check :: FieldValue > :: TYPE) } , ~mapping :: ColumnDefinition { nullable : < String as ~entity :: check :: FieldValue > :: NULLABLE , .. ~mapping :: ColumnDefinition :: new ("name" , < String as ~entity :: check :: FieldValue > :: TYPE) } , ~mapping :: ColumnDefinition { nullable : true , .. ~mapping :: ColumnDefinition :: new ("b_id" , < B as ~entity :: check :: Mapped > :: KEY_TYPES [0usize]) }],
                            primary_key : :: std :: vec ! [:: std :: string :: String :: from ("id")],
                            foreign_keys : :: std :: vec ! [~mapping :: ForeignKeyDefinition :: new (:: std :: vec ! [:: std :: string :: String :: from ("b_id")] , < B as ~entity :: check :: Mapped > :: TABLE , :: std :: vec :: Vec :: new ())],
                            uniques : :: std :: vec ! [],
                            uniques_nulls_not_distinct : :: std :: vec ! [],
                            indexes : :: std :: vec ! [],
                            checks : :: std :: vec ! [],
                        }
                        ,
                        version : :: core :: option :: Option :: None,
                        relationships : :: std :: vec ! [~mapping :: RelationshipDefinition :: new ("b" , < B as ~entity :: Object > :: NAME , ~mapping :: KindDefinition :: ManyToOne { foreign_key : :: std :: vec ! [:: std :: string :: String :: from ("b_id")] } ,)],
                    }
                }
            }
            const _ : () = :: core :: assert ! (< B as ~entity :: check :: Mapped > :: KEY_TYPES . len () == 1usize , "`b` names 1 column(s), but the key of `B` has another number of them; name one for each: `columns(\"a\", \"b\")`");
        "##]],
    );
}

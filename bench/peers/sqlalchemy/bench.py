"""SQLAlchemy's ORM does one work: bench.py WORK URL, and prints what it took as a line of JSON.

Each work is written as the ORM's documentation has it: unit of work, selectinload, merge.
"""

import gc
import json
import sys
import time

from sqlalchemy import Column, ForeignKey, String, Table, BigInteger, Integer, create_engine, event
from sqlalchemy import select, text
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

USERS, ORDERS, ITEMS = 1_000, 2, 5
CHANGED_EVERY, DELETED_EVERY = 100, 2
FETCHES = 2_000
TAGS = 50
BASKETS, BASKET_ITEMS = 1_000, 10

# SQLite numbers keys only if the type is INTEGER.
Key = BigInteger().with_variant(Integer(), "sqlite")


class Shop(DeclarativeBase):
    pass


class User(Shop):
    __tablename__ = "users"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    email: Mapped[str] = mapped_column(String(100))
    orders: Mapped[list["Order"]] = relationship(
        back_populates="user", cascade="all, delete-orphan"
    )


class Order(Shop):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    user: Mapped[User] = relationship(back_populates="orders")
    items: Mapped[list["Item"]] = relationship(
        back_populates="order", cascade="all, delete-orphan"
    )


class Item(Shop):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    quantity: Mapped[int] = mapped_column(BigInteger)
    price: Mapped[int] = mapped_column(BigInteger)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    order: Mapped[Order] = relationship(back_populates="items")


class Labels(DeclarativeBase):
    pass


item_tags = Table(
    "item_tags",
    Labels.metadata,
    Column("item_id", ForeignKey("items.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class LabelledItem(Labels):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    tags: Mapped[list["Tag"]] = relationship(secondary=item_tags, back_populates="items")


class Tag(Labels):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(Key, primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    items: Mapped[list[LabelledItem]] = relationship(secondary=item_tags, back_populates="tags")


def order_number(user, order):
    return user * 10 + order


def item_values(number, item):
    return {
        "name": f"item {number}/{item}",
        "quantity": (number + item * 3) % 17 + 1,
        "price": (number * 7 + item * 131) % 9_900 + 100,
    }


def new_user(user):
    numbers = [order_number(user, order) for order in range(ORDERS)]
    return User(
        name=f"user {user}",
        email=f"user.{user}@example.org",
        orders=[
            Order(number=number, items=[Item(**item_values(number, item)) for item in range(ITEMS)])
            for number in numbers
        ],
    )


def insert_graph(session):
    users = [new_user(user) for user in range(1, USERS + 1)]
    start = time.perf_counter()
    session.add_all(users)
    session.commit()
    return time.perf_counter() - start, 0, 0


def load_graph(session):
    start = time.perf_counter()
    graph = select(User).options(selectinload(User.orders).selectinload(Order.items))
    users = session.scalars(graph).all()
    took = time.perf_counter() - start
    objects = total = 0
    for user in users:
        objects += 1
        total += len(user.name) + len(user.email)
        for order in user.orders:
            objects += 1
            total += order.number
            for item in order.items:
                objects += 1
                total += len(item.name) + item.quantity + item.price
    return took, objects, total


def change_items(every):
    def work(session):
        start = time.perf_counter()
        items = session.scalars(select(Item)).all()
        for item in items[::every]:
            item.quantity += 1
        session.commit()
        return time.perf_counter() - start, 0, 0

    return work


def delete_users(session):
    users = session.scalars(select(User).order_by(User.id)).all()
    start = time.perf_counter()
    for user in users[::DELETED_EVERY]:
        session.delete(user)
    session.commit()
    return time.perf_counter() - start, 0, 0


def fetch_and_change(session):
    start = time.perf_counter()
    for turn in range(FETCHES):
        key = turn * 787 % FETCHES + 1
        session.get_one(User, key).name = f"renamed {key}"
        session.commit()
    return time.perf_counter() - start, 0, 0


def link_tags(session):
    # The lists are loaded before: they are empty, and appending to one would load it.
    items = session.scalars(
        select(LabelledItem).order_by(LabelledItem.id).options(selectinload(LabelledItem.tags))
    ).all()
    tags = session.scalars(select(Tag).order_by(Tag.id)).all()
    start = time.perf_counter()
    for index, item in enumerate(items):
        for tag in range(5):
            item.tags.append(tags[(index * 3 + tag * 10) % TAGS])
    session.commit()
    for index, item in enumerate(items):
        for tag in (1, 3):
            item.tags.remove(tags[(index * 3 + tag * 10) % TAGS])
    session.commit()
    return time.perf_counter() - start, 0, 0


def baskets():
    for place in range(BASKETS):
        number = order_number(1, place)
        items = []
        for item in range(BASKET_ITEMS):
            values = item_values(number, item)
            values["quantity"] += place % 2
            items.append(Item(id=place * BASKET_ITEMS + item + 1, **values))
        yield Order(id=place + 1, number=number, items=items)


def merge_orders(session):
    orders = list(baskets())
    start = time.perf_counter()
    # What is in the identity map is not loaded one by one.
    keys = [order.id for order in orders]
    stored = select(Order).where(Order.id.in_(keys)).options(selectinload(Order.items))
    held = session.scalars(stored).all()
    session.merge_all(orders)
    session.commit()
    del held
    return time.perf_counter() - start, 0, 0


WORKS = {
    "W1": insert_graph,
    "W2": load_graph,
    "W3": change_items(1),
    "W4": change_items(CHANGED_EVERY),
    "W5": delete_users,
    "W6": fetch_and_change,
    "W7": link_tags,
    "W8": merge_orders,
}


def open_engine(url):
    if url.startswith("sqlite:"):
        engine = create_engine("sqlite:///" + url.removeprefix("sqlite:"))

        @event.listens_for(engine, "connect")
        def set_up(connection, _record):
            cursor = connection.cursor()
            for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
                cursor.execute("PRAGMA " + pragma)
            cursor.close()

        return engine
    if url.startswith("postgres"):
        return create_engine("postgresql+psycopg://" + url.split("://", 1)[1])
    try:
        import MySQLdb  # noqa: F401

        driver = "mysqldb"
    except ImportError:
        driver = "pymysql"
    return create_engine(f"mariadb+{driver}://" + url.split("://", 1)[1])


def main():
    work, url = sys.argv[1:]
    if work not in WORKS:
        print(json.dumps({"unable": "it does not know this work"}))
        return
    engine = open_engine(url)
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    with Session(engine) as session:
        gc.collect()
        took, objects, total = WORKS[work](session)
    engine.dispose()
    print(json.dumps({"ms": took * 1e3, "objects": objects, "sum": total}))


main()

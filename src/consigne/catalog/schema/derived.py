"""What is made from contents and names: the words of the search, and pictures."""

from sqlalchemy import Column, Index, Integer, Table

from consigne.catalog.schema.columns import flag, metadata, number, serial, string

# What the search knows of a content; its words are in ``passage`` and ``terms.passage_terms``.
content_text = Table(
    "content_text",
    metadata,
    number("content_id", key=True),
    number("space_id"),
    string("origin"),
    Column("pages", Integer, nullable=True),
    number("length"),
    flag("is_cut"),
    string("problem", null=True),
    Column("rules", Integer, nullable=False),
    number("read_at"),
)

# A text in pieces of some 250 words.
passage = Table(
    "passage",
    metadata,
    serial("id"),
    number("content_id"),
    Column("page", Integer, nullable=True),
    string("body"),
    Index("ix_passage_content", "content_id", "id"),
)

# Files whose words the search does not know yet.
label_due = Table("label_due", metadata, number("space_id", key=True), number("file_id", key=True))

# What was made from a content, such as a picture of it; the bytes are a content of their own.
preview = Table(
    "preview",
    metadata,
    number("content_id", key=True),
    string("shape", key=True),
    number("space_id"),
    number("picture_id"),
    number("size"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    number("made_at"),
    number("used_at"),
    Column("pages", Integer, nullable=True),
    Index("uq_preview_picture", "picture_id", unique=True),
    Index("ix_preview_space", "space_id", "used_at"),
)

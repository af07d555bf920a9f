"""Stores, purposes, datasets and requesters: the catalogue, and what its parts say of each other.

The rules refuse what could release too much: a personal column in data that is said to be about
nobody, a column without class, two names for one table, a purpose that sees everything under consent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sekisho.domain.governed import COPIES, MARKED
from sekisho.domain.scans import RESTRICTED
from sekisho.domain.terms import (
    Column,
    ColumnClass,
    ColumnType,
    Dataset,
    DataSubjectKey,
    LegalBasis,
    Purpose,
    Recipient,
    Requester,
    Store,
    StoreKind,
)
from sekisho.domain.transforms import TRANSFORMS
from sekisho.settings.conditions import country, dataset_use, purpose_conditions, within
from sekisho.settings.faults import nearest, shown
from sekisho.settings.keys import ALL_QUASI_IDENTIFIERS, GENERALISATIONS, ROLES
from sekisho.settings.masks import Hierarchies, mask
from sekisho.settings.purposes import purpose_facts
from sekisho.settings.section import Section
from sekisho.settings.servers import server_store

_TABLE = re.compile(r"(?!sqlite_)[A-Za-z][A-Za-z0-9_]{0,62}")
_QUALIFIED = re.compile(
    r"((?!pg_|information_schema\.|sekisho\.)[A-Za-z_]\w{0,62}\.)?(?!pg_)[A-Za-z_]\w{0,62}", re.ASCII
)
_PATTERN = re.compile(r"(?!.*\.\.)[A-Za-z0-9_*?][A-Za-z0-9_*?./=-]{0,200}\.(parquet|csv|jsonl|ndjson|json)")
UNREVIEWED = "unreviewed"
"""Word in the place of a class that is left to a review of what a scan found."""

_CELLS_STAND_ON = frozenset({LegalBasis.CONSENT, LegalBasis.LEGITIMATE_INTEREST})

_FILES = StoreKind.DUCKDB.value
"""Name of the engine of all files, under which no store of another kind is found."""
_TAKEN = frozenset({"people", COPIES, MARKED, "main", "system", "information_schema", "pg_catalog"})
"""Schemas that the engine of files has already."""


def stores(root: Section, folder: Path, own: Mapping[str, Path]) -> dict[str, Store]:
    """Return the stores by name. *own* are the gateway's own places, which no store may reach."""
    found: dict[str, Store] = {}
    for name, section in root.named("stores", "store"):
        kind = section.choice("kind", StoreKind)
        if name in _TAKEN if kind is StoreKind.DUCKDB else name == _FILES:
            section.wrong("", f"a store cannot be called `{name}`", "the gateway uses that name itself; take another")
        if kind is StoreKind.POSTGRESQL:
            server = server_store(name, section, folder)
            if server is not None:
                found[name] = server
            continue
        for key in ("url", "password_file", "writes"):
            if section.has(key):
                section.wrong(key, f"`{key}` is for a store in a server", "leave it out, or write `kind: postgresql`")
        if not section.has("location"):
            section.wrong("", "has no `location`", "add `location: the database file, or the folder of the files`")
        place = section.path("location", folder)
        if place is not None:
            for what, path in own.items():
                if path.is_relative_to(place) or place.is_relative_to(path):
                    section.wrong("location", f"the store reaches {what}", "keep stores and records apart")
        if kind is not None and place is not None:
            named = place.relative_to(folder) if place.is_relative_to(folder) else place
            found[name] = Store(name, kind, str(place), named=named.as_posix())
    return found


def purposes(root: Section, categories: frozenset[str]) -> dict[str, Purpose]:
    """Return the purposes by name. *categories* are those that any column has."""
    found: dict[str, Purpose] = {}
    sections: dict[str, Section] = {}
    classes = frozenset(c.value for c in ColumnClass)
    for name, section in root.named("purposes", "purpose"):
        basis = section.choice("legal_basis", LegalBasis)
        output = section.text("output") or "rows"
        if output not in {"rows", "statistics"}:
            section.wrong("output", f"{shown(output)} is no output", nearest(output, ["rows", "statistics"]))
        cells = section.names("cells")
        explicit = section.names("explicit", classes | categories, "class or category")
        clear = section.names("clear", categories | {ALL_QUASI_IDENTIFIERS}, "category")
        if basis is not None:
            _grounds(section, basis, clear=clear, explicit=explicit, cells=cells)
        third_party, gpc = section.flag("third_party"), section.flag("gpc")
        title, description = section.titles("title"), section.titles("description")
        turned_back = _turned_back(section, basis, root.keys_of("purposes"), clear=bool(clear), output=output)
        told = purpose_facts(section, basis, third_party=third_party)
        narrowed = purpose_conditions(section, categories, output=output, clear=bool(clear))
        if basis is not None:
            sections[name] = section
            found[name] = Purpose(
                name=name,
                legal_basis=basis,
                output=output,
                cells=cells,
                explicit=frozenset(explicit),
                third_party=third_party,
                gpc=gpc,
                clear=frozenset(clear),
                detokenises=turned_back,
                title=title,
                description=description,
                **told,
                **narrowed,
            )
    return within(found, sections)


def _turned_back(
    section: Section, basis: LegalBasis | None, known: frozenset[str], *, clear: bool, output: str
) -> frozenset[str]:
    """Return the purposes whose pseudonyms are turned back into identifiers for this one."""
    if not section.has("detokenise"):
        return frozenset()
    if basis is not None and basis is not LegalBasis.LEGAL_OBLIGATION:
        section.wrong(
            "detokenise", f"the legal basis {basis.value} turns no pseudonym back", "it is for legal_obligation"
        )
    if not clear or output != "rows":
        section.wrong(
            "detokenise",
            "nothing says which identifiers it may see",
            "name the category of the data subject's key in `clear`, and release rows",
        )
    return frozenset(section.names("detokenise", known, "purpose"))


def _grounds(
    section: Section,
    basis: LegalBasis,
    *,
    clear: tuple[str, ...],
    explicit: tuple[str, ...],
    cells: tuple[str, ...],
) -> None:
    """Check what each legal basis allows to be said."""
    if clear and basis in _CELLS_STAND_ON:
        section.wrong(
            "clear",
            f"the legal basis {basis.value} shows no column unmasked",
            "leave `clear` out; it is for contract and legal_obligation",
        )
    if explicit and basis is not LegalBasis.CONSENT:
        section.wrong("explicit", f"the legal basis {basis.value} has no explicit consent", "leave `explicit` out")
    if cells and basis not in _CELLS_STAND_ON:
        section.wrong("cells", f"nobody consents to {basis.value}", "leave `cells` out")


def datasets(
    root: Section,
    known_stores: Mapping[str, Store],
    known_purposes: Mapping[str, Purpose],
    known: Hierarchies,
) -> dict[str, Dataset]:
    """Return the datasets by name; *known* are the hierarchies that their columns may name."""
    found: dict[str, Dataset] = {}
    sections: dict[str, Section] = {}
    relations: dict[tuple[str, str], str] = {}
    for name, section in root.named("datasets", "dataset", dotted=True):
        store = known_stores.get(name.split(".")[0])
        relation = section.text("relation")
        if store is None:
            store_name = name.split(".")[0]
            if store_name not in root.keys_of("stores"):
                section.wrong("", f"unknown store {shown(store_name)}", nearest(store_name, known_stores))
        elif relation is not None:
            _relation(section, store, relation)
            first = relations.setdefault((store.name, relation.removeprefix("public.")), name)
            if first != name:
                section.wrong(
                    "relation",
                    f"its relation is governed as {first} already",
                    "declare all columns in one dataset: two names would be two sets of rules",
                )
        columns = tuple(_columns(section, known))
        bound = section.names("purposes", root.keys_of("purposes"), "purpose")
        category = section.name("data_category")
        key = _data_subject(section, columns)
        _check_masks(section, columns, key)
        _check_cells(section, category, [known_purposes[p] for p in bound if p in known_purposes])
        sections[name] = section
        found[name] = Dataset(
            name=name,
            store=name.split(".")[0],
            relation=relation or "",
            columns=columns,
            data_subject=key,
            data_category=category,
            purposes=frozenset(bound),
            title=section.titles("title"),
            **dataset_use(section, columns),
        )
    _one_type(sections, found)
    return found


def _relation(section: Section, store: Store, relation: str) -> None:
    if store.kind is StoreKind.SQLITE and _TABLE.fullmatch(relation) is None:
        section.wrong("relation", f"{shown(relation)} is no table name", "write the table's plain name")
    if store.kind is StoreKind.POSTGRESQL and _QUALIFIED.fullmatch(relation) is None:
        section.wrong(
            "relation",
            f"{shown(relation)} is no table of the store",
            "write table or schema.table, not one of the system",
        )
    if store.kind is StoreKind.DUCKDB and _PATTERN.fullmatch(relation) is None:
        section.wrong(
            "relation",
            f"{shown(relation)} is no file pattern below the store's folder",
            "write one that ends with .parquet, .csv, .jsonl, .ndjson or .json, for example *.parquet",
        )


def _columns(dataset: Section, known: Hierarchies) -> list[Column]:
    columns = []
    for name, section in dataset.named("columns", "column"):
        unreviewed = section.is_word("class", UNREVIEWED)
        kind = section.choice("type", ColumnType)
        column_class = RESTRICTED if unreviewed else section.choice("class", ColumnClass)
        generalise, domain = section.text("generalise"), section.name("domain")
        if generalise is not None:
            _generalise(section, generalise, kind, column_class)
        if column_class is ColumnClass.LINKING_IDENTIFIER and not section.has("domain"):
            section.wrong(
                "class", "a linking identifier needs a `domain`", f"add `domain: {name.removesuffix('_id')}`"
            )
        if domain is not None and column_class not in {ColumnClass.LINKING_IDENTIFIER, None}:
            section.wrong("domain", "`domain` is for linking identifiers", "leave it out")
        category, title = section.name("category"), section.titles("title")
        if unreviewed:
            category = None  # it may stand there, for purposes that name it; which it is, the review says
        masked = mask(section, kind, column_class, known)
        if unreviewed and section.has("mask"):
            section.wrong(
                "mask", "a column that waits for its review has no mask", "write its class, or leave it out"
            )
        if kind is not None and column_class is not None:
            columns.append(Column(name, kind, column_class, generalise, domain, category, title, unreviewed, masked))
    return columns


def _generalise(section: Section, generalise: str, kind: ColumnType | None, column_class: ColumnClass | None) -> None:
    types = GENERALISATIONS.get(generalise)
    if types is None:
        section.wrong("generalise", f"{shown(generalise)} is no generalisation", nearest(generalise, GENERALISATIONS))
    elif kind is not None and kind.value not in types:
        section.wrong(
            "generalise", f"`{generalise}` does not fit the type {kind.value}", f"it takes {' or '.join(types)}"
        )
    if column_class not in {ColumnClass.QUASI_IDENTIFIER, None}:
        section.wrong("generalise", "`generalise` is for quasi-identifiers", "leave it out")


def _data_subject(dataset: Section, columns: tuple[Column, ...]) -> DataSubjectKey | None:
    if dataset.is_word("data_subject", "none"):
        # Without a person there is no consent to ask for: such data goes out unfiltered.
        personal = [c.name for c in columns if c.column_class is not ColumnClass.NONE]
        if personal:
            dataset.wrong(
                "data_subject",
                f"data about nobody has personal columns ({', '.join(personal[:5])})",
                "name the column that holds the person, or give these columns `class: none`",
            )
        return None
    section = dataset.section("data_subject")
    if section is None:
        return None
    name, identifier = section.name("column"), section.name("identifier")
    column = next((c for c in columns if c.name == name), None)
    if name is not None and column is None and name not in dataset.keys_of("columns"):
        section.wrong("column", f"unknown column {shown(name)}", nearest(name, [c.name for c in columns]))
    if column is not None and column.column_class is not ColumnClass.DIRECT_IDENTIFIER:
        section.wrong("column", "the column of the person is not a direct identifier", "correct its class")
    if column is not None and column.unreviewed:
        section.wrong("column", "the class of the column of the person is not written", "it is direct_identifier")
    if column is not None and column.type not in {ColumnType.INTEGER, ColumnType.STRING}:
        section.wrong("column", "the column of the person is no integer or string", "correct its type")
    return DataSubjectKey(name, identifier) if name and identifier else None


def _check_masks(section: Section, columns: tuple[Column, ...], key: DataSubjectKey | None) -> None:
    """The key of the person is a pseudonym whatever a mask says, and some masks need to know whose a row is."""
    for column in columns:
        if column.mask is None:
            continue
        if key is not None and key.column == column.name:
            section.wrong("columns", f"{column.name} names the person and has a mask", "leave `mask` out")
        elif key is None and TRANSFORMS[column.mask.kind].by_person:
            section.wrong(
                "columns",
                f"the mask `{column.mask.kind}` of {column.name} goes by the person, whom the dataset does not name",
                "name the column of the person in `data_subject`, or choose another mask",
            )


def _check_cells(section: Section, category: str | None, bound: list[Purpose]) -> None:
    """A dataset used for a purpose with cells must lie in one of them, or nobody could ever agree to it."""
    for purpose in bound:
        if purpose.cells and category not in purpose.cells:
            section.wrong(
                "data_category" if category else "purposes",
                f"purpose {purpose.name} has no cell for "
                + (shown(category) if category else "data without category"),
                f"set `data_category` to one of {', '.join(purpose.cells)}, or add the cell to the purpose",
            )


def _one_type(sections: Mapping[str, Section], found: Mapping[str, Dataset]) -> None:
    """Columns that are joined as one identifier have one type, or a join would silently match nothing."""
    types: dict[tuple[str, str], tuple[ColumnType, str]] = {}
    for dataset in found.values():
        keyed = [(("domain", c.domain), c) for c in dataset.columns if c.domain]
        key = dataset.data_subject
        person = dataset.column(key.column) if key else None
        if key and person:
            keyed.append((("identifier", key.identifier), person))
        for (what, name), column in keyed:
            first, where = types.setdefault((what, str(name)), (column.type, dataset.name))
            if first is not column.type:
                sections[dataset.name].wrong(
                    "columns",
                    f"the {what} {name} is {column.type.value} here and {first.value} in {where}",
                    "declare one type",
                )


def requesters(root: Section, known: Mapping[str, Purpose]) -> dict[str, Requester]:
    """Return the requesters by name."""
    found: dict[str, Requester] = {}
    entrusted = ROLES.union(*(purpose.roles for purpose in known.values()))
    for name, section in root.named("requesters", "requester"):
        bound = section.names("purposes", root.keys_of("purposes"), "purpose")
        roles = section.names("roles", entrusted, "role")
        recipient = section.choice("recipient", Recipient) or Recipient.INTERNAL
        if recipient is Recipient.THIRD_PARTY:
            for purpose in bound:
                if purpose in known and not known[purpose].third_party:
                    section.wrong(
                        "purposes",
                        f"a third party is registered for {purpose}, which provides nothing to third parties",
                        "set `third_party: true` on the purpose if people are told so (APPI 27)",
                    )
        title = section.titles("title")
        place = country(section, "country")
        found[name] = Requester(name, frozenset(bound), frozenset(roles), recipient, title, place)
    return found

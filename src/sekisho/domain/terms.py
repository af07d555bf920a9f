"""The nouns of the catalogue: columns, datasets, purposes, requesters.

All are frozen values read from ``sekisho.yaml``. The words are those of the glossary: the
*data subject* is the person the data is about (GDPR 4(1), 本人), the *requester* asks for data,
the *purpose* is why (利用目的, APPI 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

from sekisho.domain.limits import DatasetClass, Keep, Limits, OutputClass, Place, ReleaseFormat
from sekisho.domain.masks import Mask
from sekisho.domain.provisions import Origin, Party

Cell = NewType("Cell", str)
"""One cell of consent: a purpose, or a purpose within one scope (``recommendation/data_category=purchase``)."""

SubjectNumber = NewType("SubjectNumber", int)
"""The dense number of a data subject inside the gateway; it never leaves it unencrypted."""


class ColumnClass(StrEnum):
    """What a column says about a person; policy is written over classes, not over names."""

    DIRECT_IDENTIFIER = "direct_identifier"
    LINKING_IDENTIFIER = "linking_identifier"  # an invoice, ticket, event: one person each, joins purposes
    QUASI_IDENTIFIER = "quasi_identifier"
    SENSITIVE = "sensitive"  # 要配慮個人情報 (APPI 2(3)) and what the controller treats alike
    FREE_TEXT = "free_text"
    NONE = "none"


class ColumnType(StrEnum):
    """The value type of a column, the same words for every store."""

    STRING = "string"
    INTEGER = "integer"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"


class LegalBasis(StrEnum):
    """On what ground a purpose stands (GDPR 6(1); APPI 18, 27)."""

    CONSENT = "consent"
    LEGITIMATE_INTEREST = "legitimate_interest"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal_obligation"


class Recipient(StrEnum):
    """Who a requester is to the controller; a third party needs consent to provision (APPI 27)."""

    INTERNAL = "internal"
    PROCESSOR = "processor"
    THIRD_PARTY = "third_party"


class StoreKind(StrEnum):
    """The engine that runs a store's statements."""

    SQLITE = "sqlite"
    DUCKDB = "duckdb"
    POSTGRESQL = "postgresql"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset.

    Attributes
    ----------
    name:
        Lower-case name as statements use it.
    type:
        Value type.
    column_class:
        What it says about a person.
    generalise:
        Name of the generalisation that a policy applies to a quasi-identifier (``year``, ``prefix3``,
        ``host``, ``browser``), or ``None`` when the value is already coarse enough to be shown.
    domain:
        Token domain of a linking identifier: two columns of one domain may be joined.
    category:
        What the value is (``email``, ``phone``, ``search_query`` …), for rules finer than the class.
    title:
        Human description, by locale.
    unreviewed:
        Whether ``sekisho.yaml`` leaves its class to a review; until there is one, *column_class* is the most
        restricted.
    mask:
        The mask that it declares, with its parameters, in place of what its class gets else.
    """

    name: str
    type: ColumnType
    column_class: ColumnClass
    generalise: str | None = None
    domain: str | None = None
    category: str | None = None
    title: Mapping[str, str] = field(default_factory=dict)
    unreviewed: bool = False
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class DataSubjectKey:
    """Which column names the person of a row, and what kind of identifier it holds."""

    column: str
    identifier: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A governed table.

    Attributes
    ----------
    name:
        ``store.table``, as statements use it.
    store:
        Name of the store.
    relation:
        Physical table name, or the file pattern below the store's folder.
    columns:
        In catalogue order. What is not listed does not exist for a requester.
    data_subject:
        The column that names the person, or ``None`` for data about nobody.
    data_category:
        The value of the scope dimension ``data_category`` that consent must cover.
    purposes:
        Purposes for which this dataset may be used at all; also for the narrower purposes below them.
    kind:
        What kind of information it holds; ``None`` for what its columns say.
    countries:
        The countries (ISO 3166) whose requesters may read it; empty for no such limit.
    keep:
        How long its rows may be used, or ``None``.
    least_age:
        The age in years that everybody in it has reached, where the controller knows that.
    origin:
        The third party that it was received from (APPI 30), or ``None`` for data of the controller's own.
    """

    name: str
    store: str
    relation: str
    columns: tuple[Column, ...]
    data_subject: DataSubjectKey | None
    data_category: str | None
    purposes: frozenset[str]
    title: Mapping[str, str] = field(default_factory=dict)
    kind: DatasetClass | None = None
    countries: tuple[str, ...] = ()
    keep: Keep | None = None
    least_age: int | None = None
    origin: Origin | None = None

    def column(self, name: str) -> Column | None:
        """Return the column called *name*, or ``None``."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def key_type(self) -> ColumnType | None:
        """Type of the column that names the person, ``None`` where none does."""
        column = None if self.data_subject is None else self.column(self.data_subject.column)
        return None if column is None else column.type

    @property
    def about_nobody(self) -> bool:
        """Whether it is reference data: no key, and no column that says anything about a person.

        A dataset without a key that holds such a column is about people whose consent cannot be looked up.
        """
        return self.data_subject is None and all(c.column_class is ColumnClass.NONE for c in self.columns)

    @property
    def dataset_class(self) -> DatasetClass:
        """What kind of information it holds: as declared, else by its columns."""
        return self.kind or (DatasetClass.REFERENCE if self.about_nobody else DatasetClass.PERSONAL)

    @property
    def birth_date(self) -> str | None:
        """Name of the column that holds when the person was born: the date of the category ``birth_date``."""
        return next((c.name for c in self.columns if c.category == "birth_date" and c.type is ColumnType.DATE), None)


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why data is used (利用目的).

    Attributes
    ----------
    name:
        Stable key.
    legal_basis:
        Ground of the processing.
    output:
        ``rows`` or ``statistics``; a statistics purpose answers published views only.
    cells:
        Data categories in which consent is held apart; empty for a purpose with one cell.
    explicit:
        Classes or categories of columns for which this purpose's consent is explicit.
    third_party:
        Whether the purpose provides data to third parties (APPI 27).
    gpc:
        Whether Global Privacy Control objects to it.
    clear:
        Column categories that this purpose may see unmasked (contract, legal obligation).
    direct_marketing:
        Whether it contacts people to sell (GDPR 21(2): an objection is absolute).
    confirm:
        Whether a yes has to be confirmed before it counts (double opt-in).
    validity_days:
        How long a yes holds where nothing else is said; ``None`` for until withdrawn.
    retention_days:
        How long a recipient may keep what was released for this purpose; ``None`` for no longer than its use.
    guardian_below_age:
        Age in years below which a guardian decides, where the workspace is stricter than its rules of law.
    data_categories, recipients, transfer_countries:
        What people are told: which data, who receives it (``relation: name``), and to which countries (ISO 3166).
    data_titles:
        Data category to what it is called in each language, where ``data_categories`` says so.
    transfer_information:
        Country to what people are told of it before they agree: its ``system`` of protecting personal data, and
        the ``measures`` that the recipient takes (APPI 28(2)).
    person_related:
        Whether third parties receive what names nobody here and will know whose it is (個人関連情報, APPI 31).
    dpv:
        The purpose's term in the W3C Data Privacy Vocabulary (``dpv:PersonalisedAdvertising``).
    legal_bases:
        The ground by regime (``gdpr``), where it is not ``legal_basis``.
    ancestors:
        The wider purposes that it is a part of, nearest first.
    needs:
        Classes or categories of columns that it needs, and no other is used; ``None`` where that is not declared.
    output_class:
        What may leave at most; ``None`` where nothing is said beyond ``output``.
    roles:
        Roles of which a requester must have one; empty for no such demand.
    minimum_age:
        The age in years that everybody whose rows are used has reached; ``None`` for any.
    limits:
        How much one requester may have.
    formats:
        The forms in which answers may leave; empty for all.
    watermark:
        Whether each row says by which release it left.
    weekend_freeze:
        Whether nothing is released on Saturdays and Sundays.
    break_glass_minutes:
        For an emergency purpose, which needs a grant by somebody else: how long one may hold at most.
    detokenises:
        The purposes whose pseudonyms are turned back into identifiers for this one, which answers nothing else;
        empty for every other purpose.
    """

    name: str
    legal_basis: LegalBasis
    output: str = "rows"
    cells: tuple[str, ...] = ()
    explicit: frozenset[str] = frozenset()
    third_party: bool = False
    gpc: bool = False
    clear: frozenset[str] = frozenset()
    direct_marketing: bool = False
    confirm: bool = False
    validity_days: int | None = None
    retention_days: int | None = None
    guardian_below_age: int | None = None
    data_categories: tuple[str, ...] = ()
    data_titles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    recipients: tuple[str, ...] = ()
    transfer_countries: tuple[str, ...] = ()
    transfer_information: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    person_related: bool = False
    dpv: str | None = None
    legal_bases: Mapping[str, LegalBasis] = field(default_factory=dict)
    ancestors: tuple[str, ...] = ()
    needs: frozenset[str] | None = None
    output_class: OutputClass | None = None
    roles: frozenset[str] = frozenset()
    minimum_age: int | None = None
    limits: Limits = field(default_factory=Limits)
    formats: tuple[ReleaseFormat, ...] = ()
    watermark: bool = False
    weekend_freeze: bool = False
    break_glass_minutes: int | None = None
    detokenises: frozenset[str] = frozenset()
    title: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)

    def all_cells(self) -> tuple[Cell, ...]:
        """Return every cell in which consent for this purpose is held."""
        if not self.cells:
            return (Cell(self.name),)
        return tuple(Cell(f"{self.name}/data_category={category}") for category in self.cells)


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks for data: a registered service or team.

    ``purposes`` come from the registration, never from a request. ``country`` (ISO 3166) is where it is; ``None``
    is the country of the controller. ``party`` says who a recipient outside is.
    """

    name: str
    purposes: frozenset[str]
    roles: frozenset[str] = frozenset()
    recipient: Recipient = Recipient.INTERNAL
    title: Mapping[str, str] = field(default_factory=dict)
    country: str | None = None
    party: Party | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """A data store.

    Attributes
    ----------
    location:
        An absolute path: a database file, or the folder of the store's files. Of a server, its URL, in which no
        password stands.
    password_file:
        Absolute path of the file with the password of a server, where it asks for one.
    writes:
        Whether the gateway may write tables of its own into a server. Where it may not, DuckDB runs the statements.
    named:
        Which data it is, alike on every machine: the location, below the workspace relative to it; of a server its
        URL without how the way there is protected. Empty where it was not read from a workspace.
    """

    name: str
    kind: StoreKind
    location: str
    password_file: str | None = None
    writes: bool = True
    named: str = ""


@dataclass(frozen=True, slots=True)
class StatisticsView:
    """A published statistics view: a fixed statement, released whole and cached.

    Attributes
    ----------
    sql:
        The controller's own statement, in the dialect of the stores it reads.
    people:
        Output column that counts the distinct data subjects of a group.
    min_group:
        Groups of fewer people are suppressed.
    """

    name: str
    purpose: str
    sql: str
    people: str
    min_group: int
    title: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Catalogue:
    """Everything a workspace declares, by name."""

    stores: Mapping[str, Store]
    datasets: Mapping[str, Dataset]
    purposes: Mapping[str, Purpose]
    requesters: Mapping[str, Requester]
    views: Mapping[str, StatisticsView]
    revision: str
    place: Place = field(default_factory=Place)

    def visible_to(self, requester: Requester) -> dict[str, Dataset]:
        """Return the datasets that *requester* may see: those bound to one of its purposes, or to a wider one."""
        held = set(requester.purposes)
        for name in requester.purposes & self.purposes.keys():
            held.update(self.purposes[name].ancestors)
        return {name: dataset for name, dataset in self.datasets.items() if dataset.purposes & held}

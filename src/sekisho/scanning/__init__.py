"""Scanning: what stores hold, what their columns seem to be, who reviewed it, and which class is in force.

``scans.py`` looks into stores, ``reviews.py`` takes decisions, ``catalogue_file.py`` is the same as a file to commit,
``classes.py`` brings what was decided to every statement.
"""

from sekisho.scanning.classes import Classes
from sekisho.scanning.reviews import ColumnReviews
from sekisho.scanning.scans import Scans

__all__ = ["Classes", "ColumnReviews", "Scans"]

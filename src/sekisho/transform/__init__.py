"""Cell level: what happens to one column of a page on its way out, one file per technique.

``pseudonym`` for the data-subject key, ``token`` for linking identifiers, ``text`` for free text.
Everything else (null, constant, year, first three digits) is SQL at the scan and has no file here.
"""

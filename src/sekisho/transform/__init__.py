"""Cell level: what happens to the values of one column, one file per technique.

``page`` does to a page what is done on the way out: ``pseudonym`` for the data-subject key, ``token`` for linking
identifiers, ``keyed_hash`` for other keys, ``fake``, ``date_shift`` and ``noise`` by the person of each row, ``text``
for free text. What is SQL at the scan has its Arrow form here too, behind ``scan``: ``constant``, ``partial``,
``truncate``, ``hierarchy``, ``bucket``, ``top_bottom``, ``prefix``, ``web``. What each is and promises stands in
:mod:`sekisho.domain.transforms`.
"""

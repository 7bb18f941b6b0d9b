"""Records: types, documents and submissions, and the files that belong to them.

``types`` and ``desk`` hold the verbs, ``saving`` and ``linking`` what they do inside a transaction.
"""

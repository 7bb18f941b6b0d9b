"""VERBS: what can be done with files, once for all dialects. ``depot.Depot`` is the front.

Verbs are async methods; the unit of work inside a verb is a plain function of a transaction, so
nothing can come between a check and the write that it guards. No web framework, and no question
about who is calling: a dialect parses, calls one verb, renders.
"""

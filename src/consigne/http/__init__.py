"""HTTP kit without business: what every dialect needs to parse a request and to answer it.

Nothing here knows a rule of the vault or asks which dialect is calling. Refusals are raised as
classes of ``consigne.errors``; a dialect's fault table gives them their words.
"""

"""The words of the vault: identity, names, rights and entities. Pure values and functions."""

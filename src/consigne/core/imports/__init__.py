"""Imports: records from the rows of a CSV file, in the background, each with its result (C-52).

A file is read twice, and a third time where rows were refused: to find what is wrong with it as a
whole, to take in its rows, and to copy the refused ones into the error file. All three stream.
"""

"""`emon doctor`: what is wrong with an installation, where, and how to mend it.

A module for each subject reads what there is; the module of the same name in `rules` says, without any I/O, what a reading means.
"""

"""Finds problems of labelled data before any time is spent on training, and mends what can be mended.

file --kinds--> Documents --tokenize--> Survey of the kind --compare--> findings
                                    --> sampled windows   --estimate--> seconds and bytes
findings --repair--> OUT
"""

"""Finds problems in labelled data before any time is spent on training, and repairs what it can.

file --kinds--> Documents --tokenize--> Survey of the kind --compare--> findings
                                    --> sampled windows   --estimate--> seconds and bytes
findings --repair--> OUT
"""

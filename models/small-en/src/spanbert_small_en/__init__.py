"""The model small-en, in the folder `model` beside this file; `spanbert.load("small-en")` finds it there."""

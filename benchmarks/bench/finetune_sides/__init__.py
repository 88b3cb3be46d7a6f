"""The two sides of `bench finetune`, and what they share: data, recipe, scores."""

"""`spanbert quickstart`: all steps with a small model, in minutes, from packaged text."""

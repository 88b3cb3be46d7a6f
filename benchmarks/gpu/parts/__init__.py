"""What is measured, a module each: `run(job, figures)`."""

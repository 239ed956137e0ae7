"""Money broken on purpose: each mutant must be killed by the test that is named for it (`python -m tests.mutants`)."""

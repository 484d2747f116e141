"""Government reviewers examine, ask and decide."""

"""For tests: private servers, and proofs of migrations that plugins share with us."""

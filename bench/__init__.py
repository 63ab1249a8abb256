"""`python -m bench`: what a request costs, as ratios to a bare Flask route and to PostgreSQL's own limit. See docs/performance.md."""

"""The functions of the ingest workflow, in the order of its steps: plan, fetch, gather, annotate, touched, curate, report."""

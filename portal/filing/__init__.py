"""AI developers file: models, releases, documents, risk reports, incidents."""

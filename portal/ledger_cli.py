"""``assay ledger``: verify the records of this instance."""

"""The pages of evaluators, and the accreditation pages of the authority."""

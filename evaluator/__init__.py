"""Independent evaluators: accreditation, engagement, assessment, comparison."""

"""A publication's claims as tests on trained variants: what is claimed, how it is measured, whether it holds."""

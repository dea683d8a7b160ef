"""A protocol: macro averages over the five competition observations; a YAML file would do as well."""

from rrgbench.scoring.protocols import Protocol

FIVE_MACRO = Protocol(
    name="five-macro",
    version=2,
    cleaning="r2gen-iu",
    labeler="keywords",
    averaging="macro",
    observations=5,
    source="An example of a protocol that another package brings.",
)

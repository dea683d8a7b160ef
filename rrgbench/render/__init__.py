"""From the records of a run to tables: terminal, Markdown, LaTeX, HTML."""

from rrgbench.render.documents import RunDocuments, write_run_documents
from rrgbench.render.table import Table
from rrgbench.render.tables import tables

__all__ = ["RunDocuments", "Table", "tables", "write_run_documents"]

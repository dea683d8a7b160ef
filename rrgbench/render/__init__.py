"""One table and its five writers: terminal, LaTeX, Markdown, HTML, JSON."""

from rrgbench.render.record_tables import tables
from rrgbench.render.run_documents import RunDocuments, write_run_documents
from rrgbench.render.table import Table

__all__ = ["RunDocuments", "Table", "tables", "write_run_documents"]

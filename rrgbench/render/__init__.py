"""One table and its five writers: terminal, LaTeX, Markdown, HTML, JSON; figures and pages."""

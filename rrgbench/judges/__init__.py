"""Language models as judges of reports, with receipts: pinned prompts, kept transcripts, time and cost."""

"""Other people's models as ours: from Hugging Face (`hf:`, `timm:`) and from servers (`openai:`)."""

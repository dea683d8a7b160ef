"""Other people's models as ours: files (`predictions:`), Hugging Face (`hf:`, `timm:`), servers (`openai:`)."""

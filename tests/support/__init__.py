"""What several test folders share: tiny models and tokenizers, built here, nothing downloaded."""

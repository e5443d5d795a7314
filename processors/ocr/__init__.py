"""Text recognition with Tesseract: languages, models, orientation and outputs."""

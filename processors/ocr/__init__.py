"""Text recognition: languages and models, the engine, and its results as ALTO and more."""
